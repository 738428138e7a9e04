//! Parts of a run, and work that outlives its caller.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::CallContext;
use crate::context::Deadline;
use crate::{EventSink, Limits};

/// A part of a run that has an identity of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The n-th step of a longer work, counted from 1.
    Step(u32),
    /// The n-th replicate of a bundle, counted from 1, with its seed.
    Replicate(u32, u64),
}

impl CallContext {
    /// A context for a part of the run: its own key (if the run has one), meter and progress; the same
    /// ids, deadline, cancellation and listeners.
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
                // A step may call another tool, which sets its own scope.
                child.scoped = false;
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
    #[must_use]
    pub fn detach(&self, timeout: Duration) -> Self {
        let mut detached = self.clone();
        detached.deadline = Some(Deadline::after(Instant::now(), timeout));
        detached.cancellation = CancellationToken::new();
        detached.events = EventSink::new(Arc::clone(&self.identity));
        detached
    }
}
