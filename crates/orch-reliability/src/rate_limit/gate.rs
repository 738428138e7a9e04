use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::RateLimiter;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use orch_core::{Deadline, LimitHint};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::RateLimitConfig;
use super::ceiling::Ceiling;
use super::clock::{Moment, TokioClock};

type Limiter = RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Moment>>;

/// The limit of one target, and the line of requests before it.
///
/// Nothing is taken from the limit before a request leaves, so one that gives up while it waits costs nothing, and
/// those behind it move up.
#[derive(Debug)]
pub(super) struct Gate {
    limiter: Limiter,
    interval: Duration,
    /// From nothing left to the whole burst.
    refill: Duration,
    max_wait: Duration,
    /// One permit: the first in the line holds it, and it alone asks the limiter. Fair, so first come, first served.
    turn: Arc<Semaphore>,
    line: Mutex<Line>,
}

#[derive(Debug)]
struct Line {
    waiting: u32,
    /// When the first in the line can leave, as last learned.
    next: Instant,
    ceiling: Option<Ceiling>,
}

/// What a request is told that arrives.
#[derive(Debug)]
pub(super) enum Entry {
    /// It may leave.
    Open,
    /// It may wait: its place in the line, and until when.
    Wait(Ticket, Instant),
    /// It would have to wait this long, which is too long.
    Full(Duration),
}

impl Gate {
    pub(super) fn new(config: &RateLimitConfig) -> Self {
        let quota = config.quota();
        Self {
            limiter: RateLimiter::direct_with_clock(quota, TokioClock),
            interval: config.interval(),
            refill: quota.burst_size_replenished_in(),
            max_wait: config.longest_wait(),
            turn: Arc::new(Semaphore::new(1)),
            line: Mutex::new(Line { waiting: 0, next: Instant::now(), ceiling: None }),
        }
    }

    /// Lets a request through, into the line, or neither when it could not leave before `deadline`.
    pub(super) fn enter(self: &Arc<Self>, deadline: Option<Instant>) -> Entry {
        let (mut line, now) = (self.line(), Instant::now());
        if line.waiting == 0 && self.ask_in(&mut line, now).is_ok() {
            return Entry::Open;
        }
        let leaves = self.leaves(&line, line.waiting, now);
        let until = Deadline::after(now, self.max_wait).instant();
        let until = deadline.map_or(until, |deadline| until.min(deadline));
        if leaves > until {
            return Entry::Full(leaves - now);
        }
        line.waiting += 1;
        drop(line);
        Entry::Wait(Ticket(Arc::clone(self)), until)
    }

    /// Takes one request from the limit, or says when that may be asked again.
    pub(super) fn ask(&self, now: Instant) -> Result<(), Instant> {
        self.ask_in(&mut self.line(), now)
    }

    /// Who gets the permit may [`ask`](Self::ask).
    pub(super) fn turn(&self) -> Arc<Semaphore> {
        Arc::clone(&self.turn)
    }

    /// Hears what the provider said of its own limit.
    pub(super) fn note(&self, hint: LimitHint) {
        let now = Instant::now();
        if let Some(ceiling) = Ceiling::of(hint, now) {
            let mut line = self.line();
            line.ceiling = Some(ceiling.stricter(line.ceiling, now));
        }
    }

    /// Whether forgetting it changes nothing.
    pub(super) fn is_rested(&self, now: Instant) -> bool {
        let line = self.line();
        let unbounded = line.ceiling.is_none_or(|ceiling| ceiling.earliest(u64::MAX, now) == now);
        line.waiting == 0 && unbounded && now.saturating_duration_since(line.next) >= self.refill
    }

    fn ask_in(&self, line: &mut Line, now: Instant) -> Result<(), Instant> {
        let free_at = line.ceiling.map_or(now, |ceiling| ceiling.earliest(0, now));
        if free_at > now {
            line.next = free_at;
            return Err(free_at);
        }
        match self.limiter.check() {
            Ok(()) => {
                if let Some(ceiling) = &mut line.ceiling {
                    ceiling.take();
                }
                line.next = now + self.interval;
                Ok(())
            }
            Err(not_until) => {
                line.next = not_until.earliest_possible().0;
                Err(line.next)
            }
        }
    }

    /// When a request leaves that has so many others ahead of it.
    fn leaves(&self, line: &Line, ahead: u32, now: Instant) -> Instant {
        let by_rate = line.next.max(now) + self.interval.saturating_mul(ahead);
        let by_ceiling = line.ceiling.map_or(now, |ceiling| ceiling.earliest(ahead.into(), now));
        by_rate.max(by_ceiling)
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        // Nothing under the lock can stop half-way, so a poisoned line is still right.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.line().waiting == 0 && self.turn.available_permits() == 1
    }
}

/// A place in the line.
#[derive(Debug)]
pub(super) struct Ticket(Arc<Gate>);

impl Ticket {
    pub(super) fn gate(&self) -> &Arc<Gate> {
        &self.0
    }

    /// How long this request would have to wait if it came again now, after all the others.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        let line = self.0.line();
        self.0.leaves(&line, line.waiting - 1, now).saturating_duration_since(now)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.line().waiting -= 1;
    }
}
