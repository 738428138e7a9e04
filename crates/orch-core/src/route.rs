use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A tool and the options to call it with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The tool's name.
    pub tool: Arc<str>,
    /// Its options; `Null` means none.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub options: Value,
}

impl Candidate {
    /// A tool without options.
    pub fn new(tool: impl Into<Arc<str>>) -> Self {
        Self { tool: tool.into(), options: Value::Null }
    }

    /// Sets its options.
    #[must_use]
    pub fn with_options(mut self, options: impl Into<Value>) -> Self {
        self.options = options.into();
        self
    }
}

impl<T: Into<Arc<str>>> From<T> for Candidate {
    fn from(tool: T) -> Self {
        Self::new(tool)
    }
}

/// Where a request goes: which tool, with which options, and what to try when it fails.
///
/// An explicit [`Request::with_tool`](crate::Request::with_tool) sets it; a planner sets it when absent;
/// a fallback layer moves to the next candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Route {
    tool: Arc<str>,
    options: Arc<Value>,
    fallbacks: Arc<[Candidate]>,
    reason: Arc<str>,
}

impl Route {
    /// A route to `tool`, with the reason it was chosen for.
    pub fn new(tool: impl Into<Arc<str>>, reason: impl Into<Arc<str>>) -> Self {
        Self { tool: tool.into(), options: Arc::new(Value::Null), fallbacks: Arc::new([]), reason: reason.into() }
    }

    /// Sets the options the tool is called with.
    #[must_use]
    pub fn with_options(mut self, options: impl Into<Arc<Value>>) -> Self {
        self.options = options.into();
        self
    }

    /// Sets what is tried, in this order, when the tool fails.
    #[must_use]
    pub fn with_fallbacks(mut self, fallbacks: impl IntoIterator<Item = Candidate>) -> Self {
        self.fallbacks = fallbacks.into_iter().collect();
        self
    }

    /// The tool's name.
    #[must_use]
    pub fn tool(&self) -> &str {
        &self.tool
    }

    /// The options the tool is called with.
    #[must_use]
    pub fn options(&self) -> &Arc<Value> {
        &self.options
    }

    /// What is tried when the tool fails.
    #[must_use]
    pub fn fallbacks(&self) -> &[Candidate] {
        &self.fallbacks
    }

    pub(crate) fn shared_reason(&self) -> Arc<str> {
        Arc::clone(&self.reason)
    }

    /// Why this tool.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The route to the first fallback, with the others after it; `None` when there is none.
    ///
    /// Options of the candidate are laid over the options of this route.
    #[must_use]
    pub fn next(&self) -> Option<Self> {
        let (next, rest) = self.fallbacks.split_first()?;
        Some(Self {
            tool: Arc::clone(&next.tool),
            options: Arc::new(merge_options(&self.options, &next.options)),
            fallbacks: rest.into(),
            reason: format!("fallback after {}", self.tool).into(),
        })
    }
}

/// The fields of `over` laid over those of `base`, one level deep; `Null` changes nothing.
#[must_use]
pub(crate) fn merge_options(base: &Value, over: &Value) -> Value {
    match (base, over) {
        (base, Value::Null) => base.clone(),
        (Value::Object(base), Value::Object(over)) => {
            let mut merged = base.clone();
            merged.extend(over.iter().map(|(key, value)| (key.clone(), value.clone())));
            Value::Object(merged)
        }
        (_, over) => over.clone(),
    }
}
