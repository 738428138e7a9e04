use orch_core::Error;
use serde_json::{Value, json};

use super::Messages;
use super::blocks::{conversation, system};
use crate::chat::{ChatRequest, ReasoningEffort, ResponseFormat, ToolChoice, ToolDefinition};
use crate::wire::{Body, Wire, object, refuse};

const NO_SAMPLING: &str =
    "Anthropic's API of 2026-10-21 refuses sampling options: leave it out, or use the version 2023-06-01";

/// Rules for the model go before the conversation. A seed of the request's own is refused in both versions, and so is
/// `metadata`; sampling options are refused in the newer one.
impl Wire for Messages {
    fn encode(&self, request: &ChatRequest, model: &str) -> Result<Value, Error> {
        self.check(request)?;
        let mut body = Body::new(request, model);
        body.set("max_tokens", Some(request.max_tokens().unwrap_or(self.max_tokens())));
        body.set("system", system(request.messages())?);
        body.set("messages", Some(conversation(request.messages(), self.version())?));
        body.set("temperature", request.temperature());
        body.set("top_p", request.top_p());
        body.set("stop_sequences", (!request.stop().is_empty()).then(|| request.stop()));
        body.set_list("tools", request.tools().iter().map(tool).collect());
        body.set("tool_choice", tool_choice(request.tool_choice()));
        body.set("output_config", output_config(request)?);
        if request.reasoning_effort() == Some(ReasoningEffort::None) {
            body.set("thinking", Some(json!({ "type": "disabled" })));
        }
        body.set("metadata", request.user_id().map(|id| json!({ "user_id": id })));
        body.set("stream", request.stream().then_some(true));
        body.finish(request)
    }
}

impl Messages {
    fn check(&self, request: &ChatRequest) -> Result<(), Error> {
        refuse("/seed", request.own_seed().is_some(), "the Messages wire has no seed")?;
        refuse("/metadata", !request.metadata().is_empty(), "the Messages wire keeps no notes: it takes a user alone")?;
        if self.version().takes_sampling() {
            return Ok(());
        }
        let extra = |name| request.extras().contains_key(name);
        refuse("/temperature", request.temperature().is_some() || extra("temperature"), NO_SAMPLING)?;
        refuse("/top_p", request.top_p().is_some() || extra("top_p"), NO_SAMPLING)?;
        refuse("/top_k", extra("top_k"), NO_SAMPLING)
    }
}

fn tool(tool: &ToolDefinition) -> Value {
    object([
        ("name", Some(tool.name().into())),
        ("description", tool.description().map(Value::from)),
        ("input_schema", Some(tool.schema().clone())),
        ("strict", tool.strict().then_some(Value::Bool(true))),
    ])
}

fn tool_choice(choice: &ToolChoice) -> Option<Value> {
    Some(match choice {
        ToolChoice::Auto => return None,
        ToolChoice::None => json!({ "type": "none" }),
        ToolChoice::Required => json!({ "type": "any" }),
        ToolChoice::Tool(name) => json!({ "type": "tool", "name": name }),
    })
}

/// The form of the answer, which has no name here and is always strict, and the effort.
fn output_config(request: &ChatRequest) -> Result<Option<Value>, Error> {
    let format = match request.response_format() {
        ResponseFormat::Text => None,
        ResponseFormat::JsonSchema { schema, .. } => Some(json!({ "type": "json_schema", "schema": schema })),
    };
    let effort = match request.reasoning_effort() {
        None | Some(ReasoningEffort::None) => None,
        Some(ReasoningEffort::Minimal) => {
            return Err(Error::invalid(
                "/reasoning_effort",
                "the Messages wire knows no `minimal`: the least is `low`",
            ));
        }
        Some(effort) => Some(effort.as_str().into()),
    };
    let config = object([("format", format), ("effort", effort)]);
    Ok(config.as_object().is_some_and(|config| !config.is_empty()).then_some(config))
}
