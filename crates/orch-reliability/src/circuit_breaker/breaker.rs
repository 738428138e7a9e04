use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use orch_core::event::Origin;
use orch_core::{CallContext, Circuit, Error, ErrorKind, Event, EventSink, HealthBoard, Target};
use tokio::time::Instant;

use super::change::Change;
use super::fast_path::FastPath;
use super::state::{News, Order, Permit, Rejection, Rules, State};
use super::verdict::Verdict;
use super::window::Scale;
use crate::per_target::Rests;
use crate::sync::{Mutex, MutexGuard, lock};

/// The circuit of one target: its state, and everyone who must hear of it.
#[derive(Debug)]
pub(super) struct Breaker {
    target: Target,
    rules: Rules,
    health: Option<HealthBoard>,
    scale: Scale,
    fast_path: FastPath,
    core: Mutex<Core>,
}

/// What the lock protects.
#[derive(Debug)]
struct Core {
    state: State,
    /// The bucket that the fast path counts for.
    bucket: u64,
    /// The last rejection, to be used again once nobody else has it.
    spare: Option<Error>,
}

impl Breaker {
    pub(super) fn new(target: Target, rules: Rules, health: Option<HealthBoard>) -> Self {
        let state = State::new(Instant::now(), &rules);
        let scale = state.scale();
        let core = Mutex::new(Core { state, bucket: 0, spare: None });
        Self { target, rules, health, scale, fast_path: FastPath::default(), core }
    }

    /// Lets a call through, or says why not.
    #[inline]
    pub(super) fn admit(self: Arc<Self>, context: &CallContext) -> Result<Admitted, Error> {
        let listener = Listener::of(context);
        let permit = match self.fast_path.generation() {
            Some(generation) => {
                let watched = self.rules.config.slow_after.is_some();
                Permit::passing(generation, watched.then(Instant::now))
            }
            None => self.ask(listener.as_ref())?,
        };
        Ok(Admitted { breaker: self, permit: Some(permit), listener, inside: false })
    }

    /// Asks the machine whether a call may pass.
    fn ask(&self, listener: Option<&Listener>) -> Result<Permit, Error> {
        let now = Instant::now();
        let mut core = self.lock(now);
        let (answer, change) = core.state.admit(now, &self.rules);
        self.publish(&core.state, &News { change, ..News::default() }, now);
        let answer = answer.map_err(|rejection| self.rejected(rejection, &mut core.spare));
        drop(core);
        self.announce(change, listener);
        answer
    }

    pub(super) fn order(&self, order: Order) {
        let now = Instant::now();
        let mut core = self.lock(now);
        let change = core.state.order(order, now);
        if let (Order::Reset, Some(board)) = (order, &self.health) {
            board.update(&self.target, |health| (health.cooldown_until, health.quota_until) = (None, None));
        }
        self.publish(&core.state, &News { change: Some(change), ..News::default() }, now);
        drop(core);
        self.announce(Some(change), None);
    }

    pub(super) fn read<T>(&self, look: impl FnOnce(&State, Instant) -> T) -> T {
        let now = Instant::now();
        look(&self.lock(now).state, now)
    }

    fn report(&self, permit: Permit, verdict: Verdict, listener: Option<&Listener>) {
        let now = Instant::now();
        if verdict == Verdict::Success && !permit.is_slow(now, &self.rules) {
            let stamp = permit.stamp(self.scale.number(now));
            if stamp.is_some_and(|stamp| self.fast_path.count(stamp)) {
                return;
            }
        }
        let mut core = self.lock(now);
        let news = core.state.report(permit, verdict, now, &self.rules);
        self.publish(&core.state, &news, now);
        drop(core);
        self.announce(news.change, listener);
    }

    /// Writes the board while the state is locked, so that it never shows an older state after a newer one.
    fn publish(&self, state: &State, news: &News, now: Instant) {
        let Some(board) = &self.health else { return };
        if news.change.is_some() {
            let circuit: Circuit = state.circuit(now);
            board.update(&self.target, |health| health.circuit = circuit);
        }
        if let Some(until) = news.cooldown_until {
            board.raise_cooldown(&self.target, until);
        }
        if let Some(until) = news.quota_until {
            board.raise_quota(&self.target, until);
        }
    }

    /// Tells logs and listeners; never under the lock.
    fn announce(&self, change: Option<Change>, listener: Option<&Listener>) {
        let Some(Change { from, to, reason }) = change else { return };
        tracing::info!(circuit = %self.target, from, to, %reason, "circuit changed");
        if let Some(Listener { sink, origin }) = listener {
            sink.emit(|| {
                let target = self.target.clone();
                let reason = reason.to_string().into();
                (origin.clone(), Event::CircuitChanged { target, from: from.into(), to: to.into(), reason })
            });
        }
    }

    /// The error of a rejection. A target that is down is asked for again and again, so the last one is kept and, once
    /// its caller has dropped it, only told the new time.
    fn rejected(&self, rejection: Rejection, spare: &mut Option<Error>) -> Error {
        let target = || self.target.clone();
        let (kept, retry_after) = match rejection {
            Rejection::Open { retry_after } => {
                (spare.take().filter(|error| matches!(error.kind(), ErrorKind::CircuitOpen { .. })), retry_after)
            }
            Rejection::Cooling { retry_after } => {
                (spare.take().filter(|error| matches!(error.kind(), ErrorKind::RateLimited { .. })), Some(retry_after))
            }
        };
        let fresh = || match rejection {
            Rejection::Open { .. } => Error::new(ErrorKind::CircuitOpen { target: target() }),
            Rejection::Cooling { .. } => Error::new(ErrorKind::RateLimited { target: target() }),
        };
        let Some(wait) = retry_after else { return fresh() };
        let error = kept.unwrap_or_else(fresh).with_retry_after(wait);
        *spare = Some(error.clone());
        error
    }

    /// The state, with every success of the fast path in it. The fast path is closed until the lock is given back.
    fn lock(&self, now: Instant) -> Locked<'_> {
        let mut core = lock(&self.core);
        let (successes, bucket) = (self.fast_path.close(), core.bucket);
        core.state.absorb(successes, bucket);
        Locked { breaker: self, core, now }
    }
}

impl Rests for Breaker {
    fn is_at_rest(&self, now: Instant) -> bool {
        self.lock(now).state.is_idle(now, &self.rules)
    }

    /// The one made anew will be closed, and will not say so.
    fn forgotten(&self) {
        if let Some(board) = &self.health
            && board.read(&self.target).circuit != Circuit::Closed
        {
            board.update(&self.target, |health| health.circuit = Circuit::Closed);
        }
    }
}

/// The lock, taken at a moment.
struct Locked<'a> {
    breaker: &'a Breaker,
    core: MutexGuard<'a, Core>,
    now: Instant,
}

impl Deref for Locked<'_> {
    type Target = Core;

    fn deref(&self) -> &Core {
        &self.core
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Core {
        &mut self.core
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let Self { breaker, core, now } = self;
        let free = core.state.free_bucket(*now, &breaker.rules);
        core.bucket = free.unwrap_or_default();
        breaker.fast_path.open(core.state.passing(*now), free.and_then(|bucket| core.state.stamp(bucket)));
    }
}

/// Who hears of changes that a call causes; the request itself has moved on by then.
#[derive(Debug)]
struct Listener {
    sink: EventSink,
    origin: Origin,
}

impl Listener {
    /// `None` when nobody can ever listen.
    #[inline]
    fn of(context: &CallContext) -> Option<Self> {
        if context.events().is_none() {
            return None;
        }
        let attempt = context.is_scoped().then(|| context.attempt());
        let origin = Origin { tool: context.tool().cloned(), replicate: context.replicate(), attempt };
        Some(Self { sink: context.events().clone(), origin })
    }
}

/// A call that was let through. Reports exactly once: how it ended, that it panicked, or that it was given up.
#[derive(Debug)]
pub(super) struct Admitted {
    breaker: Arc<Breaker>,
    permit: Option<Permit>,
    listener: Option<Listener>,
    inside: bool,
}

impl Admitted {
    /// Runs a step of the call. If it panics, the call counts as failed when this is dropped.
    pub(super) fn step<T>(&mut self, step: impl FnOnce() -> T) -> T {
        self.inside = true;
        let outcome = step();
        self.inside = false;
        outcome
    }

    /// The call has ended.
    #[inline]
    pub(super) fn report(&mut self, verdict: Verdict) {
        if let Some(permit) = self.permit.take() {
            self.breaker.report(permit, verdict, self.listener.as_ref());
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.report(if self.inside { Verdict::Failure } else { Verdict::GivenUp });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::CircuitBreakerConfig;

    /// What happens to a circuit.
    #[derive(Clone, Debug)]
    enum Step {
        Wait(u64),
        Admit,
        /// The call at this place, counted round, ends so.
        End(usize, Verdict),
        Order(Order),
    }

    fn step() -> impl Strategy<Value = Step> {
        let verdict = prop_oneof![
            6 => Just(Verdict::Success),
            2 => Just(Verdict::Failure),
            1 => Just(Verdict::TimedOut),
            1 => Just(Verdict::Throttled(Some(Duration::from_secs(3)))),
            1 => Just(Verdict::Neutral),
            1 => Just(Verdict::GivenUp),
        ];
        let order = prop_oneof![Just(Order::Open), Just(Order::Close), Just(Order::Reset)];
        prop_oneof![
            2 => (0_u64..9_000).prop_map(Step::Wait),
            8 => Just(Step::Admit),
            8 => (any::<usize>(), verdict).prop_map(|(place, verdict)| Step::End(place, verdict)),
            1 => order.prop_map(Step::Order),
        ]
    }

    proptest! {
        #[test]
        fn with_and_without_the_fast_path_a_circuit_does_the_same(
            trace in prop::collection::vec(step(), 1..120), watched: bool, min_calls in 1_u32..8,
        ) {
            let mut config = CircuitBreakerConfig::default().failure_threshold(3).min_calls(min_calls);
            if watched {
                config = config.slow_after(Duration::from_secs(5));
            }
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let rules = Rules { config, seed: 1 };
                let breaker = Arc::new(Breaker::new("t".into(), rules.clone(), None));
                let mut machine = State::new(Instant::now(), &rules);
                let mut running = Vec::new();
                for step in trace {
                    let now = Instant::now();
                    match step {
                        Step::Wait(millis) => tokio::time::advance(Duration::from_millis(millis)).await,
                        Step::Admit => {
                            let ours = Arc::clone(&breaker).admit(&CallContext::new());
                            match (ours, machine.admit(now, &rules).0) {
                                (Ok(admitted), Ok(permit)) => running.push((admitted, permit)),
                                (Err(error), Err(rejection)) => {
                                    let expected = match rejection {
                                        Rejection::Open { retry_after } => retry_after,
                                        Rejection::Cooling { retry_after } => Some(retry_after),
                                    };
                                    prop_assert_eq!(error.retry_after(), expected);
                                }
                                (ours, theirs) => prop_assert!(false, "{:?} but {:?}", ours, theirs),
                            }
                        }
                        Step::End(place, verdict) if !running.is_empty() => {
                            let (mut admitted, permit) = running.swap_remove(place % running.len());
                            admitted.report(verdict);
                            machine.report(permit, verdict, now, &rules);
                        }
                        Step::End(..) => {}
                        Step::Order(order) => {
                            breaker.order(order);
                            machine.order(order, now);
                        }
                    }
                    let now = Instant::now();
                    let look = |state: &State| (state.circuit(now), state.counts(now), state.openings());
                    // Looking takes the lock, so every second step is left alone with the fast path.
                    if running.len() % 2 == 0 {
                        prop_assert_eq!(breaker.read(|state, _| look(state)), look(&machine));
                    }
                }
                let now = Instant::now();
                let look = |state: &State| (state.circuit(now), state.counts(now), state.openings());
                prop_assert_eq!(breaker.read(|state, _| look(state)), look(&machine));
                // Those that still run say nothing more.
                running.drain(..).for_each(|(mut admitted, _)| admitted.report(Verdict::Neutral));
                Ok(())
            })?;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn prompt_successes_of_a_closed_circuit_are_counted_while_its_lock_is_taken() {
        let rules = Rules { config: CircuitBreakerConfig::default(), seed: 1 };
        let breaker = Arc::new(Breaker::new("t".into(), rules, None));
        let call = || Arc::clone(&breaker).admit(&CallContext::new()).unwrap().report(Verdict::Success);
        call();
        let core = breaker.core.lock().unwrap();
        for _ in 0..9 {
            call();
        }
        drop(core);
        assert_eq!(breaker.read(|state, now| state.counts(now).calls), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rejection_that_its_caller_has_dropped_is_used_again_and_one_that_is_held_is_not_changed() {
        let rules = Rules { config: CircuitBreakerConfig::default().jitter(0.0), seed: 1 };
        let breaker = Arc::new(Breaker::new("t".into(), rules, None));
        breaker.order(Order::Open);
        assert_eq!(Arc::clone(&breaker).admit(&CallContext::new()).unwrap_err().retry_after(), None);
        breaker.order(Order::Close);
        (0..5).for_each(|_| Arc::clone(&breaker).admit(&CallContext::new()).unwrap().report(Verdict::Failure));
        let reject = || Arc::clone(&breaker).admit(&CallContext::new()).unwrap_err();
        let first = reject();
        tokio::time::advance(Duration::from_secs(10)).await;
        let second = reject();
        let seconds = |error: &Error| error.retry_after().unwrap().as_secs();
        assert_eq!((seconds(&first), seconds(&second)), (30, 20));
    }
}
