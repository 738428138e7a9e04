mod parts;
mod setup;

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use self::parts::Part;
use super::{Deadline, Identity, Progress};
use crate::event::Origin;
use crate::store::Key;
use crate::{
    AttemptLog, Content, DeltaKind, Effect, Error, Estimate, Event, EventSink, EventStream, Meter, Target, ToolSpec,
};

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
    /// The deadline that a time budget set, even when another one is nearer.
    time_budget: Option<Deadline>,
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

impl CallContext {
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
        if deadline.is_budget() {
            self.time_budget = Some(deadline.nearer(self.time_budget));
        }
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
