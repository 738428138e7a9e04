use serde_json::Value;

use crate::Op;

/// How deep conditions may be nested in groups.
pub(crate) const DEEPEST: usize = 32;

/// Something to ask of a request: a condition on an attribute, or several joined.
///
/// ```
/// use orch_planning::{Op, Rule, When};
///
/// let urgent = Rule::named("urgent")
///     .when_that(When::or([
///         When::is("priority", Op::Gte, 8),
///         When::and([When::is("type", Op::Equals, "incident"), When::not(When::is("closed", Op::Exists, ()))]),
///     ]))
///     .tool("page_someone");
/// # let _ = urgent;
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct When(pub(crate) Ask);

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ask {
    Is(String, Op, Value),
    And(Vec<When>),
    Or(Vec<When>),
    Not(Box<When>),
}

impl When {
    /// The attribute compares so with the value. [`Op::Exists`] and [`Op::Missing`] take `()` or `Value::Null`.
    pub fn is(attribute: impl Into<String>, op: Op, value: impl Into<Value>) -> Self {
        Self(Ask::Is(attribute.into(), op, value.into()))
    }

    /// All of them hold. A group must not be empty.
    pub fn and(all: impl IntoIterator<Item = Self>) -> Self {
        Self(Ask::And(all.into_iter().collect()))
    }

    /// At least one of them holds. A group must not be empty.
    pub fn or(any: impl IntoIterator<Item = Self>) -> Self {
        Self(Ask::Or(any.into_iter().collect()))
    }

    /// It does not hold.
    #[expect(clippy::should_implement_trait, reason = "a constructor that takes what it negates, named like its group")]
    pub fn not(that: Self) -> Self {
        Self(Ask::Not(Box::new(that)))
    }
}
