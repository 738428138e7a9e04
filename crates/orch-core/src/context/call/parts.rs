//! Parts of a run, and work that outlives its caller.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{CallContext, Run};
use crate::context::Deadline;
use crate::{Effect, Estimate, EventSink, Limits, Redactor, Target};

/// A part of a run that has an identity of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The n-th step of a longer work, counted from 1. Two steps of one number are the same part: under an
    /// idempotency key the second is answered by the first.
    Step(u32),
    /// The n-th replicate of a bundle, counted from 1, with its seed.
    Replicate(u32, u64),
}

impl CallContext {
    /// A context for a part of the run: its own key (if the run has one), meter and progress; the same
    /// ids, deadline, cancellation and listeners. A replicate stays in its tool's scope; a step leaves it, because it
    /// may call another tool.
    #[must_use]
    pub fn child(&self, part: Part) -> Self {
        self.capped_child(part, Limits::NONE)
    }

    /// As [`child`](Self::child), for a part that may spend at most `cap`.
    #[must_use]
    pub fn capped_child(&self, part: Part, cap: Limits) -> Self {
        let mut child = self.clone();
        let (path, level) = match part {
            Part::Step(n) => {
                child.leave_scope();
                (format!("{}/s{n}", self.call.part), format!("step {n}"))
            }
            Part::Replicate(n, seed) => {
                let call = child.call_mut();
                (call.replicate, call.seed) = (Some(n), Some(seed));
                (format!("{}/r{n}", self.call.part), format!("replicate {n}"))
            }
        };
        let call = child.call_mut();
        call.part = path.into();
        call.key = self.call.key.as_ref().map(|key| key.for_part(&call.part));
        child.meter = self.meter.child(level, cap);
        child.begin_attempt(1, Instant::now());
        child
    }

    /// A context for work that outlives its caller: own deadline, own cancellation, own listeners (none yet; see
    /// [`EventSink::forward_to`]); the same ids, attempts, meter and key.
    ///
    /// The caller's deadline ends the caller's waiting, not the work; a time budget ends both. The work ends a little
    /// earlier (a hundredth of the time that is left, at most 100 ms), so that what it has can still be handed over.
    #[must_use]
    pub fn detach(&self, timeout: Duration) -> Self {
        let mut detached = self.clone();
        let now = Instant::now();
        let budget = self.call.time_budget.map(|deadline| deadline.with_margin(now));
        detached.set_deadline(Deadline::after(now, timeout).nearer(budget));
        let identity = Arc::clone(&self.run.identity);
        detached.run = Arc::new(Run {
            attempts: self.run.attempts.clone(),
            // Who listens redacts.
            events: EventSink::new(Arc::clone(&identity), Redactor::none()),
            cancellation: CancellationToken::new(),
            parallel: self.run.parallel.clone(),
            in_flight: self.run.in_flight.clone(),
            redactor: self.run.redactor.clone(),
            identity,
        });
        detached
    }

    /// What is known of a tool no longer holds: another one may be called.
    fn leave_scope(&mut self) {
        let call = self.call_mut();
        call.scoped = false;
        call.effect = Effect::AtMostOnce;
        call.target = Target::default();
        call.estimate = Estimate::unknown();
    }
}
