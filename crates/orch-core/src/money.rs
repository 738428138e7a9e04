use std::borrow::Cow;
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const NANOS: u64 = 1_000_000_000;

/// Money: a whole number of nano-dollars (1e-9 USD), never negative.
///
/// Sums saturate instead of wrapping. In JSON it is a number of dollars, as in
/// `cost_usd`; amounts below one million dollars survive the round trip exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd(u64);

impl Usd {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// So many nano-dollars.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The amount in nano-dollars.
    #[must_use]
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// So many dollars, rounded **up** to a whole nano-dollar; `None` when the
    /// number is negative, not finite or beyond 18 billion dollars.
    #[must_use]
    pub fn from_dollars(dollars: f64) -> Option<Self> {
        // Float noise of a decimal literal (0.1 + 1e-17) must not round up to the next nano-dollar.
        let nanos = dollars * NANOS as f64;
        let nearest = nanos.round();
        let nanos = if (nanos - nearest).abs() <= nearest.abs() * 1e-12 { nearest } else { nanos.ceil() };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked against both ends")]
        (dollars >= 0.0 && nanos < u64::MAX as f64).then_some(Self(nanos as u64))
    }

    /// The amount in dollars, for people.
    #[must_use]
    pub fn as_dollars(self) -> f64 {
        self.0 as f64 / NANOS as f64
    }

    /// The difference, or zero when `other` is more.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for Usd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// Dollars with at least four decimals and no trailing zeros after them: `$0.0120`, `$0.000000001`.
impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:09}", self.0 % NANOS);
        let digits = fraction.trim_end_matches('0').len().max(4);
        write!(f, "${}.{}", self.0 / NANOS, &fraction[..digits])
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_dollars().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let dollars = f64::deserialize(deserializer)?;
        Self::from_dollars(dollars)
            .ok_or_else(|| serde::de::Error::custom(format_args!("{dollars} is not an amount of dollars")))
    }
}

impl JsonSchema for Usd {
    fn schema_name() -> Cow<'static, str> {
        "Usd".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "Dollars.", "type": "number", "minimum": 0 })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decimal_literals_are_exact_and_anything_smaller_rounds_up() {
        assert_eq!(Usd::from_dollars(0.1), Some(Usd::from_nanos(100_000_000)));
        assert_eq!(Usd::from_dollars(1e-10), Some(Usd::from_nanos(1)));
        assert_eq!(Usd::from_dollars(0.0), Some(Usd::ZERO));
    }

    #[test]
    fn what_is_no_amount_is_none() {
        for dollars in [-0.01, f64::NAN, f64::INFINITY, 1e11] {
            assert_eq!(Usd::from_dollars(dollars), None, "{dollars}");
        }
    }

    #[test]
    fn display_keeps_four_decimals() {
        assert_eq!(Usd::from_nanos(12_000_000).to_string(), "$0.0120");
        assert_eq!(Usd::from_nanos(1).to_string(), "$0.000000001");
    }

    proptest! {
        #[test]
        fn json_round_trip_is_exact(nanos in 0_u64..1_000_000_000_000_000) {
            let text = serde_json::to_string(&Usd::from_nanos(nanos)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Usd>(&text).unwrap(), Usd::from_nanos(nanos));
        }
    }
}
