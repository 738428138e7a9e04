//! The circuit against its table, kept as plainly as it is written down: every outcome ever recorded in one list.

use super::*;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Is {
    Closed,
    Open(Option<Instant>),
    HalfOpen,
}

/// A call that was let through.
#[derive(Clone, Copy, Debug)]
struct Running {
    permit: Permit,
    /// The life of the circuit that it belongs to.
    life: u32,
    began: Instant,
    is_probe: bool,
}

struct Model {
    config: CircuitBreakerConfig,
    is: Is,
    since: Instant,
    /// One for each transition.
    life: u32,
    openings: u32,
    cooling: Option<Instant>,
    succeeded: u32,
    leases: Vec<(Instant, Instant)>,
    /// When the buckets began, and what was recorded since it closed last: when, as what, whether it was slow.
    window: (Instant, Vec<(Instant, Sample, bool)>),
}

impl Model {
    fn new(config: CircuitBreakerConfig, now: Instant) -> Self {
        Self {
            config,
            is: Is::Closed,
            since: now,
            life: 0,
            openings: 0,
            cooling: None,
            succeeded: 0,
            leases: Vec::new(),
            window: (now, Vec::new()),
        }
    }

    fn name(&self) -> &'static str {
        match self.is {
            Is::Closed => "closed",
            Is::Open(_) => "open",
            Is::HalfOpen => "half_open",
        }
    }

    /// `Ok` says whether it is a probe, `Err` how long to stay away.
    fn admit(&mut self, now: Instant) -> Result<bool, Option<Duration>> {
        let cooling = self.cooling.filter(|until| *until > now);
        match (self.is, cooling) {
            (Is::Closed, Some(until)) => Err(Some(until - now)),
            (Is::Closed, None) => Ok(false),
            (Is::Open(None), _) => Err(None),
            (Is::Open(Some(until)), _) if until.max(cooling.unwrap_or(until)) > now => {
                Err(Some(until.max(cooling.unwrap_or(until)) - now))
            }
            (Is::Open(_), _) => {
                self.enter(Is::HalfOpen, now);
                self.probe(now)
            }
            (Is::HalfOpen, _) if self.leases.iter().any(|(_, ends)| *ends <= now) => Err(Some(self.open(now))),
            (Is::HalfOpen, Some(until)) => Err(Some(until - now)),
            (Is::HalfOpen, None) => self.probe(now),
        }
    }

    fn probe(&mut self, now: Instant) -> Result<bool, Option<Duration>> {
        let in_flight = u32::try_from(self.leases.len()).unwrap();
        if in_flight < self.config.probes && in_flight + self.succeeded < self.config.successes {
            self.leases.push((now, now + self.config.probe_lease));
            return Ok(true);
        }
        Err(self.leases.iter().map(|(_, ends)| *ends - now).min())
    }

    fn report(&mut self, call: Running, verdict: Verdict, now: Instant) {
        let wish = match verdict {
            Verdict::Throttled(wish) => wish,
            Verdict::Exhausted(wish) => Some(wish.unwrap_or(600 * SECOND)),
            _ => None,
        };
        if let Some(wish) = wish {
            self.cooling = self.cooling.max(Some(now + wish.min(self.config.longest_cooldown())));
        }
        if call.life != self.life {
            return;
        }
        let ran = now - call.began;
        let slow = self.config.slow_after.is_some_and(|limit| verdict == Verdict::TimedOut || ran >= limit);
        if call.is_probe {
            let place = self.leases.iter().position(|(began, _)| *began == call.began).expect("it is under way");
            self.leases.remove(place);
            match verdict {
                Verdict::Success if !slow => {
                    self.succeeded += 1;
                    if self.succeeded == self.config.successes {
                        self.close(now);
                    }
                }
                Verdict::Neutral | Verdict::Exhausted(_) => {}
                Verdict::GivenUp if !slow => {}
                _ => drop(self.open(now)),
            }
            return;
        }
        let sample = match verdict {
            Verdict::Success => Sample::Success,
            Verdict::Failure | Verdict::TimedOut => Sample::Failure,
            Verdict::Throttled(_) => Sample::Throttled,
            Verdict::GivenUp if slow => Sample::GivenUp,
            Verdict::GivenUp | Verdict::Neutral | Verdict::Exhausted(_) => return,
        };
        self.window.1.push((now, sample, slow));
        if self.trips(now) {
            if now - self.since >= self.config.cooldown {
                self.openings = 0;
            }
            self.open(now);
        }
    }

    /// What the list says about the last ten tenths of a window, the one that runs included.
    fn counts(&self, now: Instant) -> Counts {
        let (began, samples) = &self.window;
        let tenth = self.config.window.as_nanos() / 10;
        let number = |at: Instant| (at - *began).as_nanos() / tenth;
        let live = samples.iter().filter(|(at, ..)| number(*at) + 10 > number(now));
        let mut counts = Counts::default();
        for (_, sample, slow) in live {
            counts.calls += 1;
            counts.slow += u32::from(*slow);
            match sample {
                Sample::Success => counts.consecutive = 0,
                Sample::Failure => {
                    (counts.failures, counts.consecutive) = (counts.failures + 1, counts.consecutive + 1);
                }
                Sample::Throttled => counts.failures += 1,
                Sample::GivenUp => {}
            }
        }
        counts
    }

    fn trips(&self, now: Instant) -> bool {
        let Counts { calls, failures, slow, consecutive } = self.counts(now);
        let rate = |part: u32| f64::from(part) / f64::from(calls);
        consecutive >= self.config.failure_threshold
            || (calls >= self.config.min_calls
                && (rate(failures) >= self.config.failure_rate
                    || (self.config.slow_after.is_some() && rate(slow) >= self.config.slow_rate)))
    }

    fn open(&mut self, now: Instant) -> Duration {
        self.openings += 1;
        let mut time = self.config.cooldown;
        for _ in 1..self.openings.min(20) {
            time = (time * 2).min(self.config.longest_cooldown());
        }
        let until = self.cooling.map_or(now + time, |cooling| cooling.max(now + time));
        self.enter(Is::Open(Some(until)), now);
        until - now
    }

    fn close(&mut self, now: Instant) {
        self.window.1.clear();
        self.enter(Is::Closed, now);
    }

    fn enter(&mut self, is: Is, now: Instant) {
        (self.is, self.since, self.succeeded) = (is, now, 0);
        self.life += 1;
        self.leases.clear();
    }

    fn order(&mut self, order: Order, now: Instant) {
        match order {
            Order::Open => self.enter(Is::Open(None), now),
            Order::Close => self.close(now),
            Order::Reset => {
                (self.openings, self.cooling) = (0, None);
                self.close(now);
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Event {
    Wait(u64),
    Admit,
    Report(prop::sample::Index, Verdict),
    Order(Order),
}

fn event() -> impl Strategy<Value = Event> {
    let hint = || prop::option::of((0_u64..100).prop_map(Duration::from_secs));
    let verdict = prop_oneof![
        4 => Just(Verdict::Success),
        5 => Just(Verdict::Failure),
        1 => Just(Verdict::TimedOut),
        1 => hint().prop_map(Verdict::Throttled),
        1 => hint().prop_map(Verdict::Exhausted),
        1 => Just(Verdict::Neutral),
        1 => Just(Verdict::GivenUp),
    ];
    let order = prop_oneof![Just(Order::Open), Just(Order::Close), Just(Order::Reset)];
    prop_oneof![
        // No two moments are the same, so that a probe is known by when it began.
        6 => (1_u64..9_000).prop_map(Event::Wait),
        1 => (9_000_u64..90_000).prop_map(Event::Wait),
        14 => Just(Event::Admit),
        12 => (any::<prop::sample::Index>(), verdict).prop_map(|(which, verdict)| Event::Report(which, verdict)),
        1 => order.prop_map(Event::Order),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn the_circuit_does_what_its_table_says(
        events in prop::collection::vec(event(), 0..250),
        (probes, needed) in (1_u32..4, 1_u32..4),
        slow_after in prop::option::of((1_000_u64..20_000).prop_map(Duration::from_millis)),
    ) {
        let config = CircuitBreakerConfig::default().probes(probes).successes_to_close(needed).jitter(0.0);
        let config = match slow_after {
            Some(limit) => config.slow_after(limit),
            None => config,
        };
        let mut bench = Bench::new(config);
        let mut model = Model::new(bench.rules.config.clone(), bench.now);
        let mut running: Vec<Running> = Vec::new();
        for event in events {
            bench.wait(Duration::from_millis(1));
            match event {
                Event::Wait(millis) => bench.wait(Duration::from_millis(millis)),
                Event::Admit => {
                    let answer = bench.admit();
                    let expected = model.admit(bench.now);
                    let away = match answer {
                        Ok(_) => None,
                        Err(Rejection::Open { retry_after }) => Some(retry_after),
                        Err(Rejection::Cooling { retry_after }) => Some(Some(retry_after)),
                    };
                    prop_assert_eq!(away, expected.err());
                    if let (Ok(permit), Ok(is_probe)) = (answer, expected) {
                        running.push(Running { permit, life: model.life, began: bench.now, is_probe });
                    }
                }
                Event::Report(which, verdict) if !running.is_empty() => {
                    let call = running.swap_remove(which.index(running.len()));
                    bench.report(call.permit, verdict);
                    model.report(call, verdict, bench.now);
                }
                Event::Report(..) => {}
                Event::Order(order) => {
                    bench.state.order(order, bench.now);
                    model.order(order, bench.now);
                }
            }
            prop_assert_eq!(bench.name(), model.name());
            prop_assert_eq!(bench.counts(), model.counts(bench.now));
            prop_assert_eq!(bench.state.openings(), model.openings);
            prop_assert_eq!(bench.state.cooldown_until(bench.now), model.cooling.filter(|until| *until > bench.now));
        }
    }
}
