use std::sync::Arc;

use orch_core::ToolSpec;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A tool that the model may call.
///
/// ```
/// use orch_providers::{ChatRequest, ToolChoice, ToolDefinition};
/// use serde_json::json;
///
/// let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] });
/// let request = ChatRequest::user("What is the weather in Oslo?")
///     .with_tool(ToolDefinition::new("get_weather", schema).with_description("The weather of a city, now."))
///     .with_tool_choice(ToolChoice::Required);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[must_use]
pub struct ToolDefinition {
    name: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<Arc<str>>,
    schema: Arc<Value>,
    #[serde(default)]
    strict: bool,
}

impl ToolDefinition {
    /// A tool of this name whose arguments fit a JSON Schema, which must be that of an object.
    pub fn new(name: impl Into<Arc<str>>, schema: impl Into<Value>) -> Self {
        Self { name: name.into(), description: None, schema: Arc::new(schema.into()), strict: false }
    }

    /// Sets what the tool does, for the model.
    pub fn with_description(mut self, description: impl Into<Arc<str>>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Whether the provider must guarantee that the arguments fit the schema; default `false`.
    pub fn with_strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the tool does.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// The JSON Schema of the arguments.
    #[must_use]
    pub fn schema(&self) -> &Value {
        &self.schema
    }

    /// Whether the provider must guarantee that the arguments fit the schema.
    #[must_use]
    pub fn strict(&self) -> bool {
        self.strict
    }
}

/// Name, description and input schema; a tool without a schema takes any object.
impl From<&ToolSpec> for ToolDefinition {
    fn from(spec: &ToolSpec) -> Self {
        let schema = spec.input_schema().cloned().unwrap_or_else(|| json!({ "type": "object" }));
        let definition = Self::new(spec.name(), schema);
        match spec.description() {
            "" => definition,
            description => definition.with_description(description),
        }
    }
}

/// Whether the model must call a tool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToolChoice {
    /// As it likes.
    #[default]
    Auto,
    /// It must not.
    None,
    /// It must call at least one.
    Required,
    /// It must call this one.
    Tool(Arc<str>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_of_ours_is_told_to_the_model_as_it_is() {
        let spec = ToolSpec::pure("now").with_description("The time.");
        let definition = ToolDefinition::from(&spec);
        assert_eq!((definition.name(), definition.description()), ("now", Some("The time.")));
        assert_eq!(definition.schema(), &json!({ "type": "object" }));
        let schema = json!({ "type": "object", "required": ["x"] });
        let definition = ToolDefinition::from(&ToolSpec::pure("f").with_input_schema(schema.clone()));
        assert_eq!((definition.description(), definition.schema()), (None, &schema));
    }
}
