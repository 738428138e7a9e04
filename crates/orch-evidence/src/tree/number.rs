use serde_json::Number;

use crate::distance::mix;

/// A number: an integer as long as it is written as one, however large.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Num {
    Integer(i128),
    Float(f64),
}

impl Num {
    pub(crate) fn new(number: &Number) -> Self {
        let integer = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        // A number that is neither is a float, and JSON has no infinite ones.
        integer.map_or_else(|| Self::Float(number.as_f64().unwrap_or(f64::MAX)), Self::Integer)
    }

    /// Reads a text that is a number and nothing else: `12`, `-0.5`, `1e3`.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        // Rust also reads `inf`, `NaN` and `infinity`.
        if !text.ends_with(|c: char| c.is_ascii_digit() || c == '.') {
            return None;
        }
        let integer = text.parse().ok().map(Self::Integer);
        integer.or_else(|| text.parse().ok().filter(|float: &f64| float.is_finite()).map(Self::Float))
    }

    pub(crate) fn value(self) -> f64 {
        match self {
            Self::Integer(value) => value as f64,
            Self::Float(value) => value,
        }
    }

    /// Equal for numbers of the same value.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bits of a hash")]
    pub(super) fn hash(self) -> u64 {
        match self.whole() {
            Self::Integer(value) => mix(value as u64, (value >> 64) as u64),
            Self::Float(value) => mix(!0, value.to_bits()),
        }
    }

    /// A text that is equal for numbers of the same value.
    pub(crate) fn key(self) -> String {
        match self.whole() {
            Self::Integer(value) => value.to_string(),
            Self::Float(value) => value.to_string(),
        }
    }

    /// An integer if it is one, however it is written.
    #[expect(clippy::cast_possible_truncation, reason = "a whole float")]
    fn whole(self) -> Self {
        match self {
            Self::Float(value) if value.trunc() == value && value.abs() < 1e18 => Self::Integer(value as i128),
            other => other,
        }
    }

    /// Without a rule: integers are equal if they are the same; others within 1e-9 or a millionth. Else the difference as
    /// a part of the larger one, at most 1.
    pub(crate) fn distance(self, other: Self) -> f64 {
        match (self, other) {
            (Self::Integer(_), Self::Integer(_)) => self.within(other, 0.0, 0.0),
            _ => self.within(other, 1e-9, 1e-6),
        }
    }

    /// 0 if they differ by at most `abs` or at most `rel` times the larger one.
    pub(crate) fn within(self, other: Self, abs: f64, rel: f64) -> f64 {
        let apart = match (self, other) {
            // Neighbours beyond 2^53 are the same as floats, yet not equal.
            (Self::Integer(a), Self::Integer(b)) => a.abs_diff(b) as f64,
            _ => (self.value() - other.value()).abs(),
        };
        let larger = f64::max(self.value().abs(), other.value().abs());
        if apart <= f64::max(abs, rel * larger) {
            return 0.0;
        }
        (apart / larger).clamp(f64::MIN_POSITIVE, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Num {
        Num::new(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn integers_beyond_the_floats_are_compared_as_integers() {
        assert!(number("9007199254740993").distance(number("9007199254740992")) > 0.0);
        assert!(number("18446744073709551615").distance(number("18446744073709551614")) > 0.0);
        assert_eq!(number("18").distance(number("18.0")), 0.0);
        assert_eq!(number("18").hash(), number("18.0").hash());
    }

    #[test]
    fn a_tolerance_is_absolute_or_relative_whichever_allows_more() {
        let (a, b) = (number("100"), number("101"));
        assert_eq!(a.within(b, 1.0, 0.0), 0.0);
        assert_eq!(a.within(b, 0.0, 0.01), 0.0);
        assert_eq!(a.within(b, 0.5, 0.001), 1.0 / 101.0);
        assert_eq!(number("-1").within(number("1"), 0.0, 0.0), 1.0);
        assert_eq!(number("1e308").distance(number("-1e308")), 1.0);
    }

    #[test]
    fn only_texts_that_are_numbers_are_read_as_numbers() {
        for (text, value) in [("12.50", 12.5), (" -3 ", -3.0), ("1e3", 1000.0), ("5.", 5.0)] {
            assert_eq!(Num::read(text).unwrap().value(), value, "{text}");
        }
        for text in ["", "inf", "NaN", "infinity", "twelve", "12 kg", "1,000", "0x10", "1e999"] {
            assert!(Num::read(text).is_none(), "{text}");
        }
        assert!(matches!(Num::read("9007199254740993"), Some(Num::Integer(9_007_199_254_740_993))));
    }
}
