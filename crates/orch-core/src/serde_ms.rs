//! Durations in JSON: milliseconds, as a number; keys end in `_ms`.
//!
//! ```
//! use std::time::Duration;
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Timed {
//!     #[serde(rename = "elapsed_ms", with = "orch_core::serde_ms")]
//!     elapsed: Duration,
//! }
//!
//! let json = serde_json::to_string(&Timed { elapsed: Duration::from_micros(1_500) }).unwrap();
//! assert_eq!(json, r#"{"elapsed_ms":1.5}"#);
//! ```

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds with three decimals (microseconds), the same on every machine.
fn to_ms(duration: Duration) -> f64 {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    #[expect(clippy::cast_precision_loss, reason = "exact below 285 years")]
    let micros = micros as f64;
    micros / 1e3
}

fn from_ms(ms: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(ms / 1e3).ok()
}

/// Writes milliseconds with three decimals.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    to_ms(*duration).serialize(serializer)
}

/// Reads milliseconds.
///
/// # Errors
/// When the number is negative, not finite or too large for a [`Duration`].
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let ms = f64::deserialize(deserializer)?;
    from_ms(ms).ok_or_else(|| serde::de::Error::custom(format_args!("{ms} is not a duration in milliseconds")))
}

/// The same for durations that may be absent.
pub mod option {
    use super::{Deserialize, Deserializer, Duration, Serialize, Serializer, from_ms, to_ms};

    /// Writes milliseconds, or `null`.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        duration.map(to_ms).serialize(serializer)
    }

    /// Reads milliseconds; what is no duration is `None`.
    ///
    /// # Errors
    /// When it is neither a number nor `null`.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let ms = Option::<f64>::deserialize(deserializer)?;
        Ok(ms.and_then(from_ms))
    }
}
