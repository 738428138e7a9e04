use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use regex::{Regex, RegexBuilder};
use serde_json::Value;

use super::op::{compare, has, same};
use super::seen::excerpt;
use super::{Op, Path, date};

/// How large a compiled regular expression may be, in bytes.
const PATTERN_SIZE: usize = 1 << 20;

/// Why an operator cannot be used with a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Unusable {
    /// It takes something else.
    Expected(&'static str),
    /// The regular expression does not compile.
    Pattern(String),
}

/// An attribute of the input compared with a value.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    path: Arc<Path>,
    op: Op,
    value: Value,
    form: Form,
}

/// What the value means to its operator, made once.
#[derive(Clone, Debug)]
enum Form {
    Plain,
    Pattern(Box<Regex>),
    Moment(Timestamp),
    Bounds(Box<[(Op, u64)]>),
}

impl Condition {
    /// The condition, or why the operator cannot be used with `value`.
    pub(crate) fn new(path: Arc<Path>, op: Op, value: Value) -> Result<Self, Unusable> {
        let form = form(op, &value)?;
        Ok(Self { path, op, value, form })
    }

    pub(crate) fn path(&self) -> &Arc<Path> {
        &self.path
    }

    pub(crate) fn op(&self) -> Op {
        self.op
    }

    pub(crate) fn value(&self) -> &Value {
        &self.value
    }

    /// The moment that the attribute is compared with, if it is one.
    pub(crate) fn moment(&self) -> Option<Timestamp> {
        match self.form {
            Form::Moment(moment) => Some(moment),
            _ => None,
        }
    }

    /// Whether it looks through the attribute's text.
    pub(crate) fn scans(&self) -> bool {
        matches!(self.op, Op::Regex | Op::Contains)
    }

    /// The attribute.
    pub(crate) fn look<'v>(&self, input: &'v Value) -> Option<&'v Value> {
        self.path.look(input)
    }

    pub(crate) fn holds(&self, input: &Value) -> bool {
        self.holds_for(self.look(input))
    }

    /// Whether an attribute of this value satisfies it.
    pub(crate) fn holds_for(&self, seen: Option<&Value>) -> bool {
        match (self.op, seen) {
            (Op::NotEquals, seen) => seen.is_none_or(|seen| !same(seen, &self.value)),
            (Op::Missing, seen) => seen.is_none_or(Value::is_null),
            (_, None) => false,
            (_, Some(seen)) => self.accepts(seen),
        }
    }

    fn accepts(&self, seen: &Value) -> bool {
        match self.op {
            Op::Equals => same(seen, &self.value),
            Op::NotEquals => !same(seen, &self.value),
            Op::In => has(&self.value, seen),
            Op::Contains => match (seen.as_str(), self.value.as_str()) {
                (Some(text), Some(part)) => text.contains(part),
                _ => has(seen, &self.value),
            },
            Op::StartsWith => matches!(
                (seen.as_str(), self.value.as_str()),
                (Some(text), Some(start)) if text.starts_with(start)
            ),
            Op::Regex => {
                matches!((&self.form, seen.as_str()), (Form::Pattern(regex), Some(text)) if regex.is_match(text))
            }
            Op::Length => match &self.form {
                Form::Bounds(bounds) => within(seen, bounds),
                _ => false,
            },
            Op::Exists => !seen.is_null(),
            Op::Missing => seen.is_null(),
            Op::Gt | Op::Gte | Op::Lt | Op::Lte => {
                self.ordering(seen).is_some_and(|ordering| self.op.accepts(ordering))
            }
        }
    }

    /// How the attribute is ordered to the value, if the two have an order.
    fn ordering(&self, seen: &Value) -> Option<Ordering> {
        match self.form {
            Form::Moment(moment) => Some(date::parse(seen.as_str()?)?.cmp(&moment)),
            _ => compare(seen.as_number()?, self.value.as_number()?),
        }
    }
}

/// What the attribute must do.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.op.demand())?;
        if self.op.compares() { write!(f, " {}", excerpt(&self.value)) } else { Ok(()) }
    }
}

fn form(op: Op, value: &Value) -> Result<Form, Unusable> {
    let plain = |fits: bool, expected| if fits { Ok(Form::Plain) } else { Err(Unusable::Expected(expected)) };
    match op {
        Op::Equals | Op::NotEquals | Op::Contains => Ok(Form::Plain),
        Op::In => plain(value.as_array().is_some_and(|values| !values.is_empty()), "a list of at least one value"),
        Op::StartsWith => plain(value.is_string(), "a text"),
        Op::Exists | Op::Missing => plain(value.is_null(), "no value (null)"),
        Op::Regex => pattern(value.as_str().ok_or(Unusable::Expected("a regular expression, a text"))?),
        Op::Length => bounds(value).ok_or(Unusable::Expected(
            "a whole number, or an object of `equals`, `gt`, `gte`, `lt`, `lte` with whole numbers",
        )),
        Op::Gt | Op::Gte | Op::Lt | Op::Lte => match value.as_str() {
            Some(text) => {
                date::parse(text).map(Form::Moment).ok_or(Unusable::Expected("a number or a date such as 2026-11-20"))
            }
            None => plain(value.is_number(), "a number or a date such as 2026-11-20"),
        },
    }
}

fn pattern(text: &str) -> Result<Form, Unusable> {
    let built = RegexBuilder::new(text).size_limit(PATTERN_SIZE).dfa_size_limit(PATTERN_SIZE).build();
    built.map(|regex| Form::Pattern(Box::new(regex))).map_err(|error| Unusable::Pattern(error.to_string()))
}

fn bounds(value: &Value) -> Option<Form> {
    let bound = |(name, value): (&String, &Value)| {
        let ops = [Op::Equals, Op::Gt, Op::Gte, Op::Lt, Op::Lte];
        Some((ops.into_iter().find(|op| op.name() == name)?, value.as_u64()?))
    };
    let bounds: Vec<_> = match value {
        Value::Object(fields) if !fields.is_empty() => fields.iter().map(bound).collect::<Option<_>>()?,
        value => vec![(Op::Equals, value.as_u64()?)],
    };
    Some(Form::Bounds(bounds.into()))
}

/// Whether the number of characters, elements or fields is within `bounds`. Looks at no more of a text than that takes.
fn within(value: &Value, bounds: &[(Op, u64)]) -> bool {
    let above_all = bounds.iter().map(|(_, bound)| bound.saturating_add(1)).max().unwrap_or(0);
    let length = match value {
        Value::String(text) => {
            let enough = usize::try_from(above_all).unwrap_or(usize::MAX);
            // No character has more than four bytes.
            if text.len() / 4 >= enough { enough } else { text.chars().count() }
        }
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) => return false,
    };
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    bounds.iter().all(|(op, bound)| op.accepts(length.cmp(bound)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn condition(op: Op, value: &Value) -> Result<Condition, Unusable> {
        Condition::new(Arc::new(Path::parse("a").unwrap()), op, value.clone())
    }

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
            (Regex, json!("order 4711"), json!(r"^order \d+$"), true),
            (Regex, json!("my order 4711"), json!(r"^order \d+$"), false),
            (Regex, json!("DEEP"), json!("(?i)deep"), true),
            (Regex, json!(["deep"]), json!("deep"), false),
            (Length, json!("\u{e9}t\u{e9}"), json!(3), true),
            (Length, json!([1, 2]), json!({ "gte": 2, "lt": 3 }), true),
            (Length, json!([1, 2]), json!({ "gte": 2, "lt": 2 }), false),
            (Length, json!({ "a": 1 }), json!({ "lte": 1 }), true),
            (Length, json!(7), json!({ "gte": 0 }), false),
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
            (Gt, json!("2026-11-21"), json!("2026-11-20"), true),
            (Gt, json!("2026-11-20"), json!("2026-11-20"), false),
            (Gte, json!("2026-11-20T00:00:00Z"), json!("2026-11-20"), true),
            (Lt, json!("2026-11-20T00:30:00+01:00"), json!("2026-11-20"), true),
            (Lt, json!("2026-11-20T00:30:00"), json!("2026-11-20"), false),
            (Lte, json!("tomorrow"), json!("2026-11-20"), false),
            (Lte, json!(20_261_119), json!("2026-11-20"), false),
            (Gt, json!("3"), json!(2), false),
            (Gte, json!(null), json!(0), false),
            (Lt, json!(true), json!(2), false),
            (Lte, json!([1]), json!(2), false),
        ];
        for (op, seen, value, expected) in cases {
            assert_eq!(condition(op, &value).unwrap().holds_for(Some(&seen)), expected, "{seen} {op} {value}");
        }
    }

    #[test]
    fn an_absent_attribute_satisfies_only_not_equals_and_missing() {
        use Op::*;
        let absent = |op, value| condition(op, &value).unwrap().holds_for(None);
        for (op, value) in [
            (Equals, json!(null)),
            (In, json!([null])),
            (Contains, json!("a")),
            (StartsWith, json!("")),
            (Regex, json!("")),
            (Length, json!(0)),
            (Exists, json!(null)),
            (Gt, json!(0)),
            (Gte, json!(0)),
            (Lt, json!(0)),
            (Lte, json!("2026-01-01")),
        ] {
            assert!(!absent(op, value), "{op}");
        }
        assert!(absent(NotEquals, json!(1)) && absent(Missing, json!(null)));
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
            (Gt, json!("2026-11-20"), json!("2026-13-01")),
            (Regex, json!("^a+$"), json!("(")),
            (Regex, json!(r"\bx\b"), json!("(?=x)")),
            (Regex, json!("x"), json!("x{9999}{9999}")),
            (Regex, json!(""), json!(1)),
            (Length, json!(3), json!(-1)),
            (Length, json!({ "gte": 1, "lt": 9 }), json!({ "above": 1 })),
            (Length, json!({ "equals": 1 }), json!({})),
            (Length, json!({ "gt": 0 }), json!({ "gt": "0" })),
            (Gte, json!(1.5), json!(null)),
            (Lt, json!(-1), json!([1])),
            (Lte, json!(0), json!(false)),
        ] {
            assert!(condition(op, &good).is_ok(), "{op} {good}");
            assert!(condition(op, &bad).is_err(), "{op} {bad}");
        }
        for op in [Equals, NotEquals, Contains] {
            for value in [json!(null), json!("x"), json!(1), json!({})] {
                assert!(condition(op, &value).is_ok(), "{op} {value}");
            }
        }
    }
}
