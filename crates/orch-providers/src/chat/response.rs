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
    /// The answer reached its most tokens, or filled the model's context.
    Length,
    /// It waits for the answers of the tools that it called.
    ToolCalls,
    /// The provider's filter cut the answer, or kept the model from answering.
    ContentFilter,
    /// The provider paused a long turn: sent back, the answer goes on.
    Paused,
    /// Another reason, in the provider's word.
    #[serde(untagged)]
    Other(Arc<str>),
}

/// A tool call of the model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolCall {
    /// The id that the tool's answer must name.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments: JSON as the model wrote it, valid or not.
    pub arguments: String,
}

impl ToolCall {
    /// A call as a model would make it, for a conversation of one's own.
    pub fn new(id: impl Into<String>, name: impl Into<String>, arguments: impl Into<String>) -> Self {
        Self { id: id.into(), name: name.into(), arguments: arguments.into() }
    }
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

impl ChatResponse {
    /// Adds to `output` everything but the text: usage, model, limits; the rest as metadata, each only if there is any.
    pub(crate) fn describe(self, output: Output) -> Output {
        let mut output = output.with_usage(self.usage);
        if let Some(model) = self.model {
            output = output.with_model(model);
        }
        if let Some(limits) = self.limits {
            output = output.with_limits(limits);
        }
        let calls = (!self.tool_calls.is_empty()).then_some(self.tool_calls);
        let facts = [
            ("finish", self.finish.and_then(|finish| serde_json::to_value(finish).ok())),
            ("request_id", self.request_id.map(|id| Value::from(id.as_ref()))),
            ("refusal", self.refusal.map(Value::from)),
            ("reasoning", self.reasoning.map(Value::from)),
            ("tool_calls", calls.and_then(|calls| serde_json::to_value(calls).ok())),
        ];
        let known = facts.into_iter().filter_map(|(name, fact)| Some((name, fact?)));
        known.fold(output, |output, (name, fact)| output.with_metadata(name, fact))
    }
}

/// The text as content, with usage, model and limits; the rest as metadata, each only if there is any.
impl From<ChatResponse> for Output {
    fn from(mut response: ChatResponse) -> Self {
        let text = std::mem::take(&mut response.text);
        response.describe(Self::from(text))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_response_survives_json_with_a_reason_in_the_providers_word() {
        let response = ChatResponse {
            text: "x".into(),
            finish: Some(FinishReason::Other("recitation".into())),
            tool_calls: vec![ToolCall { id: "1".into(), name: "f".into(), arguments: "{}".into() }],
            ..ChatResponse::default()
        };
        let stored = serde_json::to_value(&response).unwrap();
        assert_eq!(stored["finish"], json!("recitation"));
        assert_eq!(serde_json::from_value::<ChatResponse>(stored).unwrap(), response);
        assert_eq!(serde_json::from_value::<FinishReason>(json!("tool_calls")).unwrap(), FinishReason::ToolCalls);
    }

    #[test]
    fn an_output_has_the_text_as_content_and_the_rest_as_metadata() {
        let calls = vec![ToolCall { id: "1".into(), name: "f".into(), arguments: "{}".into() }];
        let response =
            ChatResponse { text: "x".into(), refusal: Some("no".into()), tool_calls: calls, ..ChatResponse::default() };
        let output = Output::from(response);
        assert_eq!(output.content().as_text(), Some("x"));
        let calls = json!([{ "id": "1", "name": "f", "arguments": "{}" }]);
        assert_eq!(json!(output.metadata()), json!({ "refusal": "no", "tool_calls": calls }));
    }
}
