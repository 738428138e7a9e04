use std::time::Duration;

use orch_core::Class;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::class_attempts::ClassAttempts;
use crate::config::RawDuration;
use crate::{Backoff, ConfigError};

/// How often, and after which waits, a failed call is repeated.
///
/// ```
/// use std::time::Duration;
/// use orch_reliability::RetryPolicy;
///
/// let policy = RetryPolicy::default().max_attempts(5).initial_delay(Duration::from_secs(1)).backoff_factor(2.0);
/// let same: RetryPolicy = serde_json::from_str(r#"{ "max_attempts": 5, "initial_delay": "1s" }"#)?;
/// assert_eq!(policy, same);
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// In configuration files a delay is a number of seconds or a text such as `"30s"` or `"500ms"`; absent
/// fields keep their defaults and unknown ones are refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(into = "RawPolicy", try_from = "RawPolicy")]
#[must_use]
pub struct RetryPolicy {
    max_attempts: u32,
    class_attempts: ClassAttempts,
    initial_delay: Duration,
    max_delay: Duration,
    backoff_factor: f64,
    respect_retry_after: bool,
    retry_after_cap: Duration,
    max_total_delay: Option<Duration>,
    seed: Option<u64>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            class_attempts: ClassAttempts::default(),
            initial_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(30),
            backoff_factor: 2.0,
            respect_retry_after: true,
            retry_after_cap: Duration::from_secs(120),
            max_total_delay: None,
            seed: None,
        }
    }
}

impl RetryPolicy {
    /// Attempts per call, the first included; default 3. 1 never repeats, 0 is refused.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// Attempts per call for failures of one class, the first included, instead of
    /// [`max_attempts`](Self::max_attempts); 1 never repeats that class, 0 is refused. All attempts of a call count,
    /// whatever they failed of: each failure is measured against the limit of its own class.
    ///
    /// ```
    /// use orch_core::Class;
    /// use orch_reliability::RetryPolicy;
    ///
    /// // Five attempts for throttling, two for timeouts, three for the rest.
    /// let policy = RetryPolicy::default().class_attempts(Class::Throttled, 5).class_attempts(Class::Timeout, 2);
    /// let same: RetryPolicy = serde_json::from_str(r#"{ "class_attempts": { "throttled": 5, "timeout": 2 } }"#)?;
    /// assert_eq!(policy, same);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// `LocalReject` means our own rate limit. `BadOutput`, which is not repeated otherwise, is so with a limit of its
    /// own. Classes that are never repeated are refused.
    pub fn class_attempts(mut self, class: Class, attempts: u32) -> Self {
        self.class_attempts.set(class, attempts);
        self
    }

    /// The longest wait before the first repeat; default 500 ms, 0 is refused. Waits are full jitter: uniform from zero.
    pub fn initial_delay(mut self, delay: Duration) -> Self {
        self.initial_delay = delay;
        self
    }

    /// The longest wait that our own backoff grows to; default 30 s, not below `initial_delay`. It does not bound
    /// what a server asks for: that is [`retry_after_cap`](Self::retry_after_cap).
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// What the longest wait is multiplied by after every attempt, at least 1; default 2.
    pub fn backoff_factor(mut self, factor: f64) -> Self {
        self.backoff_factor = factor;
        self
    }

    /// Whether a server's Retry-After is waited for; default true. If not, our own backoff alone decides, and the
    /// server may be asked earlier than it wanted. Our own rate limit is always waited for.
    pub fn respect_retry_after(mut self, respect: bool) -> Self {
        self.respect_retry_after = respect;
        self
    }

    /// The longest Retry-After that is waited for; default 120 s. A longer one ends the call at once, with the hint
    /// in the error. 0 waits for none.
    pub fn retry_after_cap(mut self, cap: Duration) -> Self {
        self.retry_after_cap = cap;
        self
    }

    /// What all waits of one call may add up to; default: no limit but the deadline. 0 is refused.
    pub fn max_total_delay(mut self, delay: Duration) -> Self {
        self.max_total_delay = Some(delay);
        self
    }

    /// Makes the jitter a function of this seed, the replicate and the attempt, so that runs can be repeated
    /// exactly; default: fresh chance.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Whether every setting can be used.
    ///
    /// # Errors
    /// With the field, its value and the reason.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.max_attempts == 0 {
            return Err(ConfigError::new("max_attempts", 0, "the first attempt counts, so it must be at least 1"));
        }
        self.class_attempts.check()?;
        ConfigError::if_zero("initial_delay", self.initial_delay)?;
        if self.max_delay < self.initial_delay {
            let reason = format!("it must not be below `initial_delay` ({:?})", self.initial_delay);
            return Err(ConfigError::new("max_delay", format_args!("{:?}", self.max_delay), reason));
        }
        if !self.backoff_factor.is_finite() || self.backoff_factor < 1.0 {
            return Err(ConfigError::new("backoff_factor", self.backoff_factor, "it must be finite and at least 1"));
        }
        self.max_total_delay.map_or(Ok(()), |delay| ConfigError::if_zero("max_total_delay", delay))
    }

    /// How many attempts a call has whose last failure is of this class.
    pub(super) fn attempts(&self, class: Class) -> u32 {
        self.class_attempts.of(class).unwrap_or(self.max_attempts)
    }

    /// Whether this class has a limit of its own.
    pub(super) fn names(&self, class: Class) -> bool {
        self.class_attempts.of(class).is_some()
    }

    pub(super) fn backoff(&self) -> Backoff {
        Backoff::new(self.initial_delay, self.backoff_factor, self.max_delay)
    }

    pub(super) fn respects_retry_after(&self) -> bool {
        self.respect_retry_after
    }

    pub(super) fn longest_hint(&self) -> Duration {
        self.retry_after_cap
    }

    pub(super) fn longest_total(&self) -> Duration {
        self.max_total_delay.unwrap_or(Duration::MAX)
    }

    /// Two random numbers for the wait after an attempt.
    pub(super) fn chance(&self, replicate: Option<u32>, attempt: u32) -> [u64; 2] {
        let mut rng = match self.seed {
            Some(seed) => {
                let place = u64::from(replicate.unwrap_or(0)) << 32 | u64::from(attempt);
                // Spreads neighbouring places over the seeds; the generator mixes further.
                fastrand::Rng::with_seed(seed ^ place.wrapping_mul(0x9e37_79b9_7f4a_7c15))
            }
            None => fastrand::Rng::new(),
        };
        [rng.u64(..), rng.u64(..)]
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
struct RawPolicy {
    /// Attempts per call, the first included; default 3, at least 1.
    #[serde(default)]
    max_attempts: Option<u32>,
    /// Attempts for failures of one class: `throttled`, `transient`, `timeout`, `bad_output`, `local_reject`.
    #[serde(default, skip_serializing_if = "ClassAttempts::is_empty")]
    #[schemars(with = "std::collections::BTreeMap<Class, u32>")]
    class_attempts: ClassAttempts,
    /// The longest wait before the first repeat; default 500 ms, not zero.
    #[serde(default)]
    initial_delay: Option<RawDuration>,
    /// The longest wait that the backoff grows to; default 30 s.
    #[serde(default)]
    max_delay: Option<RawDuration>,
    /// What the longest wait is multiplied by after every attempt; default 2, at least 1.
    #[serde(default)]
    backoff_factor: Option<f64>,
    /// Whether a server's Retry-After is waited for; default true.
    #[serde(default)]
    respect_retry_after: Option<bool>,
    /// The longest Retry-After that is waited for; default 120 s.
    #[serde(default)]
    retry_after_cap: Option<RawDuration>,
    /// What all waits of one call may add up to; default: no limit but the deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_total_delay: Option<RawDuration>,
    /// Makes the jitter repeatable; default: fresh chance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
}

impl TryFrom<RawPolicy> for RetryPolicy {
    type Error = ConfigError;

    fn try_from(raw: RawPolicy) -> Result<Self, ConfigError> {
        let read = |raw: Option<RawDuration>, field| raw.map(|raw| raw.read(field)).transpose();
        let default = Self::default();
        let policy = Self {
            max_attempts: raw.max_attempts.unwrap_or(default.max_attempts),
            class_attempts: raw.class_attempts,
            initial_delay: read(raw.initial_delay, "initial_delay")?.unwrap_or(default.initial_delay),
            max_delay: read(raw.max_delay, "max_delay")?.unwrap_or(default.max_delay),
            backoff_factor: raw.backoff_factor.unwrap_or(default.backoff_factor),
            respect_retry_after: raw.respect_retry_after.unwrap_or(default.respect_retry_after),
            retry_after_cap: read(raw.retry_after_cap, "retry_after_cap")?.unwrap_or(default.retry_after_cap),
            max_total_delay: read(raw.max_total_delay, "max_total_delay")?,
            seed: raw.seed,
        };
        policy.check().map(|()| policy)
    }
}

impl From<RetryPolicy> for RawPolicy {
    fn from(policy: RetryPolicy) -> Self {
        Self {
            max_attempts: Some(policy.max_attempts),
            class_attempts: policy.class_attempts,
            initial_delay: Some(policy.initial_delay.into()),
            max_delay: Some(policy.max_delay.into()),
            backoff_factor: Some(policy.backoff_factor),
            respect_retry_after: Some(policy.respect_retry_after),
            retry_after_cap: Some(policy.retry_after_cap.into()),
            max_total_delay: policy.max_total_delay.map(Into::into),
            seed: policy.seed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_names_and_units_are_read_and_written_again() {
        let json = r#"{ "max_attempts": 4, "initial_delay": 1.0, "max_delay": "45s", "backoff_factor": 3.0,
            "respect_retry_after": false, "retry_after_cap": "90s", "max_total_delay": 60, "seed": 7,
            "class_attempts": { "timeout": 2, "throttled": 5 } }"#;
        let policy: RetryPolicy = serde_json::from_str(json).unwrap();
        let expected = RetryPolicy::default()
            .max_attempts(4)
            .initial_delay(Duration::from_secs(1))
            .max_delay(Duration::from_secs(45))
            .backoff_factor(3.0)
            .respect_retry_after(false)
            .retry_after_cap(Duration::from_secs(90))
            .max_total_delay(Duration::from_secs(60))
            .seed(7)
            .class_attempts(Class::Throttled, 4)
            .class_attempts(Class::Timeout, 2)
            .class_attempts(Class::Throttled, 5);
        assert_eq!(policy, expected);
        for policy in [expected, RetryPolicy::default()] {
            let json = serde_json::to_string(&policy).unwrap();
            assert_eq!(serde_json::from_str::<RetryPolicy>(&json).unwrap(), policy);
        }
    }

    #[test]
    fn what_cannot_work_is_refused_with_field_and_value() {
        for (json, field, value) in [
            (r#"{ "max_attempts": 0 }"#, "max_attempts", "0"),
            (r#"{ "initial_delay": 0 }"#, "initial_delay", "0s"),
            (r#"{ "initial_delay": "-1s" }"#, "initial_delay", "-1s"),
            (r#"{ "initial_delay": "31s" }"#, "max_delay", "30s"),
            (r#"{ "backoff_factor": 0.5 }"#, "backoff_factor", "0.5"),
            (r#"{ "max_total_delay": 0 }"#, "max_total_delay", "0s"),
            (r#"{ "class_attempts": { "timeout": 0 } }"#, "class_attempts", "timeout: 0"),
            (r#"{ "class_attempts": { "auth": 2 } }"#, "class_attempts", "auth"),
            (r#"{ "class_attempts": { "slow": 2 } }"#, "slow", ""),
            (r#"{ "max_retries": 1 }"#, "max_retries", ""),
        ] {
            let error = serde_json::from_str::<RetryPolicy>(json).unwrap_err().to_string();
            assert!(error.contains(&format!("`{field}`")) && error.contains(value), "{json}: {error}");
        }
        let error = RetryPolicy::default().backoff_factor(f64::NAN).check().unwrap_err();
        assert_eq!((error.field(), error.value()), ("backoff_factor", "NaN"));
    }

    #[test]
    fn chance_depends_on_the_seed_the_replicate_and_the_attempt_alone() {
        let policy = RetryPolicy::default().seed(7);
        let mut seen = std::collections::HashSet::new();
        for replicate in [None, Some(1), Some(2)] {
            for attempt in 1..4 {
                assert_eq!(policy.chance(replicate, attempt), policy.chance(replicate, attempt));
                assert!(seen.insert(policy.chance(replicate, attempt)));
            }
        }
        assert!(seen.insert(RetryPolicy::default().seed(8).chance(None, 1)));
        assert_ne!(RetryPolicy::default().chance(None, 1), RetryPolicy::default().chance(None, 1));
    }
}
