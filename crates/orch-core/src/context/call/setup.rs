//! What a context starts with.

use std::sync::{Arc, LazyLock};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::{Call, CallContext, Run};
use crate::context::{Deadline, Identity, InFlight, Progress};
use crate::store::Key;
use crate::{AttemptLog, Effect, Estimate, EventSink, Meter, Redactor, Target};

/// What every call begins with.
static FRESH: LazyLock<Arc<Call>> = LazyLock::new(|| {
    Arc::new(Call {
        time_budget: None,
        key: None,
        part: "".into(),
        tool: None,
        target: Target::default(),
        effect: Effect::AtMostOnce,
        estimate: Estimate::unknown(),
        scoped: false,
        replicate: None,
        seed: None,
    })
});

impl Default for CallContext {
    fn default() -> Self {
        Self::new()
    }
}

impl CallContext {
    /// A context with fresh ids, no limits and nobody listening. Its effect counts as
    /// [`Effect::AtMostOnce`] until a scope says better.
    #[must_use]
    pub fn new() -> Self {
        let identity = Arc::new(Identity::fresh());
        let progress = Progress::starting(identity.started());
        let run = Run {
            identity,
            attempts: AttemptLog::new(),
            events: EventSink::none(),
            cancellation: CancellationToken::new(),
            parallel: None,
            in_flight: None,
            redactor: Redactor::none(),
        };
        Self {
            run: Arc::new(run),
            call: Arc::clone(&FRESH),
            meter: Meter::unlimited(),
            progress,
            deadline: None,
            deadline_is_budget: false,
            attempt: 1,
            muted: false,
        }
    }

    /// Sets the request id.
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.set_identity(self.run.identity.with_request_id(id.into()));
        self
    }

    /// Sets the trace id.
    #[must_use]
    pub fn with_trace_id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.set_identity(self.run.identity.with_trace_id(id.into()));
        self
    }

    /// The run begins now, not when its context was made.
    pub fn restart(&mut self) {
        self.set_identity(self.run.identity.restarted());
        self.progress.restart(self.run.identity.started());
    }

    /// Sets the idempotency key.
    #[must_use]
    pub fn with_key(mut self, key: Key) -> Self {
        self.call_mut().key = Some(key);
        self
    }

    /// Sets the deadline, unless a nearer one is set.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Deadline) -> Self {
        self.limit_deadline(deadline);
        self
    }

    /// Sets the account to book on.
    #[must_use]
    pub fn with_meter(mut self, meter: Meter) -> Self {
        self.meter = meter;
        self
    }

    /// Sets how the run is cancelled from outside.
    #[must_use]
    pub fn with_cancellation(mut self, token: CancellationToken) -> Self {
        self.run_mut().cancellation = token;
        self
    }

    /// Limits how many parts of the run work at the same time; 0 counts as 1.
    #[must_use]
    pub fn with_max_parallel(mut self, parts: usize) -> Self {
        self.set_max_parallel(parts);
        self
    }

    /// The same for a context in its place.
    pub fn set_max_parallel(&mut self, parts: usize) {
        let places = Semaphore::new(parts.clamp(1, Semaphore::MAX_PERMITS));
        self.run_mut().parallel = Some(Arc::new(places));
    }

    /// Sets what takes out of texts what must not leave the process; before [`subscribe`](Self::subscribe).
    pub fn set_redactor(&mut self, redactor: Redactor) {
        self.run_mut().redactor = redactor;
    }

    /// Sets where the run is begun, so that its parts which outlive their caller are counted there too.
    pub fn set_in_flight(&mut self, in_flight: InFlight) {
        self.run_mut().in_flight = Some(in_flight);
    }

    /// Sets the seed.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.call_mut().seed = Some(seed);
        self
    }

    fn set_identity(&mut self, identity: Identity) {
        let run = self.run_mut();
        match Arc::get_mut(&mut run.identity) {
            Some(ours) => *ours = identity,
            None => run.identity = Arc::new(identity),
        }
    }
}
