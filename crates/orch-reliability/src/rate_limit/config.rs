use std::num::NonZeroU32;
use std::time::Duration;

use governor::Quota;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ConfigError;
use crate::config::RawDuration;

const MINUTE: Duration = Duration::from_secs(60);

/// How many requests a minute a target takes, how many of them at once, and how long a request waits for its turn.
///
/// In any span of time at most `burst + requests_per_minute * span` requests are let through.
///
/// ```
/// use std::time::Duration;
/// use orch_reliability::RateLimitConfig;
///
/// let built = RateLimitConfig::per_minute(500).burst(20).max_wait(Duration::from_secs(2));
/// let read: RateLimitConfig =
///     serde_json::from_str(r#"{ "requests_per_minute": 500, "burst": 20, "max_wait": "2s" }"#)?;
/// assert_eq!(built, read);
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// In configuration files `max_wait` is a number of seconds or a text such as `"500ms"`; unknown fields are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Raw", into = "Raw")]
#[must_use]
pub struct RateLimitConfig {
    requests_per_minute: u32,
    burst: Option<u32>,
    max_wait: Duration,
}

impl RateLimitConfig {
    /// So many requests a minute; 0 is refused.
    pub fn per_minute(requests: u32) -> Self {
        Self { requests_per_minute: requests, burst: None, max_wait: Duration::from_secs(5) }
    }

    /// How many requests may leave at once after a pause; default: a tenth of a minute's, at least 1. 0 is refused,
    /// and so is one that takes more than 292 years to be earned.
    pub fn burst(mut self, requests: u32) -> Self {
        self.burst = Some(requests);
        self
    }

    /// How long a request waits for its turn at most; default 5 s. 0 rejects at once what does not fit now.
    pub fn max_wait(mut self, wait: Duration) -> Self {
        self.max_wait = wait;
        self
    }

    /// Whether every setting can be used.
    ///
    /// # Errors
    /// With the field, its value and the reason.
    pub fn check(&self) -> Result<(), ConfigError> {
        for (field, value) in [("requests_per_minute", self.requests_per_minute), ("burst", self.burst_size())] {
            if value == 0 {
                return Err(ConfigError::new(field, 0, "it must be above zero"));
            }
        }
        // What can be counted in 64 bits of nanoseconds, with room for the present on top.
        if self.interval().as_nanos() * u128::from(self.burst_size()) > u128::from(u64::MAX / 2) {
            return Err(ConfigError::new("burst", self.burst_size(), "it would take more than 292 years to be earned"));
        }
        Ok(())
    }

    fn burst_size(&self) -> u32 {
        self.burst.unwrap_or_else(|| (self.requests_per_minute / 10).max(1))
    }

    /// The time between two requests when all are used.
    pub(super) fn interval(&self) -> Duration {
        MINUTE / self.requests_per_minute.max(1)
    }

    pub(super) fn longest_wait(&self) -> Duration {
        self.max_wait
    }

    pub(super) fn quota(&self) -> Quota {
        let burst = NonZeroU32::new(self.burst_size()).unwrap_or(NonZeroU32::MIN);
        Quota::with_period(self.interval()).expect("a minute over a u32 is above zero").allow_burst(burst)
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
struct Raw {
    /// Requests a minute; above 0.
    requests_per_minute: u32,
    /// How many may leave at once after a pause; default: a tenth of a minute's, at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    burst: Option<u32>,
    /// How long a request waits for its turn at most; default 5 s. 0 rejects at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_wait: Option<RawDuration>,
}

impl TryFrom<Raw> for RateLimitConfig {
    type Error = ConfigError;

    fn try_from(raw: Raw) -> Result<Self, ConfigError> {
        let plain = Self::per_minute(raw.requests_per_minute);
        let max_wait = RawDuration::read_option(raw.max_wait, "max_wait")?.unwrap_or(plain.max_wait);
        let config = Self { burst: raw.burst, max_wait, ..plain };
        config.check().map(|()| config)
    }
}

impl From<RateLimitConfig> for Raw {
    fn from(config: RateLimitConfig) -> Self {
        Self {
            requests_per_minute: config.requests_per_minute,
            burst: config.burst,
            max_wait: Some(config.max_wait.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_burst_is_a_tenth_of_a_minute_unless_it_is_given() {
        for (config, burst) in [
            (RateLimitConfig::per_minute(500), 50),
            (RateLimitConfig::per_minute(9), 1),
            (RateLimitConfig::per_minute(500).burst(3), 3),
        ] {
            assert_eq!(config.quota().burst_size().get(), burst);
        }
        assert_eq!(RateLimitConfig::per_minute(120).interval(), Duration::from_millis(500));
        assert!(!RateLimitConfig::per_minute(u32::MAX).interval().is_zero());
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        for (json, field) in [
            (r#"{ "requests_per_minute": 0 }"#, "requests_per_minute"),
            (r#"{ "requests_per_minute": 60, "burst": 0 }"#, "burst"),
            (r#"{ "requests_per_minute": 1, "burst": 4294967295 }"#, "burst"),
            (r#"{ "requests_per_minute": 60, "max_wait": -1 }"#, "max_wait"),
            (r#"{ "burst": 1 }"#, "requests_per_minute"),
            (r#"{ "rpm": 60 }"#, "rpm"),
        ] {
            let error = serde_json::from_str::<RateLimitConfig>(json).unwrap_err().to_string();
            assert!(error.contains(&format!("`{field}`")), "{json}: {error}");
        }
    }

    #[test]
    fn the_largest_burst_that_is_taken_works_and_the_next_one_is_refused_with_its_value() {
        let largest = u32::try_from(u64::MAX / 2 / 60_000_000_000).unwrap();
        let config = RateLimitConfig::per_minute(1).burst(largest);
        assert!(config.check().is_ok());
        assert!(governor::RateLimiter::direct(config.quota()).check().is_ok());
        let error = RateLimitConfig::per_minute(1).burst(largest + 1).check().unwrap_err().to_string();
        assert!(error.contains("`burst`") && error.contains(&(largest + 1).to_string()), "{error}");
        assert!(RateLimitConfig::per_minute(u32::MAX).burst(u32::MAX).check().is_ok());
    }

    #[test]
    fn what_is_written_is_read_back_as_it_was() {
        for config in [RateLimitConfig::per_minute(60), RateLimitConfig::per_minute(7).burst(2).max_wait(MINUTE)] {
            let json = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<RateLimitConfig>(&json).unwrap(), config);
        }
    }
}
