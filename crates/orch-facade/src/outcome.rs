use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use orch_core::{AttemptRecord, Budget, CallContext, Content, Error, Output, Redactor, Stretch, Usage, from_json};
use orch_evidence::Bundle;
use orch_evidence::typed::{Consensus, Evidence};
use serde::de::DeserializeOwned;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::breakdown::breakdown;
use crate::{CostLine, Explanation, TimeLine, time};

/// How a run ended that gave an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// It was executed now.
    Completed,
    /// It was remembered from an earlier run with the same key.
    Replayed,
    /// There is an answer, executed now or remembered, but less sure than [`Run::min_confidence`](crate::Run::min_confidence)
    /// asked for; or nothing says how sure it is.
    LowConfidence,
}

/// What a run gave: the answer, with its reason, its money and its evidence.
#[derive(Clone)]
pub struct Outcome {
    output: Output,
    context: CallContext,
    budget: Budget,
    usage: Usage,
    attempts: Vec<AttemptRecord>,
    stretches: Vec<Stretch>,
    elapsed: Duration,
    bundle: OnceLock<Result<Bundle, Error>>,
    min_confidence: Option<f64>,
    metadata: Map<String, Value>,
}

impl Outcome {
    /// Adds to a result what the run's context knows of it.
    pub(crate) fn conclude(
        context: &CallContext,
        budget: Budget,
        result: Result<Output, Error>,
    ) -> Result<Self, Error> {
        let mut attempts = context.attempts().snapshot();
        // Parallel replicates end in any order; a record of a run should not depend on it. Within one they stay in order.
        attempts.sort_by_key(|record| record.replicate);
        let output = match result {
            Ok(output) => output,
            Err(error) if error.attempts().is_empty() => return Err(error.with_attempts(attempts)),
            Err(error) => return Err(error),
        };
        Ok(Self {
            output,
            budget,
            usage: context.meter().usage(),
            attempts,
            stretches: context.attempts().stretches(),
            elapsed: Instant::now().saturating_duration_since(context.started()),
            bundle: OnceLock::new(),
            context: context.clone(),
            min_confidence: None,
            metadata: Map::new(),
        })
    }

    pub(crate) fn with_min_confidence(self, min_confidence: Option<f64>) -> Self {
        Self { min_confidence, ..self }
    }

    pub(crate) fn with_metadata(self, metadata: Map<String, Value>) -> Self {
        Self { metadata, ..self }
    }

    /// The answer.
    #[must_use]
    pub fn content(&self) -> &Content {
        self.output.content()
    }

    /// The answer as `T`; of a bundle, what its replicates agree on.
    ///
    /// # Errors
    /// `BadOutput` that points at the field which does not fit.
    pub fn typed<T: DeserializeOwned + Clone + 'static>(&self) -> Result<T, Error> {
        match self.evidence() {
            // Who asks for the bundle itself gets it.
            Ok(bundle) => from_json(bundle.summary.consensus.as_ref().unwrap_or(&Value::Null))
                .or_else(|error| self.content().get().map_err(|_| error)),
            Err(_) => self.content().get(),
        }
    }

    /// What the replicates of a bundle agree on as `T`, with the evidence for each of its fields.
    ///
    /// # Errors
    /// As [`evidence`](Self::evidence) and [`Evidence::from_bundle`].
    pub fn evidence_of<T: Consensus + DeserializeOwned>(&self) -> Result<Evidence<T>, Error> {
        Evidence::from_bundle(self.evidence()?.clone())
    }

    /// The Evidence Bundle, if the tool was a bundle.
    ///
    /// # Errors
    /// `BadOutput` when the answer is not a bundle.
    pub fn evidence(&self) -> Result<&Bundle, Error> {
        self.bundle.get_or_init(|| Bundle::from_output(&self.output)).as_ref().map_err(Clone::clone)
    }

    /// The tool's output as it came.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// What this run used; nothing if the answer was replayed.
    #[must_use]
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// What this run cost, in dollars for people; exact in [`usage`](Self::usage).
    #[must_use]
    pub fn cost_usd(&self) -> f64 {
        self.usage.cost_usd()
    }

    /// What each attempt of each replicate used, those that failed included, and the planner's own model. The lines add up to
    /// [`usage`](Self::usage). Empty for a replay.
    #[must_use]
    pub fn cost_breakdown(&self) -> Vec<CostLine> {
        breakdown(self)
    }

    /// Where the time went, and who asked for each wait, the longest part first. The parts add up to
    /// [`elapsed`](Self::elapsed). A moment at which a replicate works is the tool's, although others wait.
    #[must_use]
    pub fn time_breakdown(&self) -> Vec<TimeLine> {
        time::parts(self.elapsed, &self.attempts, &self.stretches)
    }

    /// The limits that held.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// How the run ended.
    #[must_use]
    pub fn status(&self) -> Status {
        match self.replayed() {
            _ if self.is_too_unsure() => Status::LowConfidence,
            true => Status::Replayed,
            false => Status::Completed,
        }
    }

    fn is_too_unsure(&self) -> bool {
        let enough = |min| self.evidence().is_ok_and(|bundle| bundle.summary.confidence >= min);
        self.min_confidence.is_some_and(|min| !enough(min))
    }

    /// The facts that the caller added.
    #[must_use]
    pub fn metadata(&self) -> &Map<String, Value> {
        &self.metadata
    }

    /// Whether the answer was remembered: nothing was executed or spent now.
    #[must_use]
    pub fn replayed(&self) -> bool {
        self.output.replayed()
    }

    /// The tool that answered.
    #[must_use]
    pub fn served_by(&self) -> Option<&str> {
        self.output.served_by()
    }

    /// The planner's explanation, if a planner chose the tool.
    #[must_use]
    pub fn plan(&self) -> Option<&Content> {
        self.context.plan()
    }

    /// What the planner's own model used, if a planner chose the tool and asked one.
    #[must_use]
    pub fn planning_usage(&self) -> Option<&Usage> {
        self.context.planning_usage()
    }

    /// The attempts of the planner's own model, and those of the tools.
    pub(crate) fn attempts_by_purpose(&self) -> (&[AttemptRecord], &[AttemptRecord]) {
        self.attempts.split_at(self.context.planning_attempts().min(self.attempts.len()))
    }

    /// Takes out of texts what must not leave the process.
    pub(crate) fn redactor(&self) -> &Redactor {
        self.context.redactor()
    }

    /// Every attempt, unless each call succeeded at its first; ordered by replicate and number.
    #[must_use]
    pub fn attempts(&self) -> &[AttemptRecord] {
        &self.attempts
    }

    /// The run's id.
    #[must_use]
    pub fn request_id(&self) -> &str {
        self.context.request_id()
    }

    /// The id that ties the run to others.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        self.context.trace_id()
    }

    /// How long the run took.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Why this tool, where the time went and who asked for each wait, why it stopped, what it cost.
    #[must_use]
    pub fn explain(&self) -> Explanation {
        Explanation::of(self)
    }
}

/// What was asked and answered, and the caller's own facts, are not shown.
impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcome")
            .field("status", &self.status())
            .field("served_by", &self.served_by())
            .field("usage", &self.usage)
            .field("attempts", &self.attempts.len())
            .field("elapsed", &self.elapsed)
            .finish_non_exhaustive()
    }
}

/// As JSON, an outcome leaves the process: its texts pass the redactor.
impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.redactor().is_none() {
            return Told(self).serialize(serializer);
        }
        let json = serde_json::to_value(Told(self)).map_err(serde::ser::Error::custom)?;
        self.redactor().json(json).serialize(serializer)
    }
}

/// An outcome in the seeds' shape.
struct Told<'a>(&'a Outcome);

impl Serialize for Told<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let outcome = self.0;
        let mut fields = serializer.serialize_struct("Outcome", 14)?;
        fields.serialize_field("status", &outcome.status())?;
        fields.serialize_field("content", outcome.content())?;
        fields.serialize_field("served_by", &outcome.served_by())?;
        fields.serialize_field("replayed", &outcome.replayed())?;
        fields.serialize_field("usage", &outcome.usage)?;
        fields.serialize_field("cost_usd", &outcome.cost_usd())?;
        fields.serialize_field("cost_breakdown", &outcome.cost_breakdown())?;
        fields.serialize_field("budget", &outcome.budget)?;
        fields.serialize_field("plan", &outcome.plan())?;
        fields.serialize_field("attempts", &outcome.attempts)?;
        fields.serialize_field("request_id", outcome.request_id())?;
        fields.serialize_field("trace_id", outcome.trace_id())?;
        fields.serialize_field("metadata", &outcome.metadata)?;
        fields.serialize_field("elapsed_ms", &(outcome.elapsed.as_secs_f64() * 1e3))?;
        fields.end()
    }
}
