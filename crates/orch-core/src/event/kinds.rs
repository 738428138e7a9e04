use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AskedBy, BudgetKind, Class, Content, Error, Target, Usage};

/// An event with its place and time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// The version of this shape.
    pub v: u32,
    /// Its number in the run, from 0, without gaps except for deltas that were merged.
    pub seq: u64,
    /// Wall-clock time, milliseconds since the Unix epoch.
    #[serde(rename = "at_ms", with = "crate::serde_ms")]
    pub at: Duration,
    /// Time since the run began.
    #[serde(rename = "elapsed_ms", with = "crate::serde_ms")]
    pub elapsed: Duration,
    /// The run.
    pub request_id: Arc<str>,
    /// What ties the run to others.
    pub trace_id: Arc<str>,
    /// The part of the run that it comes from.
    pub source: Origin,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

impl Envelope {
    /// The version of the shape.
    pub const VERSION: u32 = 1;
}

/// Which part of a run an event comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    /// The tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<Arc<str>>,
    /// The replicate, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicate: Option<u32>,
    /// The attempt, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
}

/// What a delta is a piece of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeltaKind {
    /// The answer's text.
    Text,
    /// A refusal's text.
    Refusal,
    /// The model's reasoning.
    Reasoning,
    /// A tool call's arguments.
    ToolCall,
}

impl DeltaKind {
    /// Whether repeating the call after such a delta would say something twice.
    #[must_use]
    pub const fn commits(self) -> bool {
        matches!(self, Self::Text | Self::Refusal | Self::ToolCall)
    }
}

/// What became of a replicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReplicateStatus {
    /// It gave a valid answer.
    Valid,
    /// It gave an answer that is not valid.
    Invalid,
    /// It failed.
    Failed,
    /// It was not needed any more.
    Cancelled,
}

/// What happened. Values of other crates travel as [`Content`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The planner chose a tool.
    PlanSelected {
        /// The tool.
        tool: Arc<str>,
        /// Why.
        reason: Arc<str>,
    },
    /// A tool was called.
    ToolStarted {
        /// Its name.
        tool: Arc<str>,
        /// Its version.
        version: Arc<str>,
    },
    /// An attempt started.
    AttemptStarted {
        /// Whom it calls.
        target: Target,
    },
    /// An attempt failed.
    AttemptFailed {
        /// The class of the failure.
        class: Class,
        /// The failure in words.
        message: String,
    },
    /// Another attempt will follow.
    RetryScheduled {
        /// After this time.
        #[serde(rename = "wait_ms", with = "crate::serde_ms")]
        wait: Duration,
        /// Who asked for the wait.
        asked_by: AskedBy,
    },
    /// A circuit changed its state.
    CircuitChanged {
        /// Whose.
        target: Target,
        /// `closed`, `open` or `half_open`.
        from: Arc<str>,
        /// `closed`, `open` or `half_open`.
        to: Arc<str>,
        /// Why.
        reason: Arc<str>,
    },
    /// The next candidate takes over.
    FallbackStarted {
        /// The tool that failed.
        from: Arc<str>,
        /// The tool that is tried.
        to: Arc<str>,
        /// The class of the failure.
        class: Class,
    },
    /// Most of a budget is used.
    BudgetWarning {
        /// Which budget.
        budget: BudgetKind,
        /// The used part, 0 to 1 and above.
        used: f64,
    },
    /// Fewer replicates run than asked for.
    ReplicatesReduced {
        /// Asked for.
        from: u32,
        /// Run.
        to: u32,
        /// Why.
        reason: Arc<str>,
    },
    /// The idempotency store failed; the call runs without it.
    IdempotencyDegraded {
        /// What the store said.
        reason: Arc<str>,
    },
    /// A replicate started.
    ReplicateStarted {
        /// Its seed.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        seed: Option<u64>,
    },
    /// A replicate ended.
    ReplicateDone {
        /// How.
        status: ReplicateStatus,
        /// Why it is not valid, in words.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        message: Option<String>,
        /// What it used.
        #[serde(skip_serializing_if = "Usage::is_unknown", default)]
        usage: Usage,
    },
    /// What the replicates agree on so far, from the second valid one on.
    PartialSummary {
        /// The summary.
        summary: Content,
    },
    /// The first valid answer, before it is known whether the others agree.
    Provisional {
        /// The answer.
        answer: Content,
    },
    /// The provisional answer stays: it is among the largest group of equal ones.
    Confirmed {
        /// The chance that one more replicate would agree, 0 to 1.
        agreement: f64,
    },
    /// Another answer takes the place of the provisional one.
    Revised {
        /// The answer.
        answer: Content,
        /// The chance that one more replicate would agree, 0 to 1.
        agreement: f64,
    },
    /// The answer that the replicates have settled on.
    Settled {
        /// The answer.
        answer: Content,
        /// The chance that one more replicate would agree, 0 to 1.
        agreement: f64,
    },
    /// All evidence is in.
    BundleReady {
        /// The bundle.
        bundle: Content,
    },
    /// A piece of an answer. Pieces that nobody has read yet are merged.
    Delta {
        /// A piece of what.
        kind: DeltaKind,
        /// The piece.
        text: String,
    },
    /// The run ended with an answer. Terminal.
    Completed {
        /// What the run used.
        usage: Usage,
        /// Whether the answer was read from a store.
        replayed: bool,
    },
    /// The run failed. Terminal.
    Error {
        /// How.
        error: Error,
    },
    /// The run's time was up. Terminal.
    Timeout {
        /// Which limit it was.
        error: Error,
    },
    /// The run was cancelled. Terminal.
    Cancelled {},
}

impl Event {
    /// Whether it is the last event of a run. Each run has exactly one.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        matches!(self, Self::Completed { .. } | Self::Error { .. } | Self::Timeout { .. } | Self::Cancelled {})
    }
}
