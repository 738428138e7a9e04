use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::seen::excerpt;
use super::{Condition, Keywords, Path, Subject};

/// One thing that a rule asks of a request's input.
#[derive(Clone, Debug)]
pub(crate) enum Test {
    Keywords(Box<Keywords>),
    Condition(Condition),
    And(Box<[Test]>),
    Or(Box<[Test]>),
    Not(Box<Test>),
}

impl Test {
    pub(crate) fn holds(&self, subject: &Subject<'_>) -> bool {
        match self {
            Self::Keywords(keywords) => keywords.found_in(&subject.texts(keywords.on())),
            Self::Condition(condition) => condition.holds(subject.input()),
            Self::And(tests) => tests.iter().all(|test| test.holds(subject)),
            Self::Or(tests) => tests.iter().any(|test| test.holds(subject)),
            Self::Not(test) => !test.holds(subject),
        }
    }

    /// Calls `visit` with every attribute whose text is looked through; `None`: that of the whole input.
    pub(crate) fn scanned<'t>(&'t self, visit: &mut impl FnMut(Option<&'t Arc<Path>>)) {
        match self {
            Self::Keywords(keywords) => visit(keywords.on()),
            Self::Condition(condition) if condition.scans() => visit(Some(condition.path())),
            Self::Condition(_) => {}
            Self::And(tests) | Self::Or(tests) => tests.iter().for_each(|test| test.scanned(visit)),
            Self::Not(test) => test.scanned(visit),
        }
    }

    /// Why it does not hold for `subject`.
    pub(crate) fn why_not(&self, subject: &Subject<'_>) -> WhyNot {
        let told = |seen: Option<&Value>| Some(seen.map_or_else(|| "absent".to_owned(), excerpt));
        let input = subject.input();
        let seen = match self {
            Self::Keywords(keywords) => told(keywords.on().map_or(Some(input), |path| path.look(input))),
            Self::Condition(condition) => told(condition.look(input)),
            // The first that fails is why the whole does.
            Self::And(tests) => match tests.iter().find(|test| !test.holds(subject)) {
                Some(failed) => return failed.why_not(subject),
                None => None,
            },
            Self::Or(tests) => Some(tests.iter().map(|test| test.named_seen(subject)).collect::<Vec<_>>().join(", ")),
            Self::Not(test) => Some(test.named_seen(subject)),
        };
        WhyNot { condition: self.to_string(), seen }
    }

    /// What the request has where this looks, with the name of the place.
    fn named_seen(&self, subject: &Subject<'_>) -> String {
        match self {
            Self::Condition(condition) => {
                let seen = condition.look(subject.input()).map_or_else(|| "absent".to_owned(), excerpt);
                format!("{} = {seen}", condition.path())
            }
            Self::Keywords(_) => self.to_string(),
            Self::And(tests) | Self::Or(tests) => {
                tests.iter().map(|test| test.named_seen(subject)).collect::<Vec<_>>().join(", ")
            }
            Self::Not(test) => test.named_seen(subject),
        }
    }
}

/// What is asked for.
impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keywords(keywords) => keywords.fmt(f),
            Self::Condition(condition) => condition.fmt(f),
            Self::And(tests) => joined(f, "all of", tests),
            Self::Or(tests) => joined(f, "one of", tests),
            Self::Not(test) => write!(f, "not ({test})"),
        }
    }
}

fn joined(f: &mut fmt::Formatter<'_>, word: &str, tests: &[Test]) -> fmt::Result {
    for (n, test) in tests.iter().enumerate() {
        write!(f, "{}{test}", if n == 0 { format!("{word} (") } else { "; ".to_owned() })?;
    }
    f.write_str(")")
}

/// Why a rule did not fit: the first thing it asks for in vain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WhyNot {
    /// What the rule asks for: `metadata.quality must equal "high"`.
    pub condition: String,
    /// What the request has there: the beginning of its JSON (at most 80 characters), or `absent`; of a group, what
    /// it has in each place. `None` when only the rule's own predicate knows what it looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
}

impl fmt::Display for WhyNot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.condition)?;
        match &self.seen {
            Some(seen) => write!(f, ", but is {seen}"),
            None => f.write_str(", but does not"),
        }
    }
}
