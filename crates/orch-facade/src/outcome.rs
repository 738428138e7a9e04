use std::sync::OnceLock;
use std::time::Duration;

use orch_core::{AttemptRecord, Budget, CallContext, Content, Error, Output, Usage, from_json};
use orch_evidence::Bundle;
use orch_evidence::typed::{Consensus, Evidence};
use serde::de::DeserializeOwned;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::breakdown::breakdown;
use crate::{CostLine, Explanation};

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
#[derive(Clone, Debug)]
pub struct Outcome {
    output: Output,
    context: CallContext,
    budget: Budget,
    usage: Usage,
    attempts: Vec<AttemptRecord>,
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

    /// What each attempt of each replicate used, those that failed included. The lines add up to [`usage`](Self::usage), except
    /// that what the planner's own model used has no attempt: its line names the tool that answered. Empty for a replay.
    #[must_use]
    pub fn cost_breakdown(&self) -> Vec<CostLine> {
        breakdown(self)
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

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Outcome", 14)?;
        fields.serialize_field("status", &self.status())?;
        fields.serialize_field("content", self.content())?;
        fields.serialize_field("served_by", &self.served_by())?;
        fields.serialize_field("replayed", &self.replayed())?;
        fields.serialize_field("usage", &self.usage)?;
        fields.serialize_field("cost_usd", &self.cost_usd())?;
        fields.serialize_field("cost_breakdown", &self.cost_breakdown())?;
        fields.serialize_field("budget", &self.budget)?;
        fields.serialize_field("plan", &self.plan())?;
        fields.serialize_field("attempts", &self.attempts)?;
        fields.serialize_field("request_id", self.request_id())?;
        fields.serialize_field("trace_id", self.trace_id())?;
        fields.serialize_field("metadata", &self.metadata)?;
        fields.serialize_field("elapsed_ms", &(self.elapsed.as_secs_f64() * 1e3))?;
        fields.end()
    }
}
