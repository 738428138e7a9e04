//! How the fields of structured answers are compared: a table from JSON Pointer patterns to rules.

mod compare;
mod pattern;
mod table;
mod wire;

use std::collections::BTreeMap;

use orch_core::Error;
use serde_json::Value;

pub use self::compare::{Compare, FieldRule, NullPolicy};
use self::pattern::Pattern;
pub(crate) use self::pattern::{child, tokens};
pub(crate) use self::table::{Rules, Step, one_of_key};

/// How the fields of structured answers are compared, by JSON Pointer.
///
/// A pattern is a JSON Pointer (RFC 6901) in which `*` stands for any key or index; the empty one is the whole
/// answer. Where several patterns fit, the one that names the earlier key wins over `*`
/// (`/a/*` over `/*/b`). A pattern that is given twice has the later rule. What no pattern fits is compared
/// by its type, see [`Compare::Auto`]. A rule holds for the value it points at and not for what is inside,
/// but for [`Compare::Ignore`], [`Compare::Exact`] and weights, which hold for all of it.
///
/// ```
/// use orch_evidence::{Compare, ConsensusRules, FieldRule};
///
/// # fn main() -> Result<(), orch_core::Error> {
/// let rules = ConsensusRules::new()
///     .field("/items", Compare::Keyed("id".into()))
///     .field("/items/*/price", FieldRule::new(Compare::Number { abs: 0.0, rel: 0.01 }).weight(2.0))
///     .field("/remark", Compare::Ignore);
///
/// let same = ConsensusRules::from_json(r#"{ "fields": {
///     "/items": { "keyed": "id" },
///     "/items/*/price": { "compare": { "number": { "rel": 0.01 } }, "weight": 2.0 },
///     "/remark": "ignore"
/// } }"#)?;
/// assert_eq!(rules, same);
///
/// let error = ConsensusRules::from_json(r#"{ "fields": { "/price": { "number": { "rel": -1 } } } }"#).unwrap_err();
/// assert!(error.to_string().contains("~1price") && error.to_string().contains("-1"), "{error}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use]
pub struct ConsensusRules {
    fields: BTreeMap<String, FieldRule>,
    nulls: NullPolicy,
    coerce_numeric: bool,
}

impl ConsensusRules {
    /// The largest number of patterns.
    pub const MAX_FIELDS: usize = 1_000;

    /// No rules: everything is compared by its type.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the rule of a pattern; one that it had is replaced.
    pub fn field(mut self, pattern: impl Into<String>, rule: impl Into<FieldRule>) -> Self {
        self.fields.insert(pattern.into(), rule.into());
        self
    }

    /// Takes over the rules of a part, each pattern below `prefix`. Its null policy and its coercion of numbers
    /// are not taken over: they hold for whole answers.
    pub fn nested(mut self, prefix: &str, part: Self) -> Self {
        self.fields.extend(part.fields.into_iter().map(|(pattern, rule)| (format!("{prefix}{pattern}"), rule)));
        self
    }

    /// Sets how far a `null` differs from an absent field; default [`NullPolicy::Half`].
    pub fn nulls(mut self, policy: NullPolicy) -> Self {
        self.nulls = policy;
        self
    }

    /// Sets whether a text that is a number (`"12.50"`) is compared as one; default: no.
    pub fn coerce_numeric(mut self, coerce: bool) -> Self {
        self.coerce_numeric = coerce;
        self
    }

    /// Every pattern with its rule, in the order of the patterns.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &FieldRule)> {
        self.fields.iter().map(|(pattern, rule)| (pattern.as_str(), rule))
    }

    /// The rule of the field at a JSON Pointer; `None`: it is compared by its type.
    #[must_use]
    pub fn rule(&self, pointer: &str) -> Option<&FieldRule> {
        let keys = tokens(pointer)?;
        let fitting = self.fields.iter().filter_map(|(pattern, rule)| Some((Pattern::new(pattern)?, rule)));
        fitting.filter(|(pattern, _)| pattern.fits(&keys)).min_by(|a, b| a.0.cmp(&b.0)).map(|(_, rule)| rule)
    }

    /// Whether there is nothing set.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Reads rules from JSON: an object with `fields` (pattern to rule), `nulls` (`equal`, `half`, `distinct`) and
    /// `coerce_numeric`, each of which may be absent. A rule is a [`Compare`], or an object with `compare` and
    /// `weight`.
    ///
    /// # Errors
    /// `InvalidRequest` that points at the entry and names its value.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let value: Value = serde_json::from_str(text).map_err(|error| Error::invalid("", error.to_string()))?;
        Self::from_value(&value)
    }

    /// Reads rules from a JSON value, as [`from_json`](Self::from_json) does.
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json).
    pub fn from_value(value: &Value) -> Result<Self, Error> {
        let rules = wire::read(value)?;
        rules.check()?;
        Ok(rules)
    }

    /// Whether all rules can be kept.
    ///
    /// # Errors
    /// `InvalidRequest` that points at the entry, below `/fields`, and names its value.
    pub fn check(&self) -> Result<(), Error> {
        if self.fields.len() > Self::MAX_FIELDS {
            let reason = format!("{} patterns: there may be {}", self.fields.len(), Self::MAX_FIELDS);
            return Err(Error::invalid("/fields", reason));
        }
        for (pattern, rule) in &self.fields {
            let complain = |reason: String| Error::invalid(child("/fields", pattern), reason);
            if tokens(pattern).is_none() {
                return Err(complain(format!("`{pattern}` is no JSON Pointer: it is empty or begins with `/`")));
            }
            rule.check().map_err(complain)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
