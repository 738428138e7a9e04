use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use orch_core::Target;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A setting that cannot be used: which, its value, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`{} cannot be {value}: {reason}", of(target.as_ref()))]
pub struct ConfigError {
    field: &'static str,
    target: Option<Target>,
    value: String,
    reason: Cow<'static, str>,
}

impl ConfigError {
    /// The error of a field whose value cannot be used.
    pub fn new(field: &'static str, value: impl fmt::Display, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { field, target: None, value: value.to_string(), reason: reason.into() }
    }

    /// The field.
    #[must_use]
    pub fn field(&self) -> &'static str {
        self.field
    }

    /// The target whose own setting it is, if it is not that of all.
    #[must_use]
    pub fn target(&self) -> Option<&Target> {
        self.target.as_ref()
    }

    /// Says whose setting it is.
    pub(crate) fn of(self, target: &Target) -> Self {
        Self { target: Some(target.clone()), ..self }
    }

    /// Its value, as text.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Refuses a duration of zero.
    pub(crate) fn if_zero(field: &'static str, value: Duration) -> Result<(), Self> {
        if value.is_zero() { Err(Self::new(field, "0s", "it must be above zero")) } else { Ok(()) }
    }
}

fn of(target: Option<&Target>) -> String {
    target.map(|target| format!(" of `{target}`")).unwrap_or_default()
}

/// The one value of a setting that has two spellings.
pub(crate) fn one_of<T>(
    (field, value): (&'static str, Option<T>),
    (other, other_value): (&'static str, Option<T>),
) -> Result<Option<T>, ConfigError> {
    match (value, other_value) {
        (Some(_), Some(_)) => {
            let reason = format!("`{other}` is another spelling of it, give one of the two");
            Err(ConfigError::new(field, "given twice", reason))
        }
        (value, other_value) => Ok(value.or(other_value)),
    }
}

/// A duration as it stands in a configuration file: a number of seconds, or a text such as `"30s"`,
/// `"500ms"`, `"2m"` or `"1h"`. Written as a number of seconds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RawDuration {
    Seconds(f64),
    Text(String),
}

impl RawDuration {
    /// The duration; longer than the longest one counts as the longest.
    pub(crate) fn read(&self, field: &'static str) -> Result<Duration, ConfigError> {
        let seconds = match self {
            Self::Seconds(seconds) => Some(*seconds),
            Self::Text(text) => seconds_of(text),
        };
        let Some(seconds) = seconds else {
            return Err(ConfigError::new(field, self, "expected seconds, or a text such as \"30s\" or \"500ms\""));
        };
        if !seconds.is_finite() || seconds < 0.0 {
            return Err(ConfigError::new(field, self, "it must be finite and not negative"));
        }
        Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }

    /// The duration of a setting that may be absent.
    pub(crate) fn read_option(raw: Option<Self>, field: &'static str) -> Result<Option<Duration>, ConfigError> {
        raw.map(|raw| raw.read(field)).transpose()
    }
}

fn seconds_of(text: &str) -> Option<f64> {
    let text = text.trim();
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(unit_at);
    let per_unit = match unit {
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    number.trim().parse::<f64>().ok().map(|number| number * per_unit)
}

impl From<Duration> for RawDuration {
    fn from(duration: Duration) -> Self {
        Self::Seconds(duration.as_secs_f64())
    }
}

impl fmt::Display for RawDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(seconds) => write!(f, "{seconds}"),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}

impl JsonSchema for RawDuration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "number", "minimum": 0 },
                { "type": "string", "pattern": r"^\s*[0-9.]+\s*(ms|s|m|h)\s*$" },
            ],
        })
    }
}

impl Serialize for RawDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Seconds(seconds) => serializer.serialize_f64(*seconds),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for RawDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SecondsOrText;

        impl Visitor<'_> for SecondsOrText {
            type Value = RawDuration;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of seconds, or a text such as \"30s\" or \"500ms\"")
            }

            fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<RawDuration, E> {
                Ok(RawDuration::Seconds(seconds))
            }

            #[expect(clippy::cast_precision_loss, reason = "exact below 285 million years")]
            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<RawDuration, E> {
                Ok(RawDuration::Seconds(seconds as f64))
            }

            #[expect(clippy::cast_precision_loss, reason = "negative: refused with its value either way")]
            fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<RawDuration, E> {
                Ok(RawDuration::Seconds(seconds as f64))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<RawDuration, E> {
                Ok(RawDuration::Text(text.to_owned()))
            }
        }

        deserializer.deserialize_any(SecondsOrText)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Duration, String> {
        let raw: RawDuration = serde_json::from_str(json).map_err(|error| error.to_string())?;
        raw.read("cooldown").map_err(|error| error.to_string())
    }

    #[test]
    fn a_number_is_seconds_and_a_text_names_its_unit() {
        for (json, millis) in [
            ("30", 30_000),
            ("1.5", 1_500),
            ("0", 0),
            (r#""30s""#, 30_000),
            (r#""500ms""#, 500),
            (r#"" 1.5 s ""#, 1_500),
            (r#""2m""#, 120_000),
            (r#""1h""#, 3_600_000),
        ] {
            assert_eq!(read(json), Ok(Duration::from_millis(millis)), "{json}");
        }
        assert_eq!(read("1e300"), Ok(Duration::MAX));
    }

    #[test]
    fn a_wrong_duration_is_refused_with_field_and_value() {
        for (json, value) in [
            ("-1", "-1"),
            (r#""-1s""#, "\"-1s\""),
            (r#""30""#, "\"30\""),
            (r#""s""#, "\"s\""),
            (r#""30 sec""#, "\"30 sec\""),
            (r#""""#, "\"\""),
            (r#""nan s""#, "\"nan s\""),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains("`cooldown`") && error.contains(value), "{error}");
        }
        assert!(read("true").unwrap_err().contains("a number of seconds"));
    }

    #[test]
    fn two_spellings_of_one_setting_are_refused_naming_both() {
        assert_eq!(one_of(("cooldown", Some(1)), ("timeout", None)), Ok(Some(1)));
        assert_eq!(one_of(("cooldown", None), ("timeout", Some(2))), Ok(Some(2)));
        let error = one_of(("cooldown", Some(1)), ("timeout", Some(1))).unwrap_err().to_string();
        assert!(error.contains("`cooldown`") && error.contains("`timeout`"), "{error}");
    }

    #[test]
    fn what_is_written_can_be_read_again() {
        for duration in [Duration::ZERO, Duration::from_millis(1_500), Duration::from_secs(86_400), Duration::MAX] {
            let json = serde_json::to_string(&RawDuration::from(duration)).unwrap();
            assert_eq!(read(&json), Ok(duration));
        }
    }
}
