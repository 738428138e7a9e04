use std::cmp::Ordering;
use std::fmt;

use serde_json::{Number, Value};

/// How a rule compares an attribute of the input with a value of its own.
///
/// An absent attribute satisfies only `NotEquals` and `Missing`. Text is compared exactly, case
/// included; numbers by value (`1` equals `1.0`), also inside lists and objects.
///
/// A date is a text: a day (`2026-11-20`, its midnight in UTC), or a date and time (`2026-11-20T10:00:00+01:00`;
/// without an offset: in UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Op {
    /// The attribute equals the value.
    Equals,
    /// The attribute does not equal the value, or is absent.
    NotEquals,
    /// The attribute equals one of the values; the value is a list of at least one.
    In,
    /// The attribute is a text with the value in it, or a list with an element that equals it.
    Contains,
    /// The attribute is a text that starts with the value, a text.
    StartsWith,
    /// The attribute is a text in which the value, a regular expression, is found. Anchor it with `^` and `$` to
    /// match the whole text; `(?i)` ignores case. Matching takes time linear in the text: there are neither
    /// look-arounds nor back-references.
    Regex,
    /// The attribute has so many characters (a text), elements (a list) or fields (an object). The value is a
    /// whole number, or an object that bounds it: `{"gte": 10, "lt": 100}`, of `equals`, `gt`, `gte`, `lt`, `lte`.
    Length,
    /// The attribute is there and not null; the value is null.
    Exists,
    /// The attribute is absent or null; the value is null.
    Missing,
    /// The attribute is a number above the value, a number; or a date after the value, a date. Nothing else matches.
    Gt,
    /// The attribute is a number not below the value, or a date not before it.
    Gte,
    /// The attribute is a number below the value, or a date before it.
    Lt,
    /// The attribute is a number not above the value, or a date not after it.
    Lte,
}

impl Op {
    /// Every operator.
    #[cfg(feature = "rules-file")]
    pub(crate) const ALL: [Self; 13] = [
        Self::Equals,
        Self::NotEquals,
        Self::In,
        Self::Contains,
        Self::StartsWith,
        Self::Regex,
        Self::Length,
        Self::Exists,
        Self::Missing,
        Self::Gt,
        Self::Gte,
        Self::Lt,
        Self::Lte,
    ];

    /// The name in snake case.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Equals => "equals",
            Self::NotEquals => "not_equals",
            Self::In => "in",
            Self::Contains => "contains",
            Self::StartsWith => "starts_with",
            Self::Regex => "regex",
            Self::Length => "length",
            Self::Exists => "exists",
            Self::Missing => "missing",
            Self::Gt => "gt",
            Self::Gte => "gte",
            Self::Lt => "lt",
            Self::Lte => "lte",
        }
    }

    /// Whether `ordering` of the attribute and the value satisfies it, if it is one of order (or `Equals`).
    pub(super) const fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Self::Gt => ordering.is_gt(),
            Self::Gte => ordering.is_ge(),
            Self::Lt => ordering.is_lt(),
            Self::Lte => ordering.is_le(),
            Self::Equals => ordering.is_eq(),
            _ => false,
        }
    }

    /// What the attribute must do, to be followed by the value, if there is one.
    pub(super) const fn demand(self) -> &'static str {
        match self {
            Self::Equals => "must equal",
            Self::NotEquals => "must not equal",
            Self::In => "must be one of",
            Self::Contains => "must contain",
            Self::StartsWith => "must start with",
            Self::Regex => "must match",
            Self::Length => "must have the length",
            Self::Exists => "must exist",
            Self::Missing => "must be missing",
            Self::Gt => "must be above",
            Self::Gte => "must be at least",
            Self::Lt => "must be below",
            Self::Lte => "must be at most",
        }
    }

    /// Whether it compares with a value at all.
    pub(crate) const fn compares(self) -> bool {
        !matches!(self, Self::Exists | Self::Missing)
    }
}

/// The name in snake case: `starts_with`.
impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

pub(super) fn has(list: &Value, value: &Value) -> bool {
    list.as_array().is_some_and(|items| items.iter().any(|item| same(item, value)))
}

/// Equal, where numbers are equal by value. As deep as the shallower of the two.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare(a, b) == Some(Ordering::Equal),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

/// Whole numbers exactly, others as `f64`.
pub(super) fn compare(a: &Number, b: &Number) -> Option<Ordering> {
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}
