use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Amount, BudgetKind, Class, Error, Target};

/// What went wrong, with what a caller needs to act on it.
#[derive(Clone, Debug, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The tool failed in its own way.
    #[error("{message}")]
    ToolExecution {
        /// What it said.
        message: Arc<str>,
    },
    /// A budget is used up, or would be by this call.
    #[error("the {budget} budget of the {level} allows {limit}, this needs {actual}")]
    BudgetExceeded {
        /// Which budget.
        budget: BudgetKind,
        /// What it allows.
        limit: Amount,
        /// What was used or would be.
        actual: Amount,
        /// The level that refused: the run, a replicate, a tenant.
        level: Arc<str>,
    },
    /// The idempotency key was used for another request.
    #[error("the idempotency key `{key}` was used for a different request")]
    Conflict {
        /// The key.
        key: Arc<str>,
    },
    /// Another process works on this key.
    #[error("the request with the idempotency key `{key}` is still in progress")]
    InProgress {
        /// The key.
        key: Arc<str>,
    },
    /// A process died while it worked on this key; whether the effect happened is unknown.
    #[error("whether the request with the idempotency key `{key}` took effect is unknown: resolve it first")]
    OutcomeUnknown {
        /// The key.
        key: Arc<str>,
    },
    /// Somebody else took this key over.
    #[error("another process took over the idempotency key `{key}`")]
    LeaseLost {
        /// The key.
        key: Arc<str>,
    },
    /// The idempotency store failed and the tool's effect forbids working without it.
    #[error("the idempotency store failed: {reason}")]
    StoreUnavailable {
        /// What the store said.
        reason: Arc<str>,
    },
    /// The ledger of the accounts above the run failed, so nothing may be spent.
    #[error("the budget ledger failed: {reason}")]
    LedgerUnavailable {
        /// What the ledger said.
        reason: Arc<str>,
    },
    /// The target's circuit is open.
    #[error("the circuit of `{target}` is open")]
    CircuitOpen {
        /// The target.
        target: Target,
    },
    /// Our own rate limit.
    #[error("our rate limit for `{target}` is reached")]
    RateLimited {
        /// The target.
        target: Target,
    },
    /// Too many calls of ours are in flight.
    #[error("too many calls to `{target}` are in flight")]
    Overloaded {
        /// The target.
        target: Target,
    },
    /// An attempt took too long.
    #[error("{phase} took {}", too_long(*after))]
    Timeout {
        /// What took too long.
        phase: TimeoutPhase,
        /// The limit, if whoever kept it says so; tower's own timeout does not.
        #[serde(default, rename = "after_ms", with = "crate::serde_ms::option")]
        after: Option<Duration>,
    },
    /// Whoever was asked is shutting down.
    #[error("no new work is taken: the client is draining")]
    Draining,
    /// The run's deadline passed.
    #[error("the deadline passed")]
    DeadlineExceeded,
    /// The caller gave up.
    #[error("the run was cancelled")]
    Cancelled,
    /// No such tool.
    #[error("no tool named `{name}`{}", hint(did_you_mean.as_deref()))]
    UnknownTool {
        /// The name asked for.
        name: Arc<str>,
        /// The nearest name, if one is near.
        #[serde(default)]
        did_you_mean: Option<Arc<str>>,
    },
    /// The request is wrong.
    #[error("invalid request{}: {reason}", place(pointer))]
    InvalidRequest {
        /// Where, as a JSON Pointer.
        pointer: Arc<str>,
        /// Why, with the value.
        reason: Arc<str>,
    },
    /// No tool can be used now.
    #[error("no plan: {}", reasons.join("; "))]
    NoPlan {
        /// Why each candidate was passed over.
        reasons: Vec<String>,
    },
    /// No replicate gave a valid answer.
    #[error("none of {} replicates gave a valid answer{}", causes.len(), first(causes))]
    ReplicatesFailed {
        /// The error of each replicate.
        causes: Vec<Error>,
    },
    /// Every candidate failed.
    #[error("all {} candidates failed{}", causes.len(), first(causes))]
    FallbacksFailed {
        /// The error of each candidate, in the order tried.
        causes: Vec<Error>,
    },
    /// The stream ended before its terminal event; what had arrived is in [`Error::output`].
    #[error("the stream broke: {reason}")]
    StreamBroken {
        /// How.
        reason: Arc<str>,
    },
    /// The answer cannot be used.
    #[error("unusable answer{}: {reason}", place(pointer))]
    BadOutput {
        /// Where in the answer, as a JSON Pointer.
        pointer: Arc<str>,
        /// Why, with the beginning of the answer.
        reason: Arc<str>,
    },
    /// A cost budget is set and the model has no price. The message has the line that gives it one.
    #[error(
        "the model `{model}` has no price, so a cost budget cannot be kept: give it one, in dollars per million input \
         and output tokens, with `.prices(PriceBook::new().price({model:?}, INPUT, OUTPUT)?)`, or declare it free with `.free()`"
    )]
    Unpriced {
        /// The model.
        model: Arc<str>,
    },
    /// The provider answered with a failure.
    #[error("{0}")]
    Provider(ProviderFailure),
    /// The tool panicked.
    #[error("the tool panicked: {message}")]
    Panicked {
        /// What it said.
        message: Arc<str>,
    },
}

/// Which part of an attempt took too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum TimeoutPhase {
    /// The whole attempt.
    #[error("the attempt")]
    Attempt,
    /// The first chunk of the answer.
    #[error("the first chunk")]
    FirstChunk,
    /// The next chunk of the answer.
    #[error("the next chunk")]
    Idle,
}

/// A failure that a provider reported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ProviderFailure {
    /// The provider.
    pub provider: Arc<str>,
    /// The HTTP status, if it came by HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The provider's error code or type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Arc<str>>,
    /// The provider's words.
    pub message: Arc<str>,
    /// The provider's id of the request, for its support.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Arc<str>>,
    /// The input was longer than the model's context: a larger model may take it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub context_overflow: bool,
}

impl ProviderFailure {
    /// What a provider said; the message may be empty.
    #[must_use]
    pub fn new(provider: impl Into<Arc<str>>, message: impl Into<Arc<str>>) -> Self {
        Self { provider: provider.into(), message: message.into(), ..Self::default() }
    }

    /// Sets the HTTP status; `None` when it did not come by HTTP.
    #[must_use]
    pub fn status(mut self, status: impl Into<Option<u16>>) -> Self {
        self.status = status.into();
        self
    }

    /// Sets the provider's error code or type.
    #[must_use]
    pub fn code(mut self, code: impl Into<Arc<str>>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Sets the provider's id of the request.
    #[must_use]
    pub fn request_id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.request_id = Some(id.into());
        self
    }

    /// Sets whether the input was longer than the model's context.
    #[must_use]
    pub fn context_overflow(mut self, overflow: bool) -> Self {
        self.context_overflow = overflow;
        self
    }
}

impl std::fmt::Display for ProviderFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.provider)?;
        if let Some(status) = self.status {
            write!(f, " answered {status}")?;
        }
        if let Some(code) = &self.code {
            write!(f, " ({code})")?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        if let Some(id) = &self.request_id {
            write!(f, " [request {id}]")?;
        }
        Ok(())
    }
}

impl ErrorKind {
    /// The class of this kind when nothing better is known.
    #[must_use]
    pub fn default_class(&self) -> Class {
        match self {
            Self::BudgetExceeded { .. } | Self::Unpriced { .. } | Self::LedgerUnavailable { .. } => {
                Class::BudgetExceeded
            }
            Self::Conflict { .. }
            | Self::InProgress { .. }
            | Self::OutcomeUnknown { .. }
            | Self::LeaseLost { .. }
            | Self::StoreUnavailable { .. } => Class::Idempotency,
            Self::CircuitOpen { .. } | Self::RateLimited { .. } | Self::Overloaded { .. } | Self::Draining => {
                Class::LocalReject
            }
            Self::Timeout { .. } => Class::Timeout,
            Self::DeadlineExceeded => Class::DeadlineExceeded,
            Self::Cancelled => Class::Cancelled,
            Self::ToolExecution { .. }
            | Self::UnknownTool { .. }
            | Self::InvalidRequest { .. }
            | Self::NoPlan { .. } => Class::Permanent,
            Self::ReplicatesFailed { causes } => telling(causes).map_or(Class::Permanent, Error::class),
            Self::FallbacksFailed { causes } => causes.last().map_or(Class::Permanent, Error::class),
            Self::StreamBroken { .. } => Class::StreamBroken,
            Self::BadOutput { .. } => Class::BadOutput,
            Self::Provider(_) => Class::Transient,
            Self::Panicked { .. } => Class::Panicked,
        }
    }

    /// Whether a failure of this kind always means that the tool was never asked.
    pub(crate) fn never_executed(&self) -> bool {
        matches!(
            self,
            Self::CircuitOpen { .. }
                | Self::RateLimited { .. }
                | Self::Overloaded { .. }
                | Self::Draining
                | Self::UnknownTool { .. }
                | Self::InvalidRequest { .. }
                | Self::NoPlan { .. }
                | Self::Unpriced { .. }
                | Self::LedgerUnavailable { .. }
        )
    }
}

fn hint(did_you_mean: Option<&str>) -> String {
    did_you_mean.map(|name| format!(", did you mean `{name}`?")).unwrap_or_default()
}

/// Where in a request or an answer; the whole of it needs no words.
fn place(pointer: &str) -> String {
    if pointer.is_empty() { String::new() } else { format!(" at `{pointer}`") }
}

fn first(causes: &[Error]) -> String {
    telling(causes).map(|cause| format!("; the first: {cause}")).unwrap_or_default()
}

/// The first cause that is not our own rejection, which only follows from the others.
fn telling(causes: &[Error]) -> Option<&Error> {
    causes.iter().find(|cause| cause.class() != Class::LocalReject).or(causes.first())
}

fn too_long(after: Option<Duration>) -> String {
    after.map_or("too long".to_owned(), |after| format!("longer than {after:?}"))
}
