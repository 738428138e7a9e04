mod parts;
mod setup;

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use self::parts::Part;
use super::identity::Planned;
use super::{Deadline, Identity, InFlight, Progress};
use crate::event::Origin;
use crate::store::Key;
use crate::{
    AttemptLog, Content, DeltaKind, Effect, Error, Estimate, Event, EventSink, EventStream, Meter, Redactor, Target,
    ToolSpec, Usage,
};

/// What travels with a call: ids, deadline, cancellation, the account to book on, where progress goes.
///
/// Cheap to clone: four counts and a few words. Attempts and fallbacks share a context's identity; a *part*
/// of a run, with an idempotency key of its own, is made by [`child`](Self::child) alone.
#[derive(Clone, Debug)]
pub struct CallContext {
    run: Arc<Run>,
    call: Arc<Call>,
    meter: Meter,
    progress: Progress,
    /// The moment of the deadline, kept here so that bringing it nearer copies nothing.
    deadline: Option<Instant>,
    /// Whether the call's time budget set it.
    deadline_is_budget: bool,
    /// Whether pieces of the answer are told to nobody.
    muted: bool,
    attempt: u32,
}

/// What holds for the whole run; copied when it is changed while it is shared, which happens before the run starts.
#[derive(Clone, Debug)]
struct Run {
    identity: Arc<Identity>,
    attempts: AttemptLog,
    events: EventSink,
    cancellation: CancellationToken,
    parallel: Option<Arc<Semaphore>>,
    in_flight: Option<InFlight>,
    redactor: Redactor,
}

/// What belongs to one call; copied when it is changed while it is shared.
#[derive(Clone, Debug)]
struct Call {
    /// The deadline that a time budget set, even when another one is nearer.
    time_budget: Option<Deadline>,
    key: Option<Key>,
    part: Arc<str>,
    tool: Option<Arc<str>>,
    target: Target,
    effect: Effect,
    estimate: Estimate,
    scoped: bool,
    replicate: Option<u32>,
    seed: Option<u64>,
}

/// A run's cancellation, kept for later at the price of one count: a clone of the token itself locks the token.
#[derive(Clone, Debug)]
pub struct Cancellation(Arc<Run>);

impl Cancellation {
    /// The token.
    #[must_use]
    pub fn token(&self) -> &CancellationToken {
        &self.0.cancellation
    }
}

impl CallContext {
    /// Listens to this run. Call it before the run starts, after its ids are set.
    #[must_use = "dropping the stream stops listening"]
    pub fn subscribe(&mut self) -> EventStream {
        if self.run.events.is_none() {
            let identity = Arc::clone(&self.run.identity);
            self.run_mut().events = EventSink::new(identity, self.run.redactor.clone());
        }
        self.run.events.subscribe()
    }

    /// The id of this run.
    #[must_use]
    pub fn request_id(&self) -> &Arc<str> {
        self.run.identity.request_id()
    }

    /// The id that ties this run to others.
    #[must_use]
    pub fn trace_id(&self) -> &Arc<str> {
        self.run.identity.trace_id()
    }

    /// When the run began.
    #[must_use]
    pub fn started(&self) -> Instant {
        self.run.identity.started()
    }

    /// The idempotency key of this part of the run.
    #[must_use]
    pub fn key(&self) -> Option<&Key> {
        self.call.key.as_ref()
    }

    /// Which part of the run this is: empty for the whole, `/r2` for its second replicate.
    #[must_use]
    pub fn part_path(&self) -> &str {
        &self.call.part
    }

    /// When the run must have ended.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        let at = self.deadline?;
        Some(match self.call.time_budget {
            Some(budget) if self.deadline_is_budget => budget.moved_to(at),
            _ => Deadline::at(at),
        })
    }

    /// Brings the deadline nearer; a later one changes nothing.
    pub fn limit_deadline(&mut self, deadline: Deadline) {
        self.set_deadline(deadline.nearer(self.deadline()));
        if deadline.is_budget() {
            let budget = deadline.nearer(self.call.time_budget);
            self.call_mut().time_budget = Some(budget);
        }
    }

    /// Cancels the run from outside.
    #[must_use]
    pub fn cancellation(&self) -> &CancellationToken {
        &self.run.cancellation
    }

    /// The same, to be kept for later.
    #[must_use]
    pub fn shared_cancellation(&self) -> Cancellation {
        Cancellation(Arc::clone(&self.run))
    }

    /// How many parts may work at the same time; `None` is no limit.
    #[must_use]
    pub fn parallel(&self) -> Option<&Arc<Semaphore>> {
        self.run.parallel.as_ref()
    }

    /// Where the run was begun, if somebody counts what is in progress.
    #[must_use]
    pub fn in_flight(&self) -> Option<&InFlight> {
        self.run.in_flight.as_ref()
    }

    /// Whether both belong to the same part of one run, such as a caller and the execution that outlives it.
    #[must_use]
    pub fn is_same_part(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.run.identity, &other.run.identity) && self.call.part == other.call.part
    }

    /// The tool that the run has called last, in whichever of its parts.
    #[must_use]
    pub fn last_tool(&self) -> Option<Arc<str>> {
        self.run.identity.last_tool()
    }

    /// The tool that is called, once a scope is entered.
    #[must_use]
    pub fn tool(&self) -> Option<&Arc<str>> {
        self.call.tool.as_ref()
    }

    /// Whom the call reaches.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.call.target
    }

    /// Sets whom the call reaches.
    pub fn set_target(&mut self, target: Target) {
        self.call_mut().target = target;
    }

    /// What another execution would do.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.call.effect
    }

    /// Sets what another execution would do, for the layers outside a tool's own scope.
    pub fn set_effect(&mut self, effect: Effect) {
        self.call_mut().effect = effect;
    }

    /// What the call is expected to use.
    #[must_use]
    pub fn estimate(&self) -> &Estimate {
        &self.call.estimate
    }

    /// Sets what the call is expected to use.
    pub fn set_estimate(&mut self, estimate: Estimate) {
        self.call_mut().estimate = estimate;
    }

    /// Whether a tool's target, effect and estimate were set.
    #[must_use]
    pub fn is_scoped(&self) -> bool {
        self.call.scoped
    }

    /// Sets target, effect and estimate to those of a tool.
    pub fn enter(&mut self, spec: &ToolSpec, estimate: Estimate) {
        self.run.identity.note_tool(spec.shared_name());
        let call = self.call_mut();
        call.tool = Some(Arc::clone(spec.shared_name()));
        call.target = spec.target().clone();
        call.effect = spec.effect();
        call.estimate = estimate;
        call.scoped = true;
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
        self.call.replicate
    }

    /// The seed of this replicate.
    #[must_use]
    pub fn seed(&self) -> Option<u64> {
        self.call.seed
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
        &self.run.attempts
    }

    /// Why the run's tool was chosen, once a planner has said so.
    #[must_use]
    pub fn plan(&self) -> Option<&Content> {
        self.run.identity.plan().get().map(|plan| &plan.explanation)
    }

    /// What the run had used when its tool was chosen: what the planner's own model used.
    #[must_use]
    pub fn planning_usage(&self) -> Option<&Usage> {
        self.run.identity.plan().get().map(|plan| &plan.usage)
    }

    /// How many attempts the run had recorded when its tool was chosen: those of the planner's own model, the first of
    /// [`attempts`](Self::attempts). 0 if no planner has chosen.
    #[must_use]
    pub fn planning_attempts(&self) -> usize {
        self.run.identity.plan().get().map_or(0, |plan| plan.attempts)
    }

    /// Keeps a planner's explanation for the whole run, with what was used by now; the first one stays.
    pub fn note_plan(&self, explanation: Content) {
        let usage = if self.meter.has_bookings() { self.meter.usage() } else { Usage::new() };
        let attempts = self.attempts().snapshot().len();
        let _ = self.run.identity.plan().set(Planned { explanation, usage, attempts });
    }

    /// Takes out of texts what must not leave the process.
    #[must_use]
    pub fn redactor(&self) -> &Redactor {
        &self.run.redactor
    }

    /// Where events go.
    #[must_use]
    pub fn events(&self) -> &EventSink {
        &self.run.events
    }

    /// Emits an event; it is built only when somebody listens.
    pub fn emit(&self, event: impl FnOnce() -> Event) {
        self.run.events.emit(|| (self.origin(), event()));
    }

    /// Delivers a piece of the answer: one call that notes the progress and emits the delta.
    pub fn deliver(&self, now: Instant, kind: DeltaKind, text: &str) {
        self.progress.chunk(now);
        if kind.commits() {
            self.progress.commit();
        }
        if !self.muted {
            self.run.events.emit_delta((self.call.replicate, kind, text), || self.origin());
        }
    }

    /// From here on pieces of the answer are noted in the progress and told to nobody. Other events are.
    pub fn mute(&mut self) {
        self.muted = true;
    }

    fn origin(&self) -> Origin {
        let attempt = self.call.scoped.then_some(self.attempt);
        Origin { tool: self.call.tool.clone(), replicate: self.call.replicate, attempt }
    }

    fn run_mut(&mut self) -> &mut Run {
        Arc::make_mut(&mut self.run)
    }

    fn call_mut(&mut self) -> &mut Call {
        Arc::make_mut(&mut self.call)
    }

    fn set_deadline(&mut self, deadline: Deadline) {
        self.deadline = Some(deadline.instant());
        self.deadline_is_budget = deadline.is_budget();
    }

    /// Whether the run was cancelled or its deadline has passed.
    ///
    /// # Errors
    /// `Cancelled`, `DeadlineExceeded`, or `BudgetExceeded` of time.
    pub fn check(&self, now: Instant) -> Result<(), Error> {
        if self.run.cancellation.is_cancelled() {
            return Err(Error::new(crate::ErrorKind::Cancelled));
        }
        match self.deadline() {
            Some(deadline) if deadline.instant() <= now => Err(deadline.error(now)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
