//! When an attempt ends for lack of time: a pure function of its limits and its progress.

use std::time::Duration;

use orch_core::{Deadline, Error, ErrorKind, TimeoutPhase};
use tokio::time::Instant;

use super::Attempt;

/// What is known of a running attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Running {
    pub(super) started: Instant,
    pub(super) expects_chunks: bool,
    pub(super) first_chunk: Option<Instant>,
    pub(super) last_sign: Option<Instant>,
    pub(super) deadline: Option<Deadline>,
}

/// The limit that is reached next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expiry {
    pub(super) at: Instant,
    reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Deadline(Deadline),
    Limit(TimeoutPhase, Duration),
}

impl Expiry {
    /// The nearest limit; the run's deadline wins a tie, since it is not the provider's fault.
    pub(super) fn next(limits: &Attempt, running: &Running) -> Self {
        let silence = match (running.first_chunk, running.last_sign) {
            (None, _) => {
                let limit = limits.first_chunk.filter(|_| running.expects_chunks);
                limit.map(|limit| (TimeoutPhase::FirstChunk, running.started, limit))
            }
            (Some(first), last) => {
                limits.idle.map(|limit| (TimeoutPhase::Idle, last.map_or(first, |last| last.max(first)), limit))
            }
        };
        let whole = (TimeoutPhase::Attempt, running.started, limits.attempt);
        let nearest = [Some(whole), silence]
            .into_iter()
            .flatten()
            .map(|(phase, since, limit)| Self { at: after(since, limit), reason: Reason::Limit(phase, limit) })
            .min_by_key(|expiry| expiry.at)
            .expect("the whole attempt is limited");
        match running.deadline {
            Some(deadline) if deadline.instant() <= nearest.at => {
                Self { at: deadline.instant(), reason: Reason::Deadline(deadline) }
            }
            _ => nearest,
        }
    }

    /// When to look again at the latest: at the expiry, or sooner if a first chunk that arrives unseen, delivered by
    /// another task, could have brought it nearer.
    pub(super) fn look_again(&self, limits: &Attempt, running: &Running, now: Instant) -> Instant {
        match limits.idle {
            Some(idle) if running.first_chunk.is_none() => self.at.min(after(now, idle.max(TICK))),
            _ => self.at,
        }
    }

    /// The error of an attempt that passed it.
    pub(super) fn error(&self, now: Instant) -> Error {
        match self.reason {
            Reason::Deadline(deadline) => deadline.error(now),
            Reason::Limit(phase, after) => Error::new(ErrorKind::Timeout { phase, after: Some(after) }),
        }
    }
}

/// What a timer can tell apart.
const TICK: Duration = Duration::from_millis(1);

/// Saturates: an absurdly long limit never expires.
fn after(since: Instant, limit: Duration) -> Instant {
    Deadline::after(since, limit).instant()
}
