use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Content, LimitHint, Usage};

/// What a call gave: the content, what it used, and who served it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[must_use]
pub struct Output {
    content: Content,
    #[serde(skip_serializing_if = "Usage::is_unknown")]
    usage: Usage,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    served_by: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<LimitHint>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    replayed: bool,
    #[serde(skip_serializing_if = "Map::is_empty")]
    metadata: Map<String, Value>,
}

impl Output {
    /// An output with this content and nothing else.
    pub fn new(content: impl Into<Content>) -> Self {
        Self { content: content.into(), ..Self::default() }
    }

    /// An output whose content is a typed value; see [`Content::typed`].
    pub fn typed<T: Serialize + Send + Sync + 'static>(value: T) -> Self {
        Self::new(Content::typed(value))
    }

    /// Sets what the call used.
    pub fn with_usage(mut self, usage: Usage) -> Self {
        self.usage = usage;
        self
    }

    /// Sets the model that answered.
    pub fn with_model(mut self, model: impl Into<Arc<str>>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Sets the tool that answered.
    pub fn with_served_by(mut self, tool: impl Into<Arc<str>>) -> Self {
        self.served_by = Some(tool.into());
        self
    }

    /// Sets why that tool was chosen.
    pub fn with_reason(mut self, reason: impl Into<Arc<str>>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Sets what the provider said of its limits.
    pub fn with_limits(mut self, limits: LimitHint) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Marks it as read from a store: nothing was executed or spent for it now.
    pub fn with_replayed(mut self) -> Self {
        self.replayed = true;
        self
    }

    /// Adds a fact about the call, for people and logs.
    pub fn with_metadata(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    pub(crate) fn with_content(mut self, content: Content) -> Self {
        self.content = content;
        self
    }

    pub(crate) fn with_metadata_of(mut self, change: impl FnOnce(Map<String, Value>) -> Map<String, Value>) -> Self {
        self.metadata = change(self.metadata);
        self
    }

    /// The content.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// The content alone.
    #[must_use]
    pub fn into_content(self) -> Content {
        self.content
    }

    /// What the call used.
    #[must_use]
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// The model that answered, if there is one.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// The tool that answered.
    #[must_use]
    pub fn served_by(&self) -> Option<&str> {
        self.served_by.as_deref()
    }

    /// Why that tool was chosen. A replayed answer keeps the reason of the run that executed it.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// What the provider said of its limits.
    #[must_use]
    pub fn limits(&self) -> Option<LimitHint> {
        self.limits
    }

    /// Whether it was read from a store.
    #[must_use]
    pub fn replayed(&self) -> bool {
        self.replayed
    }

    /// Facts about the call.
    #[must_use]
    pub fn metadata(&self) -> &Map<String, Value> {
        &self.metadata
    }
}

impl From<Value> for Output {
    fn from(value: Value) -> Self {
        Self::new(value)
    }
}

impl From<String> for Output {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Output {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<Content> for Output {
    fn from(content: Content) -> Self {
        Self::new(content)
    }
}
