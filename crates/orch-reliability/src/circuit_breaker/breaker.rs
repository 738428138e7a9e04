use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use orch_core::event::Origin;
use orch_core::{CallContext, Circuit, Error, ErrorKind, Event, EventSink, HealthBoard, Target};
use tokio::time::Instant;

use super::state::{Change, News, Order, Permit, Rejection, Rules, State};
use super::verdict::Verdict;

/// The circuit of one target: its state, and everyone who must hear of it.
#[derive(Debug)]
pub(super) struct Breaker {
    target: Target,
    rules: Rules,
    health: Option<HealthBoard>,
    state: Mutex<State>,
}

impl Breaker {
    pub(super) fn new(target: Target, rules: Rules, health: Option<HealthBoard>) -> Self {
        let state = Mutex::new(State::new(Instant::now(), &rules));
        Self { target, rules, health, state }
    }

    /// Lets a call through, or says why not.
    pub(super) fn admit(self: Arc<Self>, context: &CallContext) -> Result<Admitted, Error> {
        let now = Instant::now();
        let listener = Listener::of(context);
        let answer = {
            let mut state = self.lock();
            let (answer, change) = state.admit(now, &self.rules);
            self.publish(&state, &News { change, ..News::default() }, now);
            drop(state);
            self.announce(change, listener.as_ref());
            answer
        };
        match answer {
            Ok(permit) => Ok(Admitted { breaker: self, permit: Some(permit), listener, inside: false }),
            Err(rejection) => Err(self.rejected(rejection)),
        }
    }

    pub(super) fn order(&self, order: Order) {
        let now = Instant::now();
        let mut state = self.lock();
        let change = state.order(order, now, &self.rules);
        if let (Order::Reset, Some(board)) = (order, &self.health) {
            board.update(&self.target, |health| (health.cooldown_until, health.quota_until) = (None, None));
        }
        self.publish(&state, &News { change: Some(change), ..News::default() }, now);
        drop(state);
        self.announce(Some(change), None);
    }

    pub(super) fn read<T>(&self, look: impl FnOnce(&State, Instant) -> T) -> T {
        look(&self.lock(), Instant::now())
    }

    pub(super) fn is_idle(&self, now: Instant) -> bool {
        self.lock().is_idle(now, &self.rules)
    }

    fn report(&self, permit: Permit, verdict: Verdict, listener: Option<&Listener>) {
        let now = Instant::now();
        let mut state = self.lock();
        let news = state.report(permit, verdict, now, &self.rules);
        self.publish(&state, &news, now);
        drop(state);
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

    fn rejected(&self, rejection: Rejection) -> Error {
        let target = self.target.clone();
        let (kind, retry_after) = match rejection {
            Rejection::Open { retry_after } => (ErrorKind::CircuitOpen { target }, retry_after),
            Rejection::Cooling { retry_after } => (ErrorKind::RateLimited { target }, Some(retry_after)),
        };
        let error = Error::new(kind);
        match retry_after {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change under the lock is complete before it can panic, so a poisoned state is still right.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
