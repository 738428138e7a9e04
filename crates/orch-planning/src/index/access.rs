//! The test that a rule is filed under.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::exact::Key;
use crate::Op;
use crate::compiled::Compiled;
use crate::matching::{Condition, Path, Test};

/// A test as a rule can be found by it.
pub(super) enum Access<'r> {
    /// The attribute equals one of these.
    Exact(&'r Arc<Path>, Vec<Key<'r>>),
    /// One of these folded words stands in it; `None`: in the whole input.
    Words(Option<&'r Arc<Path>>, &'r [String]),
    /// This is a part of it.
    Part(&'r Arc<Path>, &'r str),
    /// It starts with this.
    Start(&'r Arc<Path>, &'r str),
    /// This regular expression matches it.
    Pattern(&'r Arc<Path>, &'r str),
    /// It is a number between these, ends included.
    Numbers(&'r Arc<Path>, f64, f64),
    /// It is a date between these, ends included.
    Dates(&'r Arc<Path>, f64, f64),
}

impl<'r> Access<'r> {
    pub(super) fn path(&self) -> Option<&'r Arc<Path>> {
        match *self {
            Self::Words(path, _) => path,
            Self::Exact(path, _)
            | Self::Part(path, _)
            | Self::Start(path, _)
            | Self::Pattern(path, _)
            | Self::Numbers(path, ..)
            | Self::Dates(path, ..) => Some(path),
        }
    }

    /// Whether being found means that the test holds: nobody needs to look through the text again.
    pub(super) fn answers(&self) -> bool {
        matches!(self, Self::Words(..) | Self::Start(..) | Self::Pattern(..))
    }
}

/// How many rules ask for the same.
#[derive(Default)]
pub(super) struct Frequencies<'r> {
    rules: usize,
    exact: HashMap<(*const Path, Key<'r>), usize>,
    texts: HashMap<(Option<*const Path>, &'r str), usize>,
}

impl<'r> Frequencies<'r> {
    pub(super) fn of(rules: &'r [Compiled]) -> Self {
        let mut counted = Self { rules: rules.len(), ..Self::default() };
        for access in rules.iter().flat_map(|rule| rule.tests().iter().filter_map(|test| access(rule, test))) {
            match access {
                Access::Exact(path, keys) => {
                    keys.into_iter().for_each(|key| *counted.exact.entry((Arc::as_ptr(path), key)).or_default() += 1);
                }
                Access::Words(path, words) => {
                    let path = path.map(Arc::as_ptr);
                    words.iter().for_each(|word| *counted.texts.entry((path, word)).or_default() += 1);
                }
                Access::Part(path, text) | Access::Start(path, text) => {
                    *counted.texts.entry((Some(Arc::as_ptr(path)), text)).or_default() += 1;
                }
                Access::Pattern(..) | Access::Numbers(..) | Access::Dates(..) => {}
            }
        }
        counted
    }

    /// The test of a rule that is likely to hold least often, and its position.
    pub(super) fn rarest(&self, rule: &'r Compiled) -> Option<(usize, Access<'r>)> {
        let tests = rule.tests().iter().enumerate();
        let accesses = tests.filter_map(|(position, test)| Some((position, access(rule, test)?)));
        accesses.min_by_key(|(_, access)| self.cost(access))
    }

    /// About how many rules are found together with one that is filed so.
    fn cost(&self, access: &Access<'r>) -> usize {
        /// What a look-up costs that visits more than its results.
        const SEARCH: usize = 64;
        let text = |path, text| self.texts.get(&(path, text)).copied().unwrap_or(0) + 1;
        match access {
            Access::Exact(path, keys) => {
                keys.iter().map(|key| self.exact.get(&(Arc::as_ptr(path), *key)).copied().unwrap_or(0)).sum()
            }
            Access::Words(path, words) => words.iter().map(|word| text(path.map(Arc::as_ptr), word)).sum(),
            Access::Part(path, part) | Access::Start(path, part) => text(Some(Arc::as_ptr(path)), part),
            Access::Pattern(..) => SEARCH,
            Access::Numbers(_, low, high) | Access::Dates(_, low, high) if low.is_finite() && high.is_finite() => {
                SEARCH
            }
            Access::Numbers(..) | Access::Dates(..) => SEARCH + self.rules / 4,
        }
    }
}

/// A test as its rule can be found by it, if it can.
fn access<'r>(rule: &'r Compiled, test: &'r Test) -> Option<Access<'r>> {
    match test {
        Test::Keywords(keywords) if keywords.exact() => Some(Access::Words(keywords.on(), keywords.folded())),
        Test::Condition(condition) => by_condition(rule, condition),
        Test::Keywords(_) | Test::And(_) | Test::Or(_) | Test::Not(_) => None,
    }
}

fn by_condition<'r>(rule: &'r Compiled, condition: &'r Condition) -> Option<Access<'r>> {
    let (path, value) = (condition.path(), condition.value());
    match condition.op() {
        Op::Equals => Some(Access::Exact(path, vec![Key::of(value)?])),
        Op::In => Some(Access::Exact(path, value.as_array()?.iter().map(Key::of).collect::<Option<_>>()?)),
        Op::Contains => value.as_str().filter(|part| !part.is_empty()).map(|part| Access::Part(path, part)),
        Op::StartsWith => value.as_str().filter(|start| !start.is_empty()).map(|start| Access::Start(path, start)),
        Op::Regex => Some(Access::Pattern(path, value.as_str()?)),
        Op::Gt | Op::Gte | Op::Lt | Op::Lte => {
            let dated = condition.moment().is_some();
            let (low, high) = interval(rule, path, dated);
            Some(if dated { Access::Dates(path, low, high) } else { Access::Numbers(path, low, high) })
        }
        Op::NotEquals | Op::Missing | Op::Exists | Op::Length => None,
    }
}

/// Where the comparisons of a rule leave an attribute: never narrower than they do, for turning numbers into floats
/// keeps their order, if not their differences.
fn interval(rule: &Compiled, path: &Arc<Path>, dated: bool) -> (f64, f64) {
    let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
    for test in rule.tests() {
        let Test::Condition(condition) = test else { continue };
        if !Arc::ptr_eq(condition.path(), path) || condition.moment().is_some() != dated {
            continue;
        }
        let bound = condition.moment().map(nanoseconds).or_else(|| condition.value().as_f64());
        match (condition.op(), bound) {
            (Op::Gt | Op::Gte, Some(bound)) => low = low.max(bound),
            (Op::Lt | Op::Lte, Some(bound)) => high = high.min(bound),
            _ => {}
        }
    }
    (low, high)
}

/// Nanoseconds since 1970, to compare with. Keeps the order of moments, if not their differences.
pub(super) fn nanoseconds(moment: Timestamp) -> f64 {
    moment.as_nanosecond() as f64
}

impl<'r> Key<'r> {
    /// The value to file under, if it is not a list or an object.
    fn of(value: &'r Value) -> Option<Self> {
        match value {
            Value::Null => Some(Self::Null),
            Value::Bool(bool) => Some(Self::Bool(*bool)),
            Value::Number(number) => Some(Self::number(number.as_f64()?)),
            Value::String(text) => Some(Self::Text(text)),
            Value::Array(_) | Value::Object(_) => None,
        }
    }
}
