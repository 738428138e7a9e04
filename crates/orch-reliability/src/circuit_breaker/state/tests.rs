//! One test per row of the state table, named after the row, then the rules between the rows.

mod model;

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const COOLDOWN: Duration = Duration::from_secs(30);
const LEASE: Duration = Duration::from_secs(65);

/// A circuit and a clock of its own.
struct Bench {
    state: State,
    rules: Rules,
    now: Instant,
}

impl Bench {
    fn new(config: CircuitBreakerConfig) -> Self {
        let rules = Rules { config: config.jitter(0.0), seed: 1 };
        let now = Instant::now();
        Self { state: State::new(now, &rules), rules, now }
    }

    fn closed() -> Self {
        Self::new(CircuitBreakerConfig::default())
    }

    fn slow_after(limit: Duration) -> Self {
        Self::new(CircuitBreakerConfig::default().slow_after(limit))
    }

    /// A circuit that has just opened for the first time.
    fn opened(config: CircuitBreakerConfig) -> Self {
        let mut bench = Self::new(config);
        bench.trip();
        bench
    }

    /// A half-open circuit, and its first probe.
    fn half_open() -> (Self, Permit) {
        Self::opened(CircuitBreakerConfig::default()).probing()
    }

    fn probing(mut self) -> (Self, Permit) {
        self.wait(COOLDOWN);
        let probe = self.admit().unwrap();
        (self, probe)
    }

    fn trip(&mut self) {
        for _ in 0..5 {
            self.call(Verdict::Failure);
        }
        assert_eq!(self.name(), "open");
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
    }

    fn admit(&mut self) -> Result<Permit, Rejection> {
        self.state.admit(self.now, &self.rules).0
    }

    fn report(&mut self, permit: Permit, verdict: Verdict) -> News {
        self.state.report(permit, verdict, self.now, &self.rules)
    }

    fn call(&mut self, verdict: Verdict) -> Option<Change> {
        let permit = self.admit().unwrap();
        self.report(permit, verdict).change
    }

    fn name(&self) -> &'static str {
        self.state.phase.name()
    }

    fn counts(&self) -> Counts {
        self.state.counts(self.now)
    }

    /// How long it stays open.
    fn open_for(&self) -> Duration {
        self.state.open_for(self.now).expect("open until a moment")
    }
}

fn open_for(time: Duration) -> Rejection {
    Rejection::Open { retry_after: Some(time) }
}

#[test]
fn closed_admit_while_cooling_is_rejected_as_rate_limited() {
    let mut bench = Bench::closed();
    bench.call(Verdict::Throttled(Some(7 * SECOND)));
    bench.wait(2 * SECOND);
    assert_eq!(bench.admit(), Err(Rejection::Cooling { retry_after: 5 * SECOND }));
    bench.wait(5 * SECOND);
    assert!(bench.admit().is_ok());
}

#[test]
fn closed_admit_else_gives_a_permit() {
    let mut bench = Bench::closed();
    for _ in 0..1_000 {
        assert!(bench.admit().is_ok());
    }
    assert_eq!(bench.name(), "closed");
}

#[test]
fn closed_success_or_failure_is_recorded_and_the_trip_rule_opens() {
    let mut bench = Bench::closed();
    bench.call(Verdict::Success);
    assert_eq!(bench.counts(), Counts { calls: 1, ..Counts::default() });
    for _ in 0..4 {
        assert_eq!(bench.call(Verdict::Failure), None);
    }
    let before = bench.state.generation;
    let change = bench.call(Verdict::Failure).unwrap();
    assert_eq!(change, Change { from: "closed", to: "open", reason: Reason::Consecutive { failures: 5 } });
    assert_eq!((bench.open_for(), bench.state.generation), (COOLDOWN, before + 1));
}

#[test]
fn closed_neutral_changes_nothing() {
    let mut bench = Bench::closed();
    for verdict in [Verdict::Neutral, Verdict::Exhausted(Some(Duration::ZERO))] {
        for _ in 0..50 {
            assert_eq!(bench.call(verdict), None);
        }
    }
    assert_eq!((bench.name(), bench.counts()), ("closed", Counts::default()));
}

#[test]
fn closed_drop_before_slow_after_changes_nothing() {
    let mut bench = Bench::slow_after(10 * SECOND);
    let permit = bench.admit().unwrap();
    bench.wait(10 * SECOND - Duration::from_nanos(1));
    bench.report(permit, Verdict::GivenUp);
    assert_eq!(bench.counts(), Counts::default());
}

#[test]
fn closed_drop_from_slow_after_on_is_recorded_as_slow_not_failed() {
    let mut bench = Bench::slow_after(10 * SECOND);
    let permit = bench.admit().unwrap();
    bench.wait(10 * SECOND);
    bench.report(permit, Verdict::GivenUp);
    assert_eq!(bench.counts(), Counts { calls: 1, failures: 0, slow: 1, consecutive: 0 });
}

#[test]
fn closed_panic_is_recorded_as_a_failure() {
    let mut bench = Bench::closed();
    bench.call(Verdict::Failure);
    assert_eq!(bench.counts(), Counts { calls: 1, failures: 1, slow: 0, consecutive: 1 });
}

#[test]
fn open_admit_before_until_is_rejected_with_the_time_left() {
    let mut bench = Bench::opened(CircuitBreakerConfig::default());
    assert_eq!(bench.admit(), Err(open_for(COOLDOWN)));
    bench.wait(COOLDOWN - SECOND);
    assert_eq!(bench.admit(), Err(open_for(SECOND)));
}

#[test]
fn open_admit_from_until_on_is_the_first_probe() {
    let mut bench = Bench::opened(CircuitBreakerConfig::default());
    let before = bench.state.generation;
    bench.wait(COOLDOWN);
    let (permit, change) = bench.state.admit(bench.now, &bench.rules);
    assert_eq!(permit, Ok(Permit { generation: before + 1, probe: Some(0), since: Some(bench.now) }));
    assert_eq!(change, Some(Change { from: "open", to: "half_open", reason: Reason::CooldownOver }));
}

#[test]
fn open_any_report_changes_no_state() {
    for verdict in [Verdict::Success, Verdict::Failure, Verdict::TimedOut, Verdict::Throttled(None), Verdict::GivenUp] {
        let mut bench = Bench::closed();
        let late: Vec<_> = (0..20).map(|_| bench.admit().unwrap()).collect();
        bench.trip();
        bench.wait(SECOND);
        for permit in late {
            assert_eq!(bench.report(permit, verdict), News::default());
        }
        assert_eq!(bench.open_for(), COOLDOWN - SECOND, "{verdict:?}");
    }
}

#[test]
fn half_open_admit_after_a_lapsed_lease_opens_for_longer() {
    let (mut bench, _hung) = Bench::half_open();
    bench.wait(LEASE);
    let (answer, change) = bench.state.admit(bench.now, &bench.rules);
    assert_eq!(answer, Err(open_for(2 * COOLDOWN)));
    assert_eq!(change, Some(Change { from: "half_open", to: "open", reason: Reason::ProbeHung }));
}

#[test]
fn half_open_admit_with_a_free_place_is_a_leased_probe() {
    let (mut bench, first) = Bench::half_open();
    bench.report(first, Verdict::Success);
    let second = bench.admit().unwrap();
    assert_eq!(second.probe, Some(1));
    bench.wait(LEASE - SECOND);
    assert_eq!(bench.admit(), Err(open_for(SECOND)));
}

#[test]
fn half_open_admit_else_is_rejected_for_the_shortest_lease_left() {
    let config = CircuitBreakerConfig::default().probes(2).successes_to_close(3);
    let (mut bench, _first) = Bench::opened(config).probing();
    bench.wait(5 * SECOND);
    let _second = bench.admit().unwrap();
    bench.wait(20 * SECOND);
    assert_eq!(bench.admit(), Err(open_for(LEASE - 25 * SECOND)));
}

#[test]
fn half_open_never_has_more_probes_than_successes_still_needed() {
    let config = CircuitBreakerConfig::default().probes(9).successes_to_close(2);
    let (mut bench, first) = Bench::opened(config).probing();
    assert!(bench.admit().is_ok());
    assert!(bench.admit().is_err());
    bench.report(first, Verdict::Success);
    assert!(bench.admit().is_err());
}

#[test]
fn half_open_probe_success_as_the_last_one_needed_closes() {
    let (mut bench, first) = Bench::half_open();
    bench.report(first, Verdict::Success);
    let change = bench.call(Verdict::Success);
    assert_eq!(change, Some(Change { from: "half_open", to: "closed", reason: Reason::ProbesSucceeded }));
    assert_eq!(bench.counts(), Counts::default());
    assert_eq!(bench.state.openings, 1, "forgotten only after a cooldown in peace");
}

#[test]
fn half_open_probe_success_before_the_last_one_is_counted() {
    let (mut bench, first) = Bench::half_open();
    assert_eq!(bench.report(first, Verdict::Success), News::default());
    assert!(matches!(&bench.state.phase, Phase::HalfOpen { succeeded: 1, probes, .. } if probes.is_empty()));
}

#[test]
fn half_open_probe_failed_slow_throttled_or_panicked_opens_for_longer() {
    for verdict in [Verdict::Failure, Verdict::TimedOut, Verdict::Throttled(None)] {
        let (mut bench, probe) = Bench::half_open();
        let change = bench.report(probe, verdict).change;
        assert_eq!(change, Some(Change { from: "half_open", to: "open", reason: Reason::ProbeFailed }), "{verdict:?}");
        assert_eq!(bench.open_for(), 2 * COOLDOWN);
    }
    for verdict in [Verdict::Success, Verdict::GivenUp] {
        let (mut bench, probe) = Bench::opened(CircuitBreakerConfig::default().slow_after(10 * SECOND)).probing();
        bench.wait(10 * SECOND);
        bench.report(probe, verdict);
        assert_eq!(bench.open_for(), 2 * COOLDOWN, "slow {verdict:?}");
    }
}

#[test]
fn half_open_probe_neutral_or_dropped_early_gives_its_place_back() {
    let (mut bench, mut probe) = Bench::half_open();
    for verdict in [Verdict::Neutral, Verdict::Exhausted(Some(Duration::ZERO)), Verdict::GivenUp] {
        assert_eq!(bench.report(probe, verdict).change, None);
        assert_eq!(bench.name(), "half_open");
        probe = bench.admit().unwrap();
    }
}

#[test]
fn any_order_sets_the_state_and_starts_a_generation() {
    let stages: [fn() -> Bench; 3] =
        [Bench::closed, || Bench::opened(CircuitBreakerConfig::default()), || Bench::half_open().0];
    for (order, name) in [(Order::Open, "open"), (Order::Close, "closed"), (Order::Reset, "closed")] {
        for stage in stages {
            let mut bench = stage();
            let before = bench.state.generation;
            let change = bench.state.order(order, bench.now);
            assert_eq!((change.to, bench.name(), bench.state.generation), (name, name, before + 1));
        }
    }
}

#[test]
fn a_circuit_forced_open_stays_open_until_it_is_told_otherwise() {
    let mut bench = Bench::closed();
    bench.state.order(Order::Open, bench.now);
    bench.wait(Duration::from_secs(365 * 24 * 3600));
    assert_eq!(bench.admit(), Err(Rejection::Open { retry_after: None }));
    bench.state.order(Order::Close, bench.now);
    assert!(bench.admit().is_ok());
}

#[test]
fn closing_by_force_keeps_to_what_the_target_asked_for_and_a_reset_does_not() {
    let mut bench = Bench::closed();
    bench.call(Verdict::Throttled(Some(60 * SECOND)));
    bench.state.order(Order::Close, bench.now);
    assert_eq!(bench.admit(), Err(Rejection::Cooling { retry_after: 60 * SECOND }));
    bench.state.order(Order::Reset, bench.now);
    assert!(bench.admit().is_ok());
}

#[test]
fn a_rate_of_failures_opens_from_the_least_number_of_calls_on() {
    let mut bench = Bench::closed();
    for n in 0..9 {
        assert_eq!(bench.call(if n % 2 == 0 { Verdict::Failure } else { Verdict::Success }), None);
    }
    let change = bench.call(Verdict::Failure).unwrap();
    assert_eq!(change.reason, Reason::FailureRate { failures: 6, calls: 10 });
}

#[test]
fn failures_in_a_row_that_are_spread_wider_than_the_window_do_not_open() {
    let mut bench = Bench::closed();
    for _ in 0..100 {
        assert_eq!(bench.call(Verdict::Failure), None);
        bench.wait(15 * SECOND);
    }
}

#[test]
fn being_throttled_counts_for_the_rate_and_not_for_the_row() {
    let mut bench = Bench::closed();
    for _ in 0..4 {
        bench.call(Verdict::Failure);
        bench.call(Verdict::Throttled(None));
    }
    assert_eq!(bench.counts(), Counts { calls: 8, failures: 8, slow: 0, consecutive: 4 });
    let change = bench.call(Verdict::Failure).unwrap();
    assert_eq!(change.reason, Reason::Consecutive { failures: 5 });
}

#[test]
fn slow_calls_open_only_where_slowness_is_watched() {
    for (mut bench, name) in [(Bench::closed(), "closed"), (Bench::slow_after(SECOND), "open")] {
        let permits: Vec<_> = (0..10).map(|_| bench.admit().unwrap()).collect();
        bench.wait(SECOND);
        for permit in permits {
            bench.report(permit, Verdict::Success);
        }
        assert_eq!(bench.name(), name);
    }
}

#[test]
fn the_cooldown_doubles_to_its_longest_and_begins_anew_after_peace() {
    let mut bench = Bench::opened(CircuitBreakerConfig::default());
    for seconds in [30, 60, 120, 240, 480, 600, 600] {
        assert_eq!(bench.open_for(), Duration::from_secs(seconds));
        bench.wait(bench.open_for());
        bench.call(Verdict::Failure);
    }
    for peace in [COOLDOWN - SECOND, COOLDOWN] {
        bench.wait(bench.open_for());
        bench.call(Verdict::Success);
        bench.call(Verdict::Success);
        bench.wait(peace);
        bench.trip();
        let expected = if peace < COOLDOWN { Duration::from_secs(600) } else { COOLDOWN };
        assert_eq!(bench.open_for(), expected);
    }
}

#[test]
fn a_hint_longer_than_the_cooldown_keeps_the_circuit_open_for_as_long() {
    let (mut bench, probe) = Bench::half_open();
    bench.report(probe, Verdict::Throttled(Some(200 * SECOND)));
    assert_eq!(bench.open_for(), 200 * SECOND);
    let (mut bench, probe) = Bench::half_open();
    bench.report(probe, Verdict::Throttled(Some(SECOND)));
    assert_eq!(bench.open_for(), 2 * COOLDOWN);
}

#[test]
fn a_hint_that_comes_late_is_still_kept_to() {
    let mut bench = Bench::closed();
    let late = bench.admit().unwrap();
    bench.trip();
    bench.report(late, Verdict::Throttled(Some(100 * SECOND)));
    assert_eq!((bench.open_for(), bench.admit()), (COOLDOWN, Err(open_for(100 * SECOND))));
}

#[test]
fn a_hint_keeps_calls_away_no_longer_than_the_longest_cooldown() {
    let mut bench = Bench::closed();
    bench.call(Verdict::Throttled(Some(Duration::MAX)));
    assert_eq!(bench.admit(), Err(Rejection::Cooling { retry_after: 600 * SECOND }));
}

#[test]
fn a_used_up_quota_keeps_calls_away_for_its_hint_or_ten_minutes() {
    for (hint, pause) in [(None, 600 * SECOND), (Some(20 * SECOND), 20 * SECOND)] {
        let mut bench = Bench::closed();
        let permit = bench.admit().unwrap();
        let news = bench.report(permit, Verdict::Exhausted(hint));
        assert_eq!(news.quota_until, Some(bench.now + pause));
        assert_eq!(bench.admit(), Err(Rejection::Cooling { retry_after: pause }));
    }
}

#[test]
fn jitter_stays_in_its_bounds_and_follows_the_seed() {
    let open_for = |seed| {
        let mut bench = Bench::closed();
        bench.rules.config = CircuitBreakerConfig::default();
        bench.rules.seed = seed;
        bench.trip();
        bench.open_for().as_secs_f64()
    };
    let all: Vec<f64> = (0..500).map(open_for).collect();
    assert!(all.iter().all(|seconds| (24.0..36.0).contains(seconds)));
    assert!(all.iter().any(|seconds| *seconds < 26.0) && all.iter().any(|seconds| *seconds > 34.0));
    assert_eq!(all, (0..500).map(open_for).collect::<Vec<_>>());
}

#[test]
fn a_circuit_that_never_opened_is_idle_with_its_window_and_one_that_did_after_a_quarter_of_an_hour() {
    let idle = |bench: &Bench| bench.state.is_idle(bench.now, &bench.rules);
    let mut bench = Bench::closed();
    assert!(idle(&bench), "nothing has happened");
    bench.call(Verdict::Success);
    assert!(!idle(&bench));
    bench.wait(60 * SECOND);
    assert!(idle(&bench));
    let (mut bench, first) = Bench::half_open();
    bench.report(first, Verdict::Success);
    bench.call(Verdict::Success);
    bench.wait(899 * SECOND);
    assert!(!idle(&bench), "it would open for longer than a fresh one");
    bench.wait(SECOND);
    assert!(idle(&bench));
}

#[test]
fn a_half_open_circuit_is_idle_when_its_last_probe_has_been_over_for_long() {
    let (mut bench, _) = Bench::half_open();
    bench.wait(900 * SECOND);
    assert!(!bench.state.is_idle(bench.now, &bench.rules), "a probe was over just now");
    bench.wait(LEASE);
    assert!(bench.state.is_idle(bench.now, &bench.rules));
    let (mut bench, probe) = Bench::half_open();
    bench.report(probe, Verdict::Success);
    bench.wait(899 * SECOND);
    assert!(!bench.state.is_idle(bench.now, &bench.rules));
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Wait(u64),
    Admit,
    Report(usize, Verdict),
}

fn step() -> impl Strategy<Value = Step> {
    let verdict = prop_oneof![
        3 => Just(Verdict::Success),
        4 => Just(Verdict::Failure),
        1 => Just(Verdict::TimedOut),
        1 => (0_u64..100).prop_map(|hint| Verdict::Throttled(Some(Duration::from_secs(hint)))),
        1 => Just(Verdict::Neutral),
        1 => Just(Verdict::GivenUp),
    ];
    prop_oneof![
        1 => (0_u64..70_000).prop_map(Step::Wait),
        4 => Just(Step::Admit),
        4 => (any::<prop::sample::Index>(), verdict).prop_map(|(which, verdict)| Step::Report(which.index(64), verdict)),
    ]
}

proptest! {
    #[test]
    fn no_trace_admits_too_much_heeds_a_late_report_or_gets_stuck(
        steps in prop::collection::vec(step(), 0..200), probes in 1_u32..4, needed in 1_u32..4,
    ) {
        let config = CircuitBreakerConfig::default().probes(probes).successes_to_close(needed);
        let mut bench = Bench::new(config);
        let mut running: Vec<Permit> = Vec::new();
        for step in steps {
            match step {
                Step::Wait(millis) => bench.wait(Duration::from_millis(millis)),
                Step::Admit => {
                    let until = bench.state.open_for(bench.now);
                    if let Ok(permit) = bench.admit() {
                        prop_assert!(until.is_none_or(|left| left.is_zero()), "admitted while open");
                        running.push(permit);
                    }
                }
                Step::Report(which, verdict) if which < running.len() => {
                    let permit = running.swap_remove(which);
                    let late = permit.generation != bench.state.generation;
                    let (before, counts) = (bench.state.generation, bench.counts());
                    bench.report(permit, verdict);
                    if late {
                        prop_assert_eq!((before, counts), (bench.state.generation, bench.counts()));
                    }
                }
                Step::Report(..) => {}
            }
            let current = running.iter().filter(|permit| permit.generation == bench.state.generation).count();
            if bench.name() == "half_open" {
                prop_assert!(current <= probes.min(needed) as usize, "{} probes", current);
            }
        }
        // However many calls never come back, a healthy target is used again.
        for _ in 0..needed + 1 {
            bench.wait(600 * SECOND);
            if let Ok(permit) = bench.admit() {
                bench.report(permit, Verdict::Success);
            }
            bench.wait(600 * SECOND);
            if let Ok(permit) = bench.admit() {
                bench.report(permit, Verdict::Success);
            }
        }
        prop_assert_eq!(bench.name(), "closed");
    }
}
