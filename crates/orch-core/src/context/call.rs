use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Deadline, Identity, Progress};
use crate::event::Origin;
use crate::store::Key;
use crate::{
    AttemptLog, Content, DeltaKind, Effect, Error, Estimate, Event, EventSink, EventStream, Limits, Meter, Target,
    ToolSpec,
};

static WHOLE: LazyLock<Arc<str>> = LazyLock::new(|| "".into());

/// A part of a run that has an identity of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The n-th step of a longer work, counted from 1.
    Step(u32),
    /// The n-th replicate of a bundle, counted from 1, with its seed.
    Replicate(u32, u64),
}

/// What travels with a call: ids, deadline, cancellation, the account to book on, where progress goes.
///
/// Cheap to clone. Attempts and fallbacks share a context's identity; a *part*
/// of a run, with an idempotency key of its own, is made by [`child`](Self::child) alone.
#[derive(Clone, Debug)]
pub struct CallContext {
    identity: Arc<Identity>,
    attempts: AttemptLog,
    events: EventSink,
    cancellation: CancellationToken,
    parallel: Option<Arc<Semaphore>>,
    meter: Meter,
    progress: Progress,
    deadline: Option<Deadline>,
    key: Option<Key>,
    part: Arc<str>,
    tool: Option<Arc<str>>,
    target: Target,
    effect: Effect,
    estimate: Estimate,
    scoped: bool,
    attempt: u32,
    replicate: Option<u32>,
    seed: Option<u64>,
}

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
        Self {
            identity,
            attempts: AttemptLog::new(),
            events: EventSink::none(),
            cancellation: CancellationToken::new(),
            parallel: None,
            meter: Meter::unlimited(),
            progress,
            deadline: None,
            key: None,
            part: Arc::clone(&WHOLE),
            tool: None,
            target: Target::default(),
            effect: Effect::AtMostOnce,
            estimate: Estimate::unknown(),
            scoped: false,
            attempt: 1,
            replicate: None,
            seed: None,
        }
    }

    /// Sets the request id.
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.identity = Arc::new(self.identity.with_request_id(id.into()));
        self
    }

    /// Sets the trace id.
    #[must_use]
    pub fn with_trace_id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.identity = Arc::new(self.identity.with_trace_id(id.into()));
        self
    }

    /// Sets the idempotency key.
    #[must_use]
    pub fn with_key(mut self, key: Key) -> Self {
        self.key = Some(key);
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
        self.cancellation = token;
        self
    }

    /// Limits how many parts of the run work at the same time; 0 counts as 1.
    #[must_use]
    pub fn with_max_parallel(mut self, parts: usize) -> Self {
        self.parallel = Some(Arc::new(Semaphore::new(parts.clamp(1, Semaphore::MAX_PERMITS))));
        self
    }

    /// Listens to this run. Call it before the run starts, after its ids are set.
    #[must_use = "dropping the stream stops listening"]
    pub fn subscribe(&mut self) -> EventStream {
        if self.events.is_none() {
            self.events = EventSink::new(Arc::clone(&self.identity));
        }
        self.events.subscribe()
    }

    /// The id of this run.
    #[must_use]
    pub fn request_id(&self) -> &Arc<str> {
        self.identity.request_id()
    }

    /// The id that ties this run to others.
    #[must_use]
    pub fn trace_id(&self) -> &Arc<str> {
        self.identity.trace_id()
    }

    /// When the run began.
    #[must_use]
    pub fn started(&self) -> Instant {
        self.identity.started()
    }

    /// The idempotency key of this part of the run.
    #[must_use]
    pub fn key(&self) -> Option<&Key> {
        self.key.as_ref()
    }

    /// Which part of the run this is: empty for the whole, `/r2` for its second replicate.
    #[must_use]
    pub fn part_path(&self) -> &str {
        &self.part
    }

    /// When the run must have ended.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    /// Brings the deadline nearer; a later one changes nothing.
    pub fn limit_deadline(&mut self, deadline: Deadline) {
        self.deadline = Some(deadline.nearer(self.deadline));
    }

    /// Cancels the run from outside.
    #[must_use]
    pub fn cancellation(&self) -> &CancellationToken {
        &self.cancellation
    }

    /// How many parts may work at the same time; `None` is no limit.
    #[must_use]
    pub fn parallel(&self) -> Option<&Arc<Semaphore>> {
        self.parallel.as_ref()
    }

    /// The tool that is called, once a scope is entered.
    #[must_use]
    pub fn tool(&self) -> Option<&Arc<str>> {
        self.tool.as_ref()
    }

    /// Whom the call reaches.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Sets whom the call reaches.
    pub fn set_target(&mut self, target: Target) {
        self.target = target;
    }

    /// What another execution would do.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// Sets what another execution would do, for the layers outside a tool's own scope.
    pub fn set_effect(&mut self, effect: Effect) {
        self.effect = effect;
    }

    /// What the call is expected to use.
    #[must_use]
    pub fn estimate(&self) -> &Estimate {
        &self.estimate
    }

    /// Sets what the call is expected to use.
    pub fn set_estimate(&mut self, estimate: Estimate) {
        self.estimate = estimate;
    }

    /// Whether a tool's target, effect and estimate were set.
    #[must_use]
    pub fn is_scoped(&self) -> bool {
        self.scoped
    }

    /// Sets target, effect and estimate to those of a tool.
    pub fn enter(&mut self, spec: &ToolSpec, estimate: Estimate) {
        self.tool = Some(Arc::clone(spec.shared_name()));
        self.target = spec.target().clone();
        self.effect = spec.effect();
        self.estimate = estimate;
        self.scoped = true;
    }

    /// Which attempt this is, counted from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Begins an attempt: its number and a fresh [`Progress`].
    pub fn begin_attempt(&mut self, attempt: u32, now: Instant) {
        self.attempt = attempt;
        self.progress = Progress::starting(now);
    }

    /// Which replicate this serves, counted from 1.
    #[must_use]
    pub fn replicate(&self) -> Option<u32> {
        self.replicate
    }

    /// The seed of this replicate.
    #[must_use]
    pub fn seed(&self) -> Option<u64> {
        self.seed
    }

    /// Sets the seed.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The account to book on.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Changes the account that the layers inside book on.
    pub fn set_meter(&mut self, meter: Meter) {
        self.meter = meter;
    }

    /// What this attempt has delivered so far.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The attempts of the whole run.
    #[must_use]
    pub fn attempts(&self) -> &AttemptLog {
        &self.attempts
    }

    /// Why the run's tool was chosen, once a planner has said so.
    #[must_use]
    pub fn plan(&self) -> Option<&Content> {
        self.identity.plan().get()
    }

    /// Keeps a planner's explanation for the whole run; the first one stays.
    pub fn note_plan(&self, explanation: Content) {
        let _ = self.identity.plan().set(explanation);
    }

    /// Where events go.
    #[must_use]
    pub fn events(&self) -> &EventSink {
        &self.events
    }

    /// Emits an event; it is built only when somebody listens.
    pub fn emit(&self, event: impl FnOnce() -> Event) {
        self.events.emit(|| (self.origin(), event()));
    }

    /// Delivers a piece of the answer: one call that notes the progress and emits the delta.
    pub fn deliver(&self, now: Instant, kind: DeltaKind, text: &str) {
        self.progress.chunk(now);
        if kind.commits() {
            self.progress.commit();
        }
        self.emit(|| Event::Delta { kind, text: text.to_owned() });
    }

    fn origin(&self) -> Origin {
        let attempt = self.scoped.then_some(self.attempt);
        Origin { tool: self.tool.clone(), replicate: self.replicate, attempt }
    }

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

    /// Whether the run was cancelled or its deadline has passed.
    ///
    /// # Errors
    /// `Cancelled`, `DeadlineExceeded`, or `BudgetExceeded` of time.
    pub fn check(&self, now: Instant) -> Result<(), Error> {
        if self.cancellation.is_cancelled() {
            return Err(Error::new(crate::ErrorKind::Cancelled));
        }
        match self.deadline {
            Some(deadline) if deadline.instant() <= now => Err(deadline.error(now)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
