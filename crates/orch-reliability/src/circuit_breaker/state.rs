//! The circuit as a pure machine: every answer follows from its state, the event, the time and a seed.

use std::time::Duration;

use orch_core::{Circuit, Deadline};
use tokio::time::Instant;

use super::CircuitBreakerConfig;
use super::change::{Change, Reason};
use super::fast_path::Stamp;
use super::verdict::Verdict;
use super::window::{Counts, Sample, Scale, Window};

/// How long a used-up quota keeps calls away when the target does not say.
const QUOTA_PAUSE: Duration = Duration::from_secs(600);
/// How long a quiet circuit is remembered.
const IDLE: Duration = Duration::from_secs(900);

/// What a circuit works by.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) config: CircuitBreakerConfig,
    /// Decides the jitter.
    pub(super) seed: u64,
}

/// The state of one circuit.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// Grows with every transition. Who was admitted before the last one reports too late to count.
    generation: u64,
    /// How many times it opened without staying closed for a cooldown in between.
    openings: u32,
    cooldown_until: Option<Instant>,
    phase: Phase,
    window: Window,
}

#[derive(Clone, Debug)]
enum Phase {
    Closed {
        since: Instant,
    },
    /// `None`: until it is told otherwise.
    Open {
        until: Option<Instant>,
    },
    HalfOpen {
        since: Instant,
        succeeded: u32,
        next: u64,
        probes: Vec<Probe>,
    },
}

#[derive(Clone, Debug)]
struct Probe {
    id: u64,
    lease_ends: Instant,
}

/// The right to one call, and the duty to report how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Permit {
    generation: u64,
    probe: Option<u64>,
    /// When the call began; `None` when nobody asks how long it took.
    since: Option<Instant>,
}

impl Permit {
    /// The permit of a call that passes a closed circuit.
    pub(super) const fn passing(generation: u64, since: Option<Instant>) -> Self {
        Self { generation, probe: None, since }
    }

    /// Where a prompt success of this call counts, unless it says more than that.
    pub(super) fn stamp(&self, bucket: u64) -> Option<Stamp> {
        if self.probe.is_some() { None } else { Stamp::new(self.generation, bucket) }
    }

    /// Whether a call that has ended now was slow.
    pub(super) fn is_slow(&self, now: Instant, rules: &Rules) -> bool {
        let ran = self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        rules.config.slow_after.is_some_and(|limit| ran >= limit)
    }
}

/// Why a call may not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rejection {
    /// The circuit is open, or enough probes are under way.
    Open { retry_after: Option<Duration> },
    /// The circuit is closed, but the target asked to be left alone.
    Cooling { retry_after: Duration },
}

/// An order from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Open,
    Close,
    Reset,
}

/// What others must learn of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    pub(super) change: Option<Change>,
    pub(super) cooldown_until: Option<Instant>,
    pub(super) quota_until: Option<Instant>,
}

impl State {
    pub(super) fn new(now: Instant, rules: &Rules) -> Self {
        Self {
            generation: 0,
            openings: 0,
            cooldown_until: None,
            phase: Phase::Closed { since: now },
            window: Window::new(Scale::new(now, rules.config.window)),
        }
    }

    /// Somebody wants to call.
    pub(super) fn admit(&mut self, now: Instant, rules: &Rules) -> (Result<Permit, Rejection>, Option<Change>) {
        let cooling = self.cooldown_until.filter(|until| *until > now);
        match &self.phase {
            Phase::Closed { .. } => match cooling {
                Some(until) => (Err(Rejection::Cooling { retry_after: until - now }), None),
                None => (Ok(self.permit(None, now)), None),
            },
            Phase::Open { until: None } => (Err(Rejection::Open { retry_after: None }), None),
            Phase::Open { until: Some(until) } => {
                let until = cooling.unwrap_or(*until).max(*until);
                if now < until {
                    return (Err(Rejection::Open { retry_after: Some(until - now) }), None);
                }
                let change = self.enter(
                    Phase::HalfOpen { since: now, succeeded: 0, next: 0, probes: Vec::new() },
                    Reason::CooldownOver,
                );
                (self.probe(now, rules), Some(change))
            }
            Phase::HalfOpen { probes, .. } => {
                if probes.iter().any(|probe| probe.lease_ends <= now) {
                    let change = self.open(Reason::ProbeHung, now, rules);
                    return (Err(Rejection::Open { retry_after: self.open_for(now) }), Some(change));
                }
                match cooling {
                    Some(until) => (Err(Rejection::Cooling { retry_after: until - now }), None),
                    None => (self.probe(now, rules), None),
                }
            }
        }
    }

    /// A call has ended.
    pub(super) fn report(&mut self, permit: Permit, verdict: Verdict, now: Instant, rules: &Rules) -> News {
        let mut news = self.heed(verdict, now, rules);
        if permit.generation == self.generation {
            let watched = rules.config.slow_after.is_some();
            let slow = watched && (verdict == Verdict::TimedOut || permit.is_slow(now, rules));
            news.change = match permit.probe {
                None => self.record(verdict, slow, now, rules),
                Some(probe) => self.settle(probe, verdict, slow, now, rules),
            };
        }
        news
    }

    /// Somebody knows better.
    pub(super) fn order(&mut self, order: Order, now: Instant) -> Change {
        match order {
            Order::Open => self.enter(Phase::Open { until: None }, Reason::Forced),
            Order::Close => self.close(Reason::Forced, now),
            Order::Reset => {
                self.openings = 0;
                self.cooldown_until = None;
                self.close(Reason::Reset, now)
            }
        }
    }

    pub(super) fn circuit(&self, now: Instant) -> Circuit {
        match self.phase {
            Phase::Closed { .. } => Circuit::Closed,
            Phase::Open { until } => Circuit::Open { until: until.unwrap_or_else(|| after(now, Duration::MAX)) },
            Phase::HalfOpen { .. } => Circuit::HalfOpen,
        }
    }

    pub(super) fn counts(&self, now: Instant) -> Counts {
        self.window.counts(now)
    }

    pub(super) fn openings(&self) -> u32 {
        self.openings
    }

    pub(super) fn cooldown_until(&self, now: Instant) -> Option<Instant> {
        self.cooldown_until.filter(|until| *until > now)
    }

    /// How time is cut into buckets.
    pub(super) fn scale(&self) -> Scale {
        self.window.scale()
    }

    /// The generation that every call may join, if none has to be asked about.
    pub(super) fn passing(&self, now: Instant) -> Option<u64> {
        let closed = matches!(self.phase, Phase::Closed { .. });
        (closed && self.cooldown_until(now).is_none()).then_some(self.generation)
    }

    /// The bucket whose prompt successes change nothing but its count, if there is one: no rule can be broken by them,
    /// because there was no trouble, or because there were calls enough already and more successes only lower the rates.
    pub(super) fn free_bucket(&self, now: Instant, rules: &Rules) -> Option<u64> {
        let Phase::Closed { .. } = self.phase else { return None };
        let bucket = self.scale().number(now);
        let harmless = || {
            let counts = self.window.counts(now);
            counts.calls >= rules.config.min_calls && trip(counts, &rules.config).is_none()
        };
        (self.window.is_calm(bucket) || harmless()).then_some(bucket)
    }

    /// The stamp of the successes of a bucket.
    pub(super) fn stamp(&self, bucket: u64) -> Option<Stamp> {
        Stamp::new(self.generation, bucket)
    }

    /// Takes over successes that were counted elsewhere, all of one bucket.
    pub(super) fn absorb(&mut self, successes: u32, bucket: u64) {
        self.window.add_successes(successes, bucket);
    }

    /// Whether it can be forgotten: a fresh state would behave the same, as it does for a circuit that has been well and
    /// has nothing in its window, or it is long since anybody asked.
    pub(super) fn is_idle(&self, now: Instant, rules: &Rules) -> bool {
        let idle = IDLE.max(rules.config.longest_cooldown());
        let quiet = |since: Instant| now.saturating_duration_since(since) >= idle;
        let at_rest = match &self.phase {
            Phase::Closed { since } => (self.openings == 0 || quiet(*since)) && self.counts(now) == Counts::default(),
            Phase::Open { until } => until.is_some_and(quiet),
            Phase::HalfOpen { since, probes, .. } => {
                quiet(*since) && probes.iter().all(|probe| quiet(probe.lease_ends))
            }
        };
        at_rest && self.cooldown_until(now).is_none()
    }

    /// Takes note of a target's wish to be left alone, whoever reports it.
    fn heed(&mut self, verdict: Verdict, now: Instant, rules: &Rules) -> News {
        let (wish, quota) = match verdict {
            Verdict::Throttled(Some(wish)) => (wish, false),
            Verdict::Exhausted(wish) => (wish.unwrap_or(QUOTA_PAUSE), true),
            _ => return News::default(),
        };
        let until = after(now, wish.min(rules.config.longest_cooldown()));
        self.cooldown_until = self.cooldown_until.max(Some(until));
        let quota_until = quota.then(|| after(now, wish));
        News { change: None, cooldown_until: Some(until), quota_until }
    }

    /// An outcome while closed.
    fn record(&mut self, verdict: Verdict, slow: bool, now: Instant, rules: &Rules) -> Option<Change> {
        let sample = match verdict {
            Verdict::Success => Sample::Success,
            Verdict::Failure | Verdict::TimedOut => Sample::Failure,
            Verdict::Throttled(_) => Sample::Throttled,
            Verdict::GivenUp if slow => Sample::GivenUp,
            Verdict::GivenUp | Verdict::Neutral | Verdict::Exhausted(_) => return None,
        };
        if !self.window.record(sample, slow, now) {
            return None;
        }
        let reason = trip(self.window.counts(now), &rules.config)?;
        if matches!(self.phase, Phase::Closed { since } if now >= after(since, rules.config.cooldown)) {
            self.openings = 0;
        }
        Some(self.open(reason, now, rules))
    }

    /// An outcome of a probe.
    fn settle(&mut self, id: u64, verdict: Verdict, slow: bool, now: Instant, rules: &Rules) -> Option<Change> {
        let Phase::HalfOpen { succeeded, probes, .. } = &mut self.phase else { return None };
        probes.retain(|probe| probe.id != id);
        match verdict {
            Verdict::Success if !slow => {
                *succeeded += 1;
                let closes = *succeeded >= rules.config.successes;
                closes.then(|| self.close(Reason::ProbesSucceeded, now))
            }
            Verdict::Neutral | Verdict::Exhausted(_) => None,
            Verdict::GivenUp if !slow => None,
            _ => Some(self.open(Reason::ProbeFailed, now, rules)),
        }
    }

    /// Lets a probe through if one more is needed and allowed.
    fn probe(&mut self, now: Instant, rules: &Rules) -> Result<Permit, Rejection> {
        let config = &rules.config;
        let Phase::HalfOpen { succeeded, next, probes, .. } = &mut self.phase else {
            return Ok(self.permit(None, now));
        };
        let in_flight = u32::try_from(probes.len()).unwrap_or(u32::MAX);
        if in_flight >= config.probes || in_flight.saturating_add(*succeeded) >= config.successes {
            let lease_ends = probes.iter().map(|probe| probe.lease_ends).min();
            return Err(Rejection::Open { retry_after: lease_ends.map(|end| end - now) });
        }
        let id = *next;
        *next += 1;
        probes.push(Probe { id, lease_ends: after(now, config.probe_lease) });
        Ok(self.permit(Some(id), now))
    }

    fn permit(&self, probe: Option<u64>, since: Instant) -> Permit {
        Permit { generation: self.generation, probe, since: Some(since) }
    }

    fn open(&mut self, reason: Reason, now: Instant, rules: &Rules) -> Change {
        self.openings = self.openings.saturating_add(1);
        let until = after(now, self.time_open(rules));
        let until = self.cooldown_until.map_or(until, |cooling| until.max(cooling));
        self.enter(Phase::Open { until: Some(until) }, reason)
    }

    fn close(&mut self, reason: Reason, now: Instant) -> Change {
        self.window.clear();
        self.enter(Phase::Closed { since: now }, reason)
    }

    fn enter(&mut self, phase: Phase, reason: Reason) -> Change {
        let from = self.phase.name();
        self.generation += 1;
        self.phase = phase;
        Change { from, to: self.phase.name(), reason }
    }

    /// Doubles with every opening up to the longest cooldown, then is moved by the jitter.
    fn time_open(&self, rules: &Rules) -> Duration {
        let config = &rules.config;
        let factor = 1_u32.checked_shl(self.openings.saturating_sub(1)).unwrap_or(u32::MAX);
        let base = config.cooldown.saturating_mul(factor).min(config.longest_cooldown());
        let chance = fastrand::Rng::with_seed(rules.seed.wrapping_add(self.generation)).f64();
        let jitter = (1.0 - config.jitter) + 2.0 * config.jitter * chance;
        Duration::try_from_secs_f64(base.as_secs_f64() * jitter).unwrap_or(Duration::MAX)
    }

    fn open_for(&self, now: Instant) -> Option<Duration> {
        match self.phase {
            Phase::Open { until } => until.map(|until| until.saturating_duration_since(now)),
            Phase::Closed { .. } | Phase::HalfOpen { .. } => None,
        }
    }
}

/// The first rule that opens the circuit, if one does.
fn trip(counts: Counts, config: &CircuitBreakerConfig) -> Option<Reason> {
    let Counts { calls, failures, slow, consecutive } = counts;
    if consecutive >= config.failure_threshold {
        return Some(Reason::Consecutive { failures: consecutive });
    }
    if calls < config.min_calls {
        return None;
    }
    let rate = |part: u32| f64::from(part) / f64::from(calls);
    if rate(failures) >= config.failure_rate {
        return Some(Reason::FailureRate { failures, calls });
    }
    let watched = config.slow_after.is_some();
    (watched && rate(slow) >= config.slow_rate).then_some(Reason::SlowRate { slow, calls })
}

/// Absurdly long is a century.
fn after(now: Instant, time: Duration) -> Instant {
    Deadline::after(now, time).instant()
}

impl Phase {
    fn name(&self) -> &'static str {
        match self {
            Self::Closed { .. } => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half_open",
        }
    }
}

#[cfg(test)]
mod tests;
