use std::fmt::Display;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{ConfigError, RawDuration, one_of};

/// When a circuit opens, for how long, and what closes it again.
///
/// In configuration files durations are seconds, or text such as `"30s"`; `cooldown` may also be
/// spelled `timeout`, and `window` also `window_size`.
///
/// ```
/// use std::time::Duration;
/// use orch_reliability::CircuitBreakerConfig;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let built = CircuitBreakerConfig::default().failure_threshold(3).cooldown(Duration::from_secs(120));
/// let read: CircuitBreakerConfig = serde_json::from_str(r#"{ "failure_threshold": 3, "timeout": 120 }"#)?;
/// assert_eq!(built, read);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Raw", into = "Raw")]
#[must_use]
pub struct CircuitBreakerConfig {
    pub(super) failure_threshold: u32,
    pub(super) failure_rate: f64,
    pub(super) min_calls: u32,
    pub(super) window: Duration,
    pub(super) cooldown: Duration,
    max_cooldown: Option<Duration>,
    pub(super) jitter: f64,
    pub(super) probes: u32,
    pub(super) successes: u32,
    pub(super) probe_lease: Duration,
    pub(super) slow_after: Option<Duration>,
    pub(super) slow_rate: f64,
}

impl Default for CircuitBreakerConfig {
    fn default() -> Self {
        Self {
            failure_threshold: 5,
            failure_rate: 0.5,
            min_calls: 10,
            window: Duration::from_secs(60),
            cooldown: Duration::from_secs(30),
            max_cooldown: None,
            jitter: 0.2,
            probes: 1,
            successes: 2,
            probe_lease: Duration::from_secs(65),
            slow_after: None,
            slow_rate: 0.8,
        }
    }
}

impl CircuitBreakerConfig {
    /// How many failures in a row, none older than the [`window`](Self::window), open the circuit; default 5.
    /// At least 1. Being throttled neither adds to the row nor ends it.
    pub fn failure_threshold(mut self, failures: u32) -> Self {
        self.failure_threshold = failures;
        self
    }

    /// The part of the calls in the [`window`](Self::window) whose failure opens the circuit; default 0.5.
    /// Above 0, at most 1.
    pub fn failure_rate(mut self, rate: f64) -> Self {
        self.failure_rate = rate;
        self
    }

    /// How many calls the window must hold before a rate counts; default 10. At least 1.
    pub fn min_calls(mut self, calls: u32) -> Self {
        self.min_calls = calls;
        self
    }

    /// How far back outcomes are counted; default 60 s. Not zero. It slides in steps of a tenth.
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// How long the circuit stays open at first; default 30 s. Not zero. It doubles each time a probe fails,
    /// and begins anew once the circuit has stayed closed for this long.
    pub fn cooldown(mut self, cooldown: Duration) -> Self {
        self.cooldown = cooldown;
        self
    }

    /// Where the doubling ends, and the longest that a hint of the target keeps calls away; default 10 minutes,
    /// or the [`cooldown`](Self::cooldown) if that is longer. Not below the cooldown.
    pub fn max_cooldown(mut self, cooldown: Duration) -> Self {
        self.max_cooldown = Some(cooldown);
        self
    }

    /// By which part the time open is made longer or shorter at random, so that many processes do not probe at
    /// the same moment; default 0.2. At least 0 (none), below 1.
    pub fn jitter(mut self, part: f64) -> Self {
        self.jitter = part;
        self
    }

    /// How many probes may be in flight while half-open; default 1. At least 1.
    pub fn probes(mut self, probes: u32) -> Self {
        self.probes = probes;
        self
    }

    /// How many probes must succeed to close the circuit; default 2. At least 1.
    pub fn successes_to_close(mut self, successes: u32) -> Self {
        self.successes = successes;
        self
    }

    /// How long a probe may take before it counts as failed; default 65 s: an attempt's 60 s and a little more.
    /// Not zero. Give it more than one attempt can take.
    pub fn probe_lease(mut self, lease: Duration) -> Self {
        self.probe_lease = lease;
        self
    }

    /// From when on a call is slow; default: never. Not zero. Then a slow probe counts as failed, and the
    /// circuit also opens when [`slow_rate`](Self::slow_rate) is reached.
    ///
    /// The time is that of everything inside the breaker: a wait in a rate limit or a bulkhead that stands there counts
    /// as well. It must be larger than their `max_wait` together, or a crowd of one's own opens the circuit of a target
    /// that answers quickly.
    pub fn slow_after(mut self, time: Duration) -> Self {
        self.slow_after = Some(time);
        self
    }

    /// The part of the calls in the window whose slowness opens the circuit; default 0.8. Above 0, at most 1.
    /// Without [`slow_after`](Self::slow_after) no call is slow.
    pub fn slow_rate(mut self, rate: f64) -> Self {
        self.slow_rate = rate;
        self
    }

    pub(super) fn longest_cooldown(&self) -> Duration {
        const LONGEST: Duration = Duration::from_secs(600);
        self.max_cooldown.unwrap_or(LONGEST.max(self.cooldown))
    }

    /// Whether a breaker can work by these settings.
    ///
    /// # Errors
    /// Names the first setting that is out of its range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        for (field, count) in [
            ("failure_threshold", self.failure_threshold),
            ("min_calls", self.min_calls),
            ("probes", self.probes),
            ("successes_to_close", self.successes),
        ] {
            refuse_if(count == 0, field, count, "it must be at least 1")?;
        }
        for (field, time) in [
            ("window", Some(self.window)),
            ("cooldown", Some(self.cooldown)),
            ("probe_lease", Some(self.probe_lease)),
            ("slow_after", self.slow_after),
        ] {
            time.map_or(Ok(()), |time| ConfigError::if_zero(field, time))?;
        }
        for (field, rate) in [("failure_rate", self.failure_rate), ("slow_rate", self.slow_rate)] {
            refuse_if(!(rate > 0.0 && rate <= 1.0), field, rate, "it must be above 0 and at most 1")?;
        }
        refuse_if(!(0.0..1.0).contains(&self.jitter), "jitter", self.jitter, "it must be at least 0 and below 1")?;
        let longest = self.longest_cooldown();
        let reason = "it must not be shorter than `cooldown`";
        refuse_if(longest < self.cooldown, "max_cooldown", format_args!("{longest:?}"), reason)
    }
}

fn refuse_if(wrong: bool, field: &'static str, value: impl Display, reason: &'static str) -> Result<(), ConfigError> {
    if wrong { Err(ConfigError::new(field, value, reason)) } else { Ok(()) }
}

/// The settings as they are written, with every spelling.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
struct Raw {
    /// How many failures in a row open the circuit; default 5, at least 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_threshold: Option<u32>,
    /// The part of the calls in the window whose failure opens the circuit; default 0.5, above 0 and at most 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_rate: Option<f64>,
    /// How many calls the window must hold before a rate counts; default 10, at least 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    min_calls: Option<u32>,
    /// How far back outcomes are counted; default 60 s, not zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<RawDuration>,
    /// Another spelling of `window`.
    #[serde(skip_serializing_if = "Option::is_none")]
    window_size: Option<RawDuration>,
    /// How long the circuit stays open at first; default 30 s, not zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    cooldown: Option<RawDuration>,
    /// Another spelling of `cooldown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<RawDuration>,
    /// Where the doubling of the cooldown ends; default 10 minutes, or the cooldown if that is longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_cooldown: Option<RawDuration>,
    /// By which part the time open varies at random; default 0.2, at least 0 and below 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    jitter: Option<f64>,
    /// How many probes may be in flight while half-open; default 1, at least 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    probes: Option<u32>,
    /// How many probes must succeed to close the circuit; default 2, at least 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    successes_to_close: Option<u32>,
    /// How long a probe may take before it counts as failed; default 65 s, not zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    probe_lease: Option<RawDuration>,
    /// From when on a call is slow; default: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    slow_after: Option<RawDuration>,
    /// The part of the calls in the window whose slowness opens the circuit; default 0.8, above 0 and at most 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    slow_rate: Option<f64>,
}

impl TryFrom<Raw> for CircuitBreakerConfig {
    type Error = ConfigError;

    fn try_from(raw: Raw) -> Result<Self, ConfigError> {
        let plain = Self::default();
        let window = one_of(("window", raw.window), ("window_size", raw.window_size))?;
        let cooldown = one_of(("cooldown", raw.cooldown), ("timeout", raw.timeout))?;
        let config = Self {
            failure_threshold: raw.failure_threshold.unwrap_or(plain.failure_threshold),
            failure_rate: raw.failure_rate.unwrap_or(plain.failure_rate),
            min_calls: raw.min_calls.unwrap_or(plain.min_calls),
            window: RawDuration::read_option(window, "window")?.unwrap_or(plain.window),
            cooldown: RawDuration::read_option(cooldown, "cooldown")?.unwrap_or(plain.cooldown),
            max_cooldown: RawDuration::read_option(raw.max_cooldown, "max_cooldown")?,
            jitter: raw.jitter.unwrap_or(plain.jitter),
            probes: raw.probes.unwrap_or(plain.probes),
            successes: raw.successes_to_close.unwrap_or(plain.successes),
            probe_lease: RawDuration::read_option(raw.probe_lease, "probe_lease")?.unwrap_or(plain.probe_lease),
            slow_after: RawDuration::read_option(raw.slow_after, "slow_after")?,
            slow_rate: raw.slow_rate.unwrap_or(plain.slow_rate),
        };
        config.validate()?;
        Ok(config)
    }
}

impl From<CircuitBreakerConfig> for Raw {
    fn from(config: CircuitBreakerConfig) -> Self {
        Self {
            failure_threshold: Some(config.failure_threshold),
            failure_rate: Some(config.failure_rate),
            min_calls: Some(config.min_calls),
            window: Some(config.window.into()),
            window_size: None,
            cooldown: Some(config.cooldown.into()),
            timeout: None,
            max_cooldown: config.max_cooldown.map(Into::into),
            jitter: Some(config.jitter),
            probes: Some(config.probes),
            successes_to_close: Some(config.successes),
            probe_lease: Some(config.probe_lease.into()),
            slow_after: config.slow_after.map(Into::into),
            slow_rate: Some(config.slow_rate),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<CircuitBreakerConfig, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn the_familiar_names_are_read_in_seconds() {
        let config = read(r#"{ "failure_threshold": 5, "timeout": 60.0, "window_size": 300.0 }"#).unwrap();
        assert_eq!(config.cooldown, Duration::from_secs(60));
        assert_eq!(config.window, Duration::from_secs(300));
        assert_eq!(read("{}").unwrap(), CircuitBreakerConfig::default());
    }

    #[test]
    fn both_spellings_of_one_setting_are_an_error_that_names_both() {
        for (json, names) in [
            (r#"{ "timeout": 60, "cooldown": 60 }"#, ["`timeout`", "`cooldown`"]),
            (r#"{ "window": "5m", "window_size": 300 }"#, ["`window`", "`window_size`"]),
        ] {
            let error = read(json).unwrap_err();
            assert!(names.iter().all(|name| error.contains(name)), "{error}");
        }
    }

    #[test]
    fn unknown_and_impossible_settings_are_refused_by_name() {
        for (json, name) in [
            (r#"{ "treshold": 5 }"#, "treshold"),
            (r#"{ "failure_threshold": 0 }"#, "failure_threshold"),
            (r#"{ "failure_rate": 0 }"#, "failure_rate"),
            (r#"{ "failure_rate": 1.01 }"#, "failure_rate"),
            (r#"{ "min_calls": 0 }"#, "min_calls"),
            (r#"{ "window": 0 }"#, "window"),
            (r#"{ "cooldown": 0 }"#, "cooldown"),
            (r#"{ "cooldown": 60, "max_cooldown": 59 }"#, "max_cooldown"),
            (r#"{ "jitter": 1.0 }"#, "jitter"),
            (r#"{ "probes": 0 }"#, "probes"),
            (r#"{ "successes_to_close": 0 }"#, "successes_to_close"),
            (r#"{ "probe_lease": 0 }"#, "probe_lease"),
            (r#"{ "slow_after": 0 }"#, "slow_after"),
            (r#"{ "slow_rate": -0.1 }"#, "slow_rate"),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains(name), "{json}: {error}");
        }
        assert!(CircuitBreakerConfig::default().failure_rate(f64::NAN).validate().is_err());
        assert!(CircuitBreakerConfig::default().jitter(f64::NAN).validate().is_err());
    }

    #[test]
    fn a_cooldown_above_ten_minutes_lifts_the_end_of_the_doubling() {
        assert_eq!(read("{}").unwrap().longest_cooldown(), Duration::from_secs(600));
        assert_eq!(read(r#"{ "cooldown": "20m" }"#).unwrap().longest_cooldown(), Duration::from_secs(1200));
    }

    #[test]
    fn what_is_written_is_read_back_as_it_was() {
        let config = all_set();
        let written = serde_json::to_value(&config).unwrap();
        let defaults = serde_json::to_value(CircuitBreakerConfig::default()).unwrap();
        for (name, value) in written.as_object().unwrap() {
            assert_ne!(Some(value), defaults.get(name), "{name} is not the default here");
        }
        assert_eq!(read(&written.to_string()), Ok(config));
    }

    /// Every setting, and none its default.
    fn all_set() -> CircuitBreakerConfig {
        CircuitBreakerConfig::default()
            .failure_threshold(3)
            .failure_rate(0.25)
            .min_calls(7)
            .window(Duration::from_secs(20))
            .cooldown(Duration::from_secs(4))
            .max_cooldown(Duration::from_secs(120))
            .jitter(0.5)
            .probes(2)
            .successes_to_close(3)
            .probe_lease(Duration::from_secs(9))
            .slow_after(Duration::from_millis(1500))
            .slow_rate(0.75)
    }

    #[test]
    fn each_setting_is_kept_by_those_that_follow() {
        let secs = Duration::from_secs;
        let CircuitBreakerConfig { failure_threshold, failure_rate, min_calls, window, cooldown, .. } = all_set();
        assert_eq!((failure_threshold, failure_rate, min_calls), (3, 0.25, 7));
        assert_eq!((window, cooldown), (secs(20), secs(4)));
        let CircuitBreakerConfig { max_cooldown, jitter, probes, successes, probe_lease, .. } = all_set();
        assert_eq!((max_cooldown, jitter, probes), (Some(secs(120)), 0.5, 2));
        assert_eq!((successes, probe_lease), (3, secs(9)));
        let CircuitBreakerConfig { slow_after, slow_rate, .. } = all_set();
        assert_eq!((slow_after, slow_rate), (Some(Duration::from_millis(1500)), 0.75));
    }
}
