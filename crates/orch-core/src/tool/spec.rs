use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Target;

/// What another execution of the same call would do to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Nothing: it may run any number of times. Only these tools can be replicated.
    Pure,
    /// Nothing more, because the outside party recognises the idempotency key.
    IdempotentDownstream,
    /// Something again: it is repeated only after errors which prove that it was not executed.
    AtMostOnce,
}

/// How a tool is stacked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToolKind {
    /// One call.
    #[default]
    Single,
    /// A tool that runs replicates by itself: opaque to retry, breaker and limits.
    Bundle,
}

/// What a tool is called, expects and does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[must_use]
pub struct ToolSpec {
    name: Arc<str>,
    version: Arc<str>,
    description: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    input_schema: Option<Arc<Value>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    default_options: Option<Arc<Value>>,
    target: Target,
    kind: ToolKind,
    effect: Effect,
}

impl ToolSpec {
    /// A tool that may run any number of times.
    pub fn pure(name: impl Into<Arc<str>>) -> Self {
        Self::with_effect(name, Effect::Pure)
    }

    /// A tool whose outside party recognises the idempotency key.
    pub fn idempotent(name: impl Into<Arc<str>>) -> Self {
        Self::with_effect(name, Effect::IdempotentDownstream)
    }

    /// A tool that must not run twice.
    pub fn at_most_once(name: impl Into<Arc<str>>) -> Self {
        Self::with_effect(name, Effect::AtMostOnce)
    }

    fn with_effect(name: impl Into<Arc<str>>, effect: Effect) -> Self {
        let name = name.into();
        Self {
            target: Target::from(Arc::clone(&name)),
            name,
            version: "0.1.0".into(),
            description: "".into(),
            input_schema: None,
            default_options: None,
            kind: ToolKind::Single,
            effect,
        }
    }

    /// Sets the version; default `0.1.0`.
    pub fn with_version(mut self, version: impl Into<Arc<str>>) -> Self {
        self.version = version.into();
        self
    }

    /// Sets what the tool does, for people and planners.
    pub fn with_description(mut self, description: impl Into<Arc<str>>) -> Self {
        self.description = description.into();
        self
    }

    /// Sets the JSON Schema of the input.
    pub fn with_input_schema(mut self, schema: impl Into<Value>) -> Self {
        self.input_schema = Some(Arc::new(schema.into()));
        self
    }

    /// Says which options hold unless a call gives others, as far as planners should know; default: none.
    pub fn with_default_options(mut self, options: impl Into<Value>) -> Self {
        self.default_options = Some(Arc::new(options.into()));
        self
    }

    /// Sets the outside party the tool reaches; default: the tool's name.
    pub fn with_target(mut self, target: impl Into<Target>) -> Self {
        self.target = target.into();
        self
    }

    /// Sets how the tool is stacked; default [`ToolKind::Single`].
    pub fn with_kind(mut self, kind: ToolKind) -> Self {
        self.kind = kind;
        self
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn shared_name(&self) -> &Arc<str> {
        &self.name
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    pub(crate) fn shared_version(&self) -> &Arc<str> {
        &self.version
    }

    /// What the tool does.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The JSON Schema of the input, if it is known.
    #[must_use]
    pub fn input_schema(&self) -> Option<&Value> {
        self.input_schema.as_deref()
    }

    /// The options that hold unless a call gives others, if the tool has said so: of a bundle its `k` and `epsilon`.
    #[must_use]
    pub fn default_options(&self) -> Option<&Value> {
        self.default_options.as_deref()
    }

    /// The outside party the tool reaches.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// How the tool is stacked.
    #[must_use]
    pub fn kind(&self) -> ToolKind {
        self.kind
    }

    /// What another execution does.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.effect
    }
}
