use std::cmp::Ordering;
use std::fmt;

use serde_json::{Number, Value};

/// How a rule compares an attribute of the input with a value of its own.
///
/// An absent attribute satisfies only `NotEquals` and `Missing`. Text is compared exactly, case
/// included; numbers by value (`1` equals `1.0`), also inside lists and objects.
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
    /// The attribute is there and not null; the value is null.
    Exists,
    /// The attribute is absent or null; the value is null.
    Missing,
    /// The attribute is a number above the value, a number. Anything but a number does not match.
    Gt,
    /// The attribute is a number not below the value, a number.
    Gte,
    /// The attribute is a number below the value, a number.
    Lt,
    /// The attribute is a number not above the value, a number.
    Lte,
}

impl Op {
    /// Whether a rule may use it with `value`; if not, what it takes.
    pub(super) fn takes(self, value: &Value) -> Result<(), &'static str> {
        let (fits, expected) = match self {
            Self::Equals | Self::NotEquals | Self::Contains => (true, "any value"),
            Self::In => (value.as_array().is_some_and(|values| !values.is_empty()), "a list of at least one value"),
            Self::StartsWith => (value.is_string(), "a text"),
            Self::Exists | Self::Missing => (value.is_null(), "no value (null)"),
            Self::Gt | Self::Gte | Self::Lt | Self::Lte => (value.is_number(), "a number"),
        };
        if fits { Ok(()) } else { Err(expected) }
    }

    /// Whether an attribute satisfies it.
    pub(super) fn holds(self, seen: Option<&Value>, value: &Value) -> bool {
        let ordering = |accepted: &[Ordering]| {
            let ordering = seen.and_then(|seen| compare(seen.as_number()?, value.as_number()?));
            ordering.is_some_and(|ordering| accepted.contains(&ordering))
        };
        match self {
            Self::Equals => seen.is_some_and(|seen| same(seen, value)),
            Self::NotEquals => !Self::Equals.holds(seen, value),
            Self::In => seen.is_some_and(|seen| has(value, seen)),
            Self::Contains => seen.is_some_and(|seen| match (seen.as_str(), value.as_str()) {
                (Some(text), Some(part)) => text.contains(part),
                _ => has(seen, value),
            }),
            Self::StartsWith => matches!(
                (seen.and_then(Value::as_str), value.as_str()),
                (Some(text), Some(start)) if text.starts_with(start)
            ),
            Self::Exists => seen.is_some_and(|seen| !seen.is_null()),
            Self::Missing => !Self::Exists.holds(seen, value),
            Self::Gt => ordering(&[Ordering::Greater]),
            Self::Gte => ordering(&[Ordering::Greater, Ordering::Equal]),
            Self::Lt => ordering(&[Ordering::Less]),
            Self::Lte => ordering(&[Ordering::Less, Ordering::Equal]),
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
            Self::Exists => "must exist",
            Self::Missing => "must be missing",
            Self::Gt => "must be above",
            Self::Gte => "must be at least",
            Self::Lt => "must be below",
            Self::Lte => "must be at most",
        }
    }

    /// Whether it compares with a value at all.
    pub(super) const fn compares(self) -> bool {
        !matches!(self, Self::Exists | Self::Missing)
    }
}

/// The name in snake case: `starts_with`.
impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equals => "equals",
            Self::NotEquals => "not_equals",
            Self::In => "in",
            Self::Contains => "contains",
            Self::StartsWith => "starts_with",
            Self::Exists => "exists",
            Self::Missing => "missing",
            Self::Gt => "gt",
            Self::Gte => "gte",
            Self::Lt => "lt",
            Self::Lte => "lte",
        })
    }
}

fn has(list: &Value, value: &Value) -> bool {
    list.as_array().is_some_and(|items| items.iter().any(|item| same(item, value)))
}

/// Equal, where numbers are equal by value. As deep as the shallower of the two.
fn same(a: &Value, b: &Value) -> bool {
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
fn compare(a: &Number, b: &Number) -> Option<Ordering> {
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_operator_holds_exactly_where_its_text_says() {
        use Op::*;
        let cases = [
            (Equals, json!("high"), json!("high"), true),
            (Equals, json!("High"), json!("high"), false),
            (Equals, json!(1), json!(1.0), true),
            (Equals, json!([1, { "a": 2.0 }]), json!([1.0, { "a": 2 }]), true),
            (Equals, json!([1, 2]), json!([1]), false),
            (Equals, json!({ "a": 1 }), json!({ "b": 1 }), false),
            (Equals, json!(null), json!(null), true),
            (Equals, json!("1"), json!(1), false),
            (Equals, json!(9_007_199_254_740_993_u64), json!(9_007_199_254_740_992_u64), false),
            (NotEquals, json!("low"), json!("high"), true),
            (NotEquals, json!("high"), json!("high"), false),
            (In, json!("b"), json!(["a", "b"]), true),
            (In, json!(2.0), json!([1, 2]), true),
            (In, json!("c"), json!(["a", "b"]), false),
            (Contains, json!("a deep look"), json!("deep"), true),
            (Contains, json!("a Deep look"), json!("deep"), false),
            (Contains, json!(["x", "y"]), json!("y"), true),
            (Contains, json!([1, 2]), json!(2.0), true),
            (Contains, json!(["xy"]), json!("y"), false),
            (Contains, json!("12"), json!(1), false),
            (Contains, json!({ "a": 1 }), json!("a"), false),
            (StartsWith, json!("abc"), json!("ab"), true),
            (StartsWith, json!("abc"), json!("bc"), false),
            (StartsWith, json!(["ab"]), json!("ab"), false),
            (Exists, json!(0), json!(null), true),
            (Exists, json!(""), json!(null), true),
            (Exists, json!(null), json!(null), false),
            (Missing, json!(null), json!(null), true),
            (Missing, json!(false), json!(null), false),
            (Gt, json!(3), json!(2.5), true),
            (Gt, json!(2), json!(2), false),
            (Gte, json!(2), json!(2), true),
            (Gte, json!(1.9), json!(2), false),
            (Lt, json!(-1), json!(0), true),
            (Lt, json!(0), json!(0), false),
            (Lte, json!(0.0), json!(0), true),
            (Lte, json!(0.1), json!(0), false),
            (Gt, json!("3"), json!(2), false),
            (Gte, json!(null), json!(0), false),
            (Lt, json!(true), json!(2), false),
            (Lte, json!([1]), json!(2), false),
        ];
        for (op, seen, value, expected) in cases {
            assert_eq!(op.holds(Some(&seen), &value), expected, "{seen} {op} {value}");
        }
    }

    #[test]
    fn an_absent_attribute_satisfies_only_not_equals_and_missing() {
        use Op::*;
        let value = json!(null);
        for op in [Equals, In, Contains, StartsWith, Exists, Gt, Gte, Lt, Lte] {
            assert!(!op.holds(None, &value), "{op}");
        }
        for op in [NotEquals, Missing] {
            assert!(op.holds(None, &value), "{op}");
        }
    }

    #[test]
    fn each_operator_takes_only_values_it_can_compare_with() {
        use Op::*;
        for (op, good, bad) in [
            (In, json!(["a"]), json!("a")),
            (In, json!([null]), json!([])),
            (StartsWith, json!("a"), json!(1)),
            (Exists, json!(null), json!(true)),
            (Missing, json!(null), json!("x")),
            (Gt, json!(1), json!("1")),
            (Gte, json!(1.5), json!(null)),
            (Lt, json!(-1), json!([1])),
            (Lte, json!(0), json!(false)),
        ] {
            assert_eq!(op.takes(&good), Ok(()), "{op} {good}");
            assert!(op.takes(&bad).is_err(), "{op} {bad}");
        }
        for op in [Equals, NotEquals, Contains] {
            for value in [json!(null), json!("x"), json!(1), json!({})] {
                assert_eq!(op.takes(&value), Ok(()), "{op} {value}");
            }
        }
    }
}
