//! Durations in JSON: milliseconds, as a number; keys end in `_ms`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds with three decimals (microseconds), the same on every machine.
pub(crate) fn to_ms(duration: Duration) -> f64 {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    #[expect(clippy::cast_precision_loss, reason = "exact below 285 years")]
    let micros = micros as f64;
    micros / 1e3
}

pub(crate) fn from_ms(ms: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(ms / 1e3).ok()
}

pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    to_ms(*duration).serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let ms = f64::deserialize(deserializer)?;
    from_ms(ms).ok_or_else(|| serde::de::Error::custom(format_args!("{ms} is not a duration in milliseconds")))
}

/// The same for durations that may be absent.
pub(crate) mod option {
    use super::{Deserialize, Deserializer, Duration, Serialize, Serializer, from_ms, to_ms};

    pub(crate) fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        duration.map(to_ms).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let ms = Option::<f64>::deserialize(deserializer)?;
        Ok(ms.and_then(from_ms))
    }
}
