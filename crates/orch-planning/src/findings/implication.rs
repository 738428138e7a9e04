use crate::Op;
use crate::matching::{Condition, Test};

/// Under what to look for tests that `given` may imply: some of it is in [`asked`] of each.
pub(super) fn given(given: &Test) -> Vec<String> {
    match given {
        Test::Keywords(keywords) => keywords.folded().iter().take(1).map(|word| word_key(given, word)).collect(),
        Test::Condition(condition) => {
            let values = values(condition).into_iter().take(1);
            values.map(|value| value_key(condition, value)).chain([condition.path().to_string()]).collect()
        }
        Test::And(_) | Test::Or(_) | Test::Not(_) => vec![spelled(given)],
    }
}

/// Under what a test is kept that others may imply.
pub(super) fn asked(asked: &Test) -> Vec<String> {
    match asked {
        Test::Keywords(keywords) => keywords.folded().iter().map(|word| word_key(asked, word)).collect(),
        Test::Condition(condition) if matches!(condition.op(), Op::Equals | Op::In) => {
            values(condition).into_iter().map(|value| value_key(condition, value)).collect()
        }
        Test::Condition(condition) => vec![condition.path().to_string()],
        Test::And(_) | Test::Or(_) | Test::Not(_) => vec![spelled(asked)],
    }
}

/// Whether every input for which `given` holds makes `asked` hold. May miss that it does.
pub(super) fn implies(given: &Test, asked: &Test) -> bool {
    match (given, asked) {
        (Test::Condition(given), Test::Condition(asked)) if given.path() == asked.path() => condition(given, asked),
        (Test::Keywords(given), Test::Keywords(asked)) => {
            let wider = given.folded().iter().all(|word| asked.folded().contains(word));
            given.on() == asked.on() && given.exact() && wider
        }
        (Test::Condition(_) | Test::Keywords(_), _) => false,
        (given, asked) => spelled(given) == spelled(asked),
    }
}

fn condition(given: &Condition, asked: &Condition) -> bool {
    let values = values(given);
    if !values.is_empty() {
        return values.into_iter().all(|value| asked.holds_for(Some(value)));
    }
    if given.op() == asked.op() && given.value() == asked.value() {
        return true;
    }
    let at_bound = || asked.holds_for(Some(given.value()));
    match (given.op(), asked.op()) {
        (Op::Gt | Op::Gte, Op::Gt | Op::Gte) | (Op::Lt | Op::Lte, Op::Lt | Op::Lte) => at_bound(),
        (Op::StartsWith, Op::StartsWith | Op::Contains) => at_bound(),
        (given, Op::Exists) => !matches!(given, Op::NotEquals | Op::Missing),
        _ => false,
    }
}

/// The values that the attribute must be one of; none when it may be others.
fn values(condition: &Condition) -> Vec<&serde_json::Value> {
    match (condition.op(), condition.value()) {
        (Op::Equals, value) => vec![value],
        (Op::In, value) => value.as_array().into_iter().flatten().collect(),
        _ => Vec::new(),
    }
}

fn word_key(keywords: &Test, word: &str) -> String {
    let Test::Keywords(keywords) = keywords else { return String::new() };
    format!("{:?} has {word}", keywords.on().map(ToString::to_string))
}

fn value_key(condition: &Condition, value: &serde_json::Value) -> String {
    format!("{} = {value}", condition.path())
}

fn spelled(test: &Test) -> String {
    format!("{test:?}")
}
