//! Whether a rule fits a request, and if not, why not.

mod condition;
mod keywords;
mod op;
mod path;
mod predicate;
mod seen;
mod subject;

use serde::Serialize;
use serde_json::Value;

pub(crate) use self::condition::Condition;
pub(crate) use self::keywords::Keywords;
pub use self::op::Op;
pub(crate) use self::path::Path;
pub(crate) use self::predicate::Predicate;
use self::seen::excerpt;
pub(crate) use self::subject::Subject;

/// One thing that a rule asks of a request.
#[derive(Clone, Debug)]
pub(crate) enum Test {
    Keywords(Keywords),
    Condition(Condition),
    Predicate(Predicate),
}

impl Test {
    pub(crate) fn holds<'r>(&'r self, subject: &Subject<'r>) -> bool {
        match self {
            Self::Keywords(keywords) => subject.with_texts(keywords.on(), |texts| keywords.found_in(texts)),
            Self::Condition(condition) => condition.holds(subject.input()),
            Self::Predicate(predicate) => predicate.holds(subject.request()),
        }
    }

    /// Why it does not hold for `input`.
    pub(crate) fn why_not(&self, input: &Value) -> WhyNot {
        let (condition, seen) = match self {
            Self::Keywords(keywords) => {
                (keywords.to_string(), keywords.on().map_or(Some(input), |path| path.look(input)))
            }
            Self::Condition(condition) => (condition.to_string(), condition.look(input)),
            Self::Predicate(_) => return WhyNot { condition: "its predicate must hold".to_owned(), seen: None },
        };
        WhyNot { condition, seen: Some(seen.map_or_else(|| "absent".to_owned(), excerpt)) }
    }
}

/// Why a rule did not fit: the first thing it asks for in vain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WhyNot {
    /// What the rule asks for: `metadata.quality must equal "high"`.
    pub condition: String,
    /// What the request has there: the beginning of its JSON (at most 80 characters), or `absent`.
    /// `None` when only the rule's own predicate knows what it looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
}

impl std::fmt::Display for WhyNot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.condition)?;
        match &self.seen {
            Some(seen) => write!(f, ", but is {seen}"),
            None => f.write_str(", but does not"),
        }
    }
}
