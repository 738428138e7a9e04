//! From a request to the wire's JSON.

use orch_core::Error;

use super::Messages;
use super::blocks::{conversation, system};
use crate::chat::{ChatRequest, ReasoningEffort, ResponseFormat, ToolChoice, ToolDefinition};
use crate::wire::{Body, Json, Wire, known, object, refuse};

const NO_SAMPLING: &str =
    "Anthropic's API of 2026-10-21 refuses sampling options: leave it out, or use the version 2023-06-01";

/// Rules for the model go before the conversation. A seed of the request's own is refused in both versions, and so is
/// `metadata`; sampling options are refused in the newer one.
impl Wire for Messages {}

impl Messages {
    pub(super) fn write<'a>(&self, request: &'a ChatRequest, model: &'a str) -> Result<Json<'a>, Error> {
        self.check(request)?;
        let mut body = Body::new(request, model);
        body.set("max_tokens", Some(request.max_tokens().unwrap_or(self.max_tokens())));
        body.set("system", system(request.messages())?);
        body.set("messages", Some(conversation(request.messages(), self.version())?));
        body.set("temperature", request.temperature());
        body.set("top_p", request.top_p());
        body.set_unless_empty("stop_sequences", request.stop().iter().map(String::as_str).collect());
        body.set_unless_empty("tools", request.tools().iter().map(tool).collect());
        body.set("tool_choice", tool_choice(request.tool_choice()));
        body.set_unless_empty("output_config", output_config(request)?);
        if request.reasoning_effort() == Some(ReasoningEffort::None) {
            body.set("thinking", Some(object([("type", "disabled".into())])));
        }
        body.set("metadata", request.user_id().map(|id| object([("user_id", id.into())])));
        body.set("stream", request.stream().then_some(true));
        body.finish(request)
    }

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

fn tool(tool: &ToolDefinition) -> Json<'_> {
    known([
        ("name", Some(tool.name().into())),
        ("description", tool.description().map(Json::from)),
        ("input_schema", Some(Json::Held(tool.schema()))),
        ("strict", tool.strict().then_some(true.into())),
    ])
}

fn tool_choice(choice: &ToolChoice) -> Option<Json<'_>> {
    Some(match choice {
        ToolChoice::Auto => return None,
        ToolChoice::None => object([("type", "none".into())]),
        ToolChoice::Required => object([("type", "any".into())]),
        ToolChoice::Tool(name) => object([("type", "tool".into()), ("name", (&**name).into())]),
    })
}

/// The form of the answer, which has no name here and is always strict, and the effort.
fn output_config(request: &ChatRequest) -> Result<Json<'_>, Error> {
    let format = match request.response_format() {
        ResponseFormat::Text => None,
        ResponseFormat::JsonSchema { schema, .. } => {
            Some(object([("type", "json_schema".into()), ("schema", Json::Held(schema))]))
        }
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
    Ok(known([("format", format), ("effort", effort)]))
}
