use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::RawDuration;
use crate::{ConfigError, RetryPolicy};

/// What one tool has of its own; what is not set is that of all tools.
///
/// ```
/// use std::time::Duration;
/// use orch_reliability::{RetryPolicy, ToolReliability};
///
/// let built = ToolReliability::default()
///     .retry(RetryPolicy::default().max_attempts(1))
///     .attempt_timeout(Duration::from_secs(180));
/// let read: ToolReliability =
///     serde_json::from_str(r#"{ "retry": { "max_attempts": 1 }, "attempt_timeout": "3m" }"#)?;
/// assert_eq!(built, read);
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// In configuration files durations are seconds, or text such as `"30s"`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Raw", into = "Raw")]
#[must_use]
pub struct ToolReliability {
    pub(super) retry: Option<RetryPolicy>,
    pub(super) attempt_timeout: Option<Duration>,
    pub(super) first_chunk_timeout: Option<Duration>,
    pub(super) idle_timeout: Option<Duration>,
}

impl ToolReliability {
    /// How failed attempts are repeated, as a whole: nothing of the policy of all tools is left.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = Some(policy);
        self
    }

    /// How long one attempt may take; 0 is refused.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = Some(timeout);
        self
    }

    /// How long the first chunk of an answer may take; 0 is refused.
    pub fn first_chunk_timeout(mut self, timeout: Duration) -> Self {
        self.first_chunk_timeout = Some(timeout);
        self
    }

    /// How long an answer may pause; 0 is refused.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(timeout);
        self
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (field, timeout) in [
            ("attempt_timeout", self.attempt_timeout),
            ("first_chunk_timeout", self.first_chunk_timeout),
            ("idle_timeout", self.idle_timeout),
        ] {
            timeout.map_or(Ok(()), |timeout| ConfigError::if_zero(field, timeout))?;
        }
        self.retry.as_ref().map_or(Ok(()), RetryPolicy::check)
    }
}

#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
struct Raw {
    /// How failed attempts are repeated, instead of the policy of all tools as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry: Option<RetryPolicy>,
    /// How long one attempt may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt_timeout: Option<RawDuration>,
    /// How long the first chunk of an answer may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_chunk_timeout: Option<RawDuration>,
    /// How long an answer may pause.
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_timeout: Option<RawDuration>,
}

impl TryFrom<Raw> for ToolReliability {
    type Error = ConfigError;

    fn try_from(raw: Raw) -> Result<Self, ConfigError> {
        let own = Self {
            retry: raw.retry,
            attempt_timeout: RawDuration::read_option(raw.attempt_timeout, "attempt_timeout")?,
            first_chunk_timeout: RawDuration::read_option(raw.first_chunk_timeout, "first_chunk_timeout")?,
            idle_timeout: RawDuration::read_option(raw.idle_timeout, "idle_timeout")?,
        };
        own.check().map(|()| own)
    }
}

impl From<ToolReliability> for Raw {
    fn from(own: ToolReliability) -> Self {
        Self {
            retry: own.retry,
            attempt_timeout: own.attempt_timeout.map(Into::into),
            first_chunk_timeout: own.first_chunk_timeout.map(Into::into),
            idle_timeout: own.idle_timeout.map(Into::into),
        }
    }
}
