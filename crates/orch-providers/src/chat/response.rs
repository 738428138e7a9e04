use std::sync::Arc;

use orch_core::{LimitHint, Output, Usage};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Why the model stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FinishReason {
    /// It was done, or met a stop text.
    #[default]
    Stop,
    /// The answer reached its most tokens.
    Length,
    /// It waits for the answers of the tools that it called.
    ToolCalls,
    /// The provider's filter cut the answer.
    ContentFilter,
    /// Another reason, in the provider's word.
    #[serde(untagged)]
    Other(Arc<str>),
}

/// A tool call of the model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The id that the tool's answer must name.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments: JSON as the model wrote it, valid or not.
    pub arguments: String,
}

/// What a provider answered, whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ChatResponse {
    /// The answer.
    pub text: String,
    /// The model's words when it refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// The model's reasoning, if the provider shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// The tools that the model called.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// Why the model stopped; `None` in a partial answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish: Option<FinishReason>,
    /// What the call used.
    #[serde(skip_serializing_if = "Usage::is_unknown")]
    pub usage: Usage,
    /// The model that answered, as the provider names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<Arc<str>>,
    /// The provider's id of the request, for its support.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Arc<str>>,
    /// What the provider said is left of its limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitHint>,
}

/// The text as content; usage, model, limits; the rest as metadata, each only if there is any.
impl From<ChatResponse> for Output {
    fn from(response: ChatResponse) -> Self {
        let mut output = Self::from(response.text).with_usage(response.usage);
        if let Some(model) = response.model {
            output = output.with_model(model);
        }
        if let Some(limits) = response.limits {
            output = output.with_limits(limits);
        }
        let calls = (!response.tool_calls.is_empty()).then_some(response.tool_calls);
        let facts = [
            ("finish", response.finish.and_then(|finish| serde_json::to_value(finish).ok())),
            ("request_id", response.request_id.map(|id| Value::from(id.as_ref()))),
            ("refusal", response.refusal.map(Value::from)),
            ("reasoning", response.reasoning.map(Value::from)),
            ("tool_calls", calls.and_then(|calls| serde_json::to_value(calls).ok())),
        ];
        facts.into_iter().fold(output, |output, (name, fact)| match fact {
            Some(fact) => output.with_metadata(name, fact),
            None => output,
        })
    }
}
