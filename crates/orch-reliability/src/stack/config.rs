use std::collections::BTreeMap;
use std::time::Duration;

use orch_core::{Budget, Target};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ToolReliability;
use crate::config::{RawDuration, one_of};
use crate::{BulkheadConfig, CircuitBreakerConfig, ConfigError, IdempotencyConfig, RateLimitConfig, RetryPolicy};

/// Every setting of the documented stacks, for configuration files.
///
/// ```
/// use orch_reliability::ReliabilityConfig;
///
/// let config: ReliabilityConfig = serde_json::from_str(
///     r#"{
///         "retry_policy": { "max_attempts": 3, "initial_delay": 1.0, "backoff_factor": 2.0 },
///         "circuit_breaker_configs": {
///             "openai": { "failure_threshold": 5, "timeout": 60.0, "window_size": 300.0 },
///             "anthropic": { "failure_threshold": 3, "timeout": 120.0 }
///         },
///         "rate_limits": { "openai": { "requests_per_minute": 500 } },
///         "idempotency_enabled": true,
///         "idempotency_ttl_ms": 3600000,
///         "conflict_detection": true
///     }"#,
/// )?;
/// let stack = config.build()?;
/// # let _ = stack;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Absent settings keep their defaults and unknown ones are refused. Durations are seconds, or a text such as `"30s"`,
/// unless the name ends in `_ms`. `retry_policy` may also be spelled `retry`, `circuit_breaker_configs` also
/// `circuit_breakers`, and the three settings of idempotency may stand in an object `idempotency`; both spellings of
/// one setting are an error that names both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Raw", into = "Raw")]
#[must_use]
pub struct ReliabilityConfig {
    pub(super) retry: RetryPolicy,
    pub(super) circuit_breaker: CircuitBreakerConfig,
    pub(super) circuit_breakers: BTreeMap<Target, CircuitBreakerConfig>,
    pub(super) rate_limits: BTreeMap<Target, RateLimitConfig>,
    pub(super) bulkheads: BTreeMap<Target, BulkheadConfig>,
    pub(super) tools: BTreeMap<String, ToolReliability>,
    pub(super) idempotency: IdempotencyConfig,
    pub(super) budget: Budget,
    pub(super) deadline: Duration,
    pub(super) attempt_timeout: Duration,
    pub(super) first_chunk_timeout: Duration,
    pub(super) idle_timeout: Duration,
    pub(super) max_in_flight: usize,
    pub(super) max_wait: Duration,
}

impl Default for ReliabilityConfig {
    fn default() -> Self {
        Self {
            retry: RetryPolicy::default(),
            circuit_breaker: CircuitBreakerConfig::default(),
            circuit_breakers: BTreeMap::new(),
            rate_limits: BTreeMap::new(),
            bulkheads: BTreeMap::new(),
            tools: BTreeMap::new(),
            idempotency: IdempotencyConfig::default(),
            budget: Budget::new(),
            deadline: Duration::from_secs(300),
            attempt_timeout: Duration::from_secs(60),
            first_chunk_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(30),
            max_in_flight: 64,
            max_wait: Duration::from_secs(5),
        }
    }
}

/// Setters that only put a value in its place.
macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $kind:ty,)*) => {$(
        $(#[$doc])*
        pub fn $name(mut self, value: $kind) -> Self {
            self.$name = value;
            self
        }
    )*};
}

impl ReliabilityConfig {
    settings! {
        /// How failed attempts are repeated; default [`RetryPolicy::default`].
        retry: RetryPolicy,
        /// The circuit breaker of each target without one of its own; default [`CircuitBreakerConfig::default`].
        circuit_breaker: CircuitBreakerConfig,
        /// How runs with an idempotency key are remembered; default [`IdempotencyConfig::default`].
        idempotency: IdempotencyConfig,
        /// The budget of every run, combined with the run's own; default: none.
        budget: Budget,
        /// When a run must have ended unless its own deadline is nearer; default 300 s, 0 is refused.
        deadline: Duration,
        /// How long one attempt may take; default 60 s, 0 is refused.
        attempt_timeout: Duration,
        /// How long the first chunk of an answer may take; default 30 s, 0 is refused.
        first_chunk_timeout: Duration,
        /// How long an answer may pause; default 30 s, 0 is refused.
        idle_timeout: Duration,
        /// Calls in flight per target; default 64, 0 is refused.
        max_in_flight: usize,
        /// How long a call waits for its place; default 5 s. 0 rejects at once.
        max_wait: Duration,
    }

    /// Gives a target a circuit breaker of its own.
    pub fn circuit_breaker_of(mut self, target: impl Into<Target>, config: CircuitBreakerConfig) -> Self {
        self.circuit_breakers.insert(target.into(), config);
        self
    }

    /// Limits the requests per minute to a target; default: no limit.
    pub fn rate_limit_of(mut self, target: impl Into<Target>, config: RateLimitConfig) -> Self {
        self.rate_limits.insert(target.into(), config);
        self
    }

    /// Gives a target a number of calls in flight and a wait for a place of its own.
    pub fn bulkhead_of(mut self, target: impl Into<Target>, config: BulkheadConfig) -> Self {
        self.bulkheads.insert(target.into(), config);
        self
    }

    /// Gives a tool (of a bundle: the tool that is replicated) retries and timeouts of its own.
    pub fn tool(mut self, name: impl Into<String>, own: ToolReliability) -> Self {
        self.tools.insert(name.into(), own);
        self
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (field, duration) in [
            ("deadline", self.deadline),
            ("attempt_timeout", self.attempt_timeout),
            ("first_chunk_timeout", self.first_chunk_timeout),
            ("idle_timeout", self.idle_timeout),
        ] {
            ConfigError::if_zero(field, duration)?;
        }
        self.tools.values().try_for_each(ToolReliability::check)
    }

    pub(super) fn same_circuits(&self, other: &Self) -> bool {
        (&self.circuit_breaker, &self.circuit_breakers) == (&other.circuit_breaker, &other.circuit_breakers)
    }

    pub(super) fn same_places(&self, other: &Self) -> bool {
        (self.places(), &self.bulkheads) == (other.places(), &other.bulkheads)
    }

    /// The places of each target without its own.
    pub(super) fn places(&self) -> BulkheadConfig {
        BulkheadConfig::default().max_in_flight(self.max_in_flight).max_wait(self.max_wait)
    }
}

#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
struct Raw {
    /// How failed attempts are repeated.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry: Option<RetryPolicy>,
    /// Another spelling of `retry`.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_policy: Option<RetryPolicy>,
    /// The circuit breaker of each target without one of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    circuit_breaker: Option<CircuitBreakerConfig>,
    /// The circuit breakers of single targets, each from the defaults.
    #[serde(skip_serializing_if = "Option::is_none")]
    circuit_breakers: Option<BTreeMap<Target, CircuitBreakerConfig>>,
    /// Another spelling of `circuit_breakers`.
    #[serde(skip_serializing_if = "Option::is_none")]
    circuit_breaker_configs: Option<BTreeMap<Target, CircuitBreakerConfig>>,
    /// Requests per minute to single targets; default: no limit.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    rate_limits: BTreeMap<Target, RateLimitConfig>,
    /// Calls in flight to single targets, each from the defaults.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    bulkheads: BTreeMap<Target, BulkheadConfig>,
    /// Retries and timeouts of single tools; of a bundle, of the tool that is replicated.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tools: BTreeMap<String, ToolReliability>,
    /// How runs with an idempotency key are remembered.
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency: Option<IdempotencyConfig>,
    /// Another spelling of `idempotency.enabled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_enabled: Option<bool>,
    /// Another spelling of `idempotency.ttl`, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_ttl_ms: Option<u64>,
    /// Another spelling of `idempotency.conflict_detection`.
    #[serde(skip_serializing_if = "Option::is_none")]
    conflict_detection: Option<bool>,
    /// The budget of every run; a run's own is combined with it, the smaller wins.
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<Budget>,
    /// When a run must have ended; default 300 s, not zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline: Option<RawDuration>,
    /// How long one attempt may take; default 60 s, not zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt_timeout: Option<RawDuration>,
    /// How long the first chunk of an answer may take; default 30 s, not zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_chunk_timeout: Option<RawDuration>,
    /// How long an answer may pause; default 30 s, not zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_timeout: Option<RawDuration>,
    /// Calls in flight per target; default 64, not zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_in_flight: Option<usize>,
    /// How long a call waits for its place; default 5 s. 0 rejects at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_wait: Option<RawDuration>,
}

impl Raw {
    fn idempotency(&self) -> Result<IdempotencyConfig, ConfigError> {
        let plain = IdempotencyConfig::default();
        let flat = [
            ("idempotency_enabled", self.idempotency_enabled.map(|on| plain.enabled(on))),
            ("idempotency_ttl_ms", self.idempotency_ttl_ms.map(|ttl| plain.ttl(Duration::from_millis(ttl)))),
            ("conflict_detection", self.conflict_detection.map(|on| plain.conflict_detection(on))),
        ];
        for (name, flat) in flat {
            one_of(("idempotency", self.idempotency), (name, flat))?;
        }
        let config = self.idempotency.unwrap_or(plain);
        let config = self.idempotency_enabled.map_or(config, |on| config.enabled(on));
        let config = self.idempotency_ttl_ms.map_or(config, |ttl| config.ttl(Duration::from_millis(ttl)));
        Ok(self.conflict_detection.map_or(config, |on| config.conflict_detection(on)))
    }
}

impl TryFrom<Raw> for ReliabilityConfig {
    type Error = ConfigError;

    fn try_from(raw: Raw) -> Result<Self, ConfigError> {
        let (plain, idempotency) = (Self::default(), raw.idempotency()?);
        let retry = one_of(("retry", raw.retry), ("retry_policy", raw.retry_policy))?;
        let breakers = one_of(
            ("circuit_breakers", raw.circuit_breakers),
            ("circuit_breaker_configs", raw.circuit_breaker_configs),
        )?;
        let duration = |raw, field, plain| Ok(RawDuration::read_option(raw, field)?.unwrap_or(plain));
        let config = Self {
            retry: retry.unwrap_or(plain.retry),
            circuit_breaker: raw.circuit_breaker.unwrap_or(plain.circuit_breaker),
            circuit_breakers: breakers.unwrap_or_default(),
            rate_limits: raw.rate_limits,
            bulkheads: raw.bulkheads,
            tools: raw.tools,
            idempotency,
            budget: raw.budget.unwrap_or(plain.budget),
            deadline: duration(raw.deadline, "deadline", plain.deadline)?,
            attempt_timeout: duration(raw.attempt_timeout, "attempt_timeout", plain.attempt_timeout)?,
            first_chunk_timeout: duration(raw.first_chunk_timeout, "first_chunk_timeout", plain.first_chunk_timeout)?,
            idle_timeout: duration(raw.idle_timeout, "idle_timeout", plain.idle_timeout)?,
            max_in_flight: raw.max_in_flight.unwrap_or(plain.max_in_flight),
            max_wait: duration(raw.max_wait, "max_wait", plain.max_wait)?,
        };
        config.build().map(|_| config)
    }
}

impl From<ReliabilityConfig> for Raw {
    fn from(config: ReliabilityConfig) -> Self {
        Self {
            retry: Some(config.retry),
            circuit_breaker: Some(config.circuit_breaker),
            circuit_breakers: Some(config.circuit_breakers),
            rate_limits: config.rate_limits,
            bulkheads: config.bulkheads,
            tools: config.tools,
            idempotency: Some(config.idempotency),
            budget: Some(config.budget),
            deadline: Some(config.deadline.into()),
            attempt_timeout: Some(config.attempt_timeout.into()),
            first_chunk_timeout: Some(config.first_chunk_timeout.into()),
            idle_timeout: Some(config.idle_timeout.into()),
            max_in_flight: Some(config.max_in_flight),
            max_wait: Some(config.max_wait.into()),
            ..Self::default()
        }
    }
}
