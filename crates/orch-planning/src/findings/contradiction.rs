use serde_json::Value;

use crate::Op;
use crate::matching::{Condition, Test};

/// Why tests can never hold together; `None` when no reason is seen.
pub(super) fn contradiction(tests: &[Test]) -> Option<String> {
    let conditions: Vec<&Condition> = tests
        .iter()
        .filter_map(|test| match test {
            Test::Condition(condition) => Some(condition),
            _ => None,
        })
        .collect();
    let pairs =
        conditions.iter().enumerate().flat_map(|(n, one)| conditions[n + 1..].iter().map(move |two| (one, two)));
    let conditions = pairs.filter(|(one, two)| one.path() == two.path());
    let mut clashes = conditions.filter(|(one, two)| clash(one, two) || clash(two, one));
    clashes.next().map(|(one, two)| format!("{one}, and {two}")).or_else(|| words(tests)).or_else(|| negation(tests))
}

/// Whether no value satisfies both conditions on an attribute, seen from the first.
fn clash(one: &Condition, two: &Condition) -> bool {
    match one.op() {
        Op::Equals => !two.holds_for(Some(one.value())),
        Op::In => one.value().as_array().is_some_and(|values| values.iter().all(|value| !two.holds_for(Some(value)))),
        // An interval is empty unless each of its ends satisfies the condition on the other.
        Op::Gt | Op::Gte if matches!(two.op(), Op::Lt | Op::Lte) => {
            !(two.holds_for(Some(one.value())) && one.holds_for(Some(two.value())))
        }
        Op::Missing => !two.holds_for(None) && !two.holds_for(Some(&Value::Null)),
        _ => false,
    }
}

/// Words that are not in the text that the attribute must equal.
fn words(tests: &[Test]) -> Option<String> {
    let texts = tests.iter().filter_map(|test| match test {
        Test::Condition(condition) if condition.op() == Op::Equals => Some(condition),
        _ => None,
    });
    let clash = |text: &Condition| {
        tests.iter().find_map(|test| match test {
            Test::Keywords(keywords)
                if keywords.on() == Some(text.path()) && !keywords.found_in_value(text.value()) =>
            {
                Some(format!("{text}, and {keywords}"))
            }
            _ => None,
        })
    };
    texts.into_iter().find_map(clash)
}

/// Something that is asked for and excluded.
fn negation(tests: &[Test]) -> Option<String> {
    let spelled = |test: &Test| format!("{test:?}");
    tests.iter().find_map(|test| match test {
        Test::Not(inner) => {
            let excluded = tests.iter().find(|other| spelled(other) == spelled(inner));
            excluded.map(|other| format!("{other}, and {test}"))
        }
        _ => None,
    })
}
