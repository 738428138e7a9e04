use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::ConfigError;
use crate::config::RawDuration;

/// How many calls may be in flight, and how long another one waits for a place.
///
/// In configuration files `max_wait` is a number of seconds or a text such as `"500ms"`; unknown fields are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Raw", into = "Raw")]
#[must_use]
pub struct BulkheadConfig {
    pub(super) max_in_flight: usize,
    pub(super) max_wait: Duration,
}

/// 64 calls in flight, 5 s of waiting.
impl Default for BulkheadConfig {
    fn default() -> Self {
        Self { max_in_flight: 64, max_wait: Duration::from_secs(5) }
    }
}

impl BulkheadConfig {
    /// Calls at the same time; default 64, 0 is refused.
    pub fn max_in_flight(mut self, calls: usize) -> Self {
        self.max_in_flight = calls;
        self
    }

    /// How long a call waits for its place; default 5 s. 0 rejects at once.
    pub fn max_wait(mut self, wait: Duration) -> Self {
        self.max_wait = wait;
        self
    }

    /// Whether every setting can be used.
    ///
    /// # Errors
    /// When `max_in_flight` is 0, or more than a semaphore can count.
    pub fn check(&self) -> Result<(), ConfigError> {
        let reason = match self.max_in_flight {
            0 => "it must be at least 1".to_owned(),
            more if more > Semaphore::MAX_PERMITS => format!("it must be at most {}", Semaphore::MAX_PERMITS),
            _ => return Ok(()),
        };
        Err(ConfigError::new("max_in_flight", self.max_in_flight, reason))
    }
}

#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
struct Raw {
    /// Calls at the same time; default 64, 0 is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_in_flight: Option<usize>,
    /// How long a call waits for its place; default 5 s. 0 rejects at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_wait: Option<RawDuration>,
}

impl TryFrom<Raw> for BulkheadConfig {
    type Error = ConfigError;

    fn try_from(raw: Raw) -> Result<Self, ConfigError> {
        let plain = Self::default();
        let config = Self {
            max_in_flight: raw.max_in_flight.unwrap_or(plain.max_in_flight),
            max_wait: RawDuration::read_option(raw.max_wait, "max_wait")?.unwrap_or(plain.max_wait),
        };
        config.check().map(|()| config)
    }
}

impl From<BulkheadConfig> for Raw {
    fn from(config: BulkheadConfig) -> Self {
        Self { max_in_flight: Some(config.max_in_flight), max_wait: Some(config.max_wait.into()) }
    }
}
