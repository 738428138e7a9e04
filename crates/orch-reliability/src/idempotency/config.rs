use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{ConfigError, RawDuration, one_of};

/// How long results are kept, and what may happen to work in flight.
///
/// In configuration files durations are seconds, or text such as `"1h"`; `enabled` may also be spelled
/// `idempotency_enabled`, and `ttl` also `idempotency_ttl_ms`, which is in milliseconds.
///
/// ```
/// use std::time::Duration;
/// use orch_reliability::IdempotencyConfig;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let built = IdempotencyConfig::default().ttl(Duration::from_secs(7200));
/// let read: IdempotencyConfig = serde_json::from_str(r#"{ "idempotency_ttl_ms": 7200000 }"#)?;
/// assert_eq!(built, read);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Raw", into = "Raw")]
#[must_use]
pub struct IdempotencyConfig {
    pub(super) enabled: bool,
    pub(super) ttl: Duration,
    pub(super) conflict_detection: bool,
    pub(super) lease: Duration,
    pub(super) store_timeout: Duration,
    pub(super) execution_timeout: Duration,
    pub(super) on_abandon: OnAbandon,
}

/// What happens to work in flight when every caller that waited for it has gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnAbandon {
    /// It is finished, and its result is kept for the next caller: it is paid for anyway.
    #[default]
    Finish,
    /// It is cancelled, and the next caller starts anew.
    Cancel,
}

impl Default for IdempotencyConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            ttl: Duration::from_secs(3600),
            conflict_detection: true,
            lease: Duration::from_secs(30),
            store_timeout: Duration::from_secs(5),
            execution_timeout: Duration::from_secs(600),
            on_abandon: OnAbandon::Finish,
        }
    }
}

impl IdempotencyConfig {
    const SHORTEST_LEASE: Duration = Duration::from_secs(1);

    /// Whether keys are looked at; default: yes. Without, every call passes straight through.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// How long a result is kept, from its completion on; default 1 h. With zero only calls that happen at the
    /// same time are united.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Whether a key that was used for another request is a `Conflict`; default: yes. Without, the first
    /// request's result is the answer to every request with the key. All who share a store must agree on it.
    pub fn conflict_detection(mut self, detect: bool) -> Self {
        self.conflict_detection = detect;
        self
    }

    /// After how much silence others may take work in flight for dead; default 30 s, renewed three times as
    /// often. Less than 1 s counts as 1 s.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = Self::leasable(lease);
        self
    }

    fn leasable(lease: Duration) -> Duration {
        lease.max(Self::SHORTEST_LEASE)
    }

    /// How long the store may take for a step (a claim, a renewal, storing a result with all repeats); default 5 s. A
    /// store that takes longer has failed: what is `Pure` runs without it, all else is refused, and an answer that it
    /// would not take is handed out all the same. Zero: it has to answer without waiting.
    pub fn store_timeout(mut self, timeout: Duration) -> Self {
        self.store_timeout = timeout;
        self
    }

    /// How long the work may take, whatever the callers' own deadlines; default 10 minutes. Zero: no time at all.
    pub fn execution_timeout(mut self, timeout: Duration) -> Self {
        self.execution_timeout = timeout;
        self
    }

    /// What happens when every caller has gone; default [`OnAbandon::Finish`].
    pub fn on_abandon(mut self, on_abandon: OnAbandon) -> Self {
        self.on_abandon = on_abandon;
        self
    }
}

/// The settings as they are written, with every spelling.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
struct Raw {
    /// Whether keys are looked at; default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    /// Another spelling of `enabled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_enabled: Option<bool>,
    /// How long a result is kept; default 1 h. 0 unites only calls that happen at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<RawDuration>,
    /// Another spelling of `ttl`, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_ttl_ms: Option<u64>,
    /// Whether a key that was used for another request is refused; default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    conflict_detection: Option<bool>,
    /// After how much silence others may take work in flight for dead; default 30 s, at least 1 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    lease: Option<RawDuration>,
    /// How long the store may take for a step; default 5 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    store_timeout: Option<RawDuration>,
    /// How long the work may take, whatever the callers' own deadlines; default 10 minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    execution_timeout: Option<RawDuration>,
    /// What happens to work when every caller has gone; default `finish`.
    #[serde(skip_serializing_if = "Option::is_none")]
    on_abandon: Option<OnAbandon>,
}

impl TryFrom<Raw> for IdempotencyConfig {
    type Error = ConfigError;

    fn try_from(raw: Raw) -> Result<Self, ConfigError> {
        let plain = Self::default();
        let enabled = one_of(("enabled", raw.enabled), ("idempotency_enabled", raw.idempotency_enabled))?;
        let ttl = RawDuration::read_option(raw.ttl, "ttl")?;
        let ttl_ms = raw.idempotency_ttl_ms.map(Duration::from_millis);
        let ttl = one_of(("ttl", ttl), ("idempotency_ttl_ms", ttl_ms))?;
        let lease = RawDuration::read_option(raw.lease, "lease")?;
        let store_timeout = RawDuration::read_option(raw.store_timeout, "store_timeout")?;
        let timeout = RawDuration::read_option(raw.execution_timeout, "execution_timeout")?;
        Ok(Self {
            enabled: enabled.unwrap_or(plain.enabled),
            ttl: ttl.unwrap_or(plain.ttl),
            conflict_detection: raw.conflict_detection.unwrap_or(plain.conflict_detection),
            lease: lease.map_or(plain.lease, Self::leasable),
            store_timeout: store_timeout.unwrap_or(plain.store_timeout),
            execution_timeout: timeout.unwrap_or(plain.execution_timeout),
            on_abandon: raw.on_abandon.unwrap_or(plain.on_abandon),
        })
    }
}

impl From<IdempotencyConfig> for Raw {
    fn from(config: IdempotencyConfig) -> Self {
        Self {
            enabled: Some(config.enabled),
            idempotency_enabled: None,
            ttl: Some(config.ttl.into()),
            idempotency_ttl_ms: None,
            conflict_detection: Some(config.conflict_detection),
            lease: Some(config.lease.into()),
            store_timeout: Some(config.store_timeout.into()),
            execution_timeout: Some(config.execution_timeout.into()),
            on_abandon: Some(config.on_abandon),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<IdempotencyConfig, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn the_familiar_names_are_read_in_their_units() {
        let json = r#"{ "idempotency_enabled": false, "idempotency_ttl_ms": 60000, "conflict_detection": false }"#;
        let config = IdempotencyConfig::default();
        let expected = config.enabled(false).ttl(Duration::from_secs(60)).conflict_detection(false);
        assert_eq!(read(json), Ok(expected));
        assert_eq!(read("{}"), Ok(config));
    }

    #[test]
    fn both_spellings_of_one_setting_are_an_error_that_names_both() {
        for (json, names) in [
            (r#"{ "ttl": 60, "idempotency_ttl_ms": 60000 }"#, ["`ttl`", "`idempotency_ttl_ms`"]),
            (r#"{ "enabled": true, "idempotency_enabled": true }"#, ["`enabled`", "`idempotency_enabled`"]),
        ] {
            let error = read(json).unwrap_err();
            assert!(names.iter().all(|name| error.contains(name)), "{error}");
        }
    }

    #[test]
    fn unknown_settings_and_wrong_values_are_refused_by_name() {
        for (json, name) in
            [(r#"{ "tll": 5 }"#, "tll"), (r#"{ "lease": "soon" }"#, "lease"), (r#"{ "on_abandon": "panic" }"#, "panic")]
        {
            assert!(read(json).unwrap_err().contains(name), "{json}");
        }
    }

    #[test]
    fn what_is_written_is_read_back_as_it_was() {
        let config = IdempotencyConfig::default()
            .enabled(false)
            .ttl(Duration::from_secs(7))
            .conflict_detection(false)
            .lease(Duration::from_millis(1500))
            .store_timeout(Duration::from_millis(250))
            .execution_timeout(Duration::from_secs(8))
            .on_abandon(OnAbandon::Cancel);
        let written = serde_json::to_value(config).unwrap();
        let defaults = serde_json::to_value(IdempotencyConfig::default()).unwrap();
        for (name, value) in written.as_object().unwrap() {
            assert_ne!(*value, defaults[name], "{name} is not the default here");
        }
        assert_eq!(read(&written.to_string()), Ok(config));
    }

    #[test]
    fn a_lease_is_a_second_at_least_however_it_is_set() {
        assert_eq!(IdempotencyConfig::default().lease(Duration::ZERO).lease, Duration::from_secs(1));
        assert_eq!(read(r#"{ "lease": "10ms" }"#), Ok(IdempotencyConfig::default().lease(Duration::from_secs(1))));
    }
}
