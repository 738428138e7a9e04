//! Parts of a run, and work that outlives its caller.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::CallContext;
use crate::context::Deadline;
use crate::{Effect, Estimate, EventSink, Limits, Target};

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
                (format!("{}/s{n}", self.part), format!("step {n}"))
            }
            Part::Replicate(n, seed) => {
                child.replicate = Some(n);
                child.seed = Some(seed);
                (format!("{}/r{n}", self.part), format!("replicate {n}"))
            }
        };
        child.part = path.into();
        child.key = self.key.as_ref().map(|key| key.for_part(&child.part));
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
        let budget = self.time_budget.map(|deadline| deadline.with_margin(now));
        detached.deadline = Some(Deadline::after(now, timeout).nearer(budget));
        detached.cancellation = CancellationToken::new();
        detached.events = EventSink::new(Arc::clone(&self.identity));
        detached
    }

    /// What is known of a tool no longer holds: another one may be called.
    fn leave_scope(&mut self) {
        self.scoped = false;
        self.effect = Effect::AtMostOnce;
        self.target = Target::default();
        self.estimate = Estimate::unknown();
    }
}
