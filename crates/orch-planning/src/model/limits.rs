use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use serde_json::{Map, Value, json};

/// What a model may set an option to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum OptionLimit {
    /// A whole number between these, ends included.
    Whole(RangeInclusive<i64>),
    /// A number between these, ends included.
    Number(RangeInclusive<f64>),
    /// One of these texts.
    OneOf(Vec<String>),
    /// True or false.
    Flag,
}

impl OptionLimit {
    /// Whether the option may be set so.
    #[must_use]
    pub fn allows(&self, value: &Value) -> bool {
        match self {
            Self::Whole(range) => value.as_i64().is_some_and(|number| range.contains(&number)),
            Self::Number(range) => value.as_f64().is_some_and(|number| range.contains(&number)),
            Self::OneOf(texts) => value.as_str().is_some_and(|text| texts.iter().any(|known| known == text)),
            Self::Flag => value.is_boolean(),
        }
    }

    /// As JSON Schema.
    #[must_use]
    pub fn schema(&self) -> Value {
        match self {
            Self::Whole(range) => json!({ "type": "integer", "minimum": range.start(), "maximum": range.end() }),
            Self::Number(range) => json!({ "type": "number", "minimum": range.start(), "maximum": range.end() }),
            Self::OneOf(texts) => json!({ "enum": texts }),
            Self::Flag => json!({ "type": "boolean" }),
        }
    }
}

/// What a model may set, by tool and option. What is not here it may not set.
#[derive(Clone, Debug, Default)]
pub(super) struct Allowed(BTreeMap<Arc<str>, BTreeMap<String, OptionLimit>>);

impl Allowed {
    pub(super) fn add(&mut self, tool: Arc<str>, option: String, limit: OptionLimit) {
        self.0.entry(tool).or_default().insert(option, limit);
    }

    /// The tools of which something may be set.
    pub(super) fn tools(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.keys()
    }

    /// What is wrong with options for a tool, if anything is.
    pub(super) fn fault(&self, tool: &str, options: &Map<String, Value>) -> Option<String> {
        let limits = self.0.get(tool);
        options.iter().find_map(|(name, value)| match limits.and_then(|limits| limits.get(name)) {
            None => Some(format!("`{tool}` has no option that may be set by this name")),
            Some(limit) if limit.allows(value) => None,
            Some(limit) => Some(format!("the option `{name}` of `{tool}` must be {}", limit.schema())),
        })
    }

    /// The options of a tool as JSON Schema.
    pub(super) fn schema(&self, tool: &str) -> Value {
        let limits = self.0.get(tool).into_iter().flatten();
        let properties: Map<_, _> = limits.map(|(name, limit)| (name.clone(), limit.schema())).collect();
        json!({ "type": "object", "additionalProperties": false, "properties": properties })
    }
}
