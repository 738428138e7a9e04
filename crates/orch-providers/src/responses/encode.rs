//! From a request to the wire's JSON.

use orch_core::Error;

use super::Responses;
use crate::chat::{
    ChatRequest, ContentPart, Message, Reference, ResponseFormat, Role, ToolCall, ToolChoice, ToolDefinition,
};
use crate::wire::{Body, Json, Wire, known, notes, object, parts, refuse};

/// A message is an item of the input, and so is each tool call and each tool's answer. A seed of the request's own and
/// stop texts are refused: the wire has neither.
impl Wire for Responses {}

impl Responses {
    pub(super) fn write<'a>(&self, request: &'a ChatRequest, model: &'a str) -> Result<Json<'a>, Error> {
        refuse("/seed", request.own_seed().is_some(), "the Responses wire has no seed")?;
        refuse("/stop", !request.stop().is_empty(), "the Responses wire has no stop texts")?;
        let mut input = Vec::with_capacity(request.messages().len());
        for (at, message) in request.messages().iter().enumerate() {
            items(at, message, &mut input)?;
        }
        let mut body = Body::new(request, model);
        body.set("input", Some(input));
        body.set("temperature", request.temperature());
        body.set("top_p", request.top_p());
        body.set("max_output_tokens", request.max_tokens());
        body.set("text", format(request.response_format()).map(|format| object([("format", format)])));
        body.set_unless_empty("tools", request.tools().iter().map(tool).collect());
        body.set("tool_choice", tool_choice(request.tool_choice()));
        let effort = request.reasoning_effort().map(|effort| object([("effort", effort.as_str().into())]));
        body.set("reasoning", effort);
        body.set(self.0.dialect.user, request.user_id());
        body.set_unless_empty("metadata", notes(request.metadata()));
        body.set("store", Some(false));
        body.set("stream", request.stream().then_some(true));
        body.finish(request)
    }
}

fn format(format: &ResponseFormat) -> Option<Json<'_>> {
    match format {
        ResponseFormat::Text => None,
        ResponseFormat::JsonSchema { name, schema, strict } => Some(object([
            ("type", "json_schema".into()),
            ("name", (&**name).into()),
            ("strict", (*strict).into()),
            ("schema", Json::Held(schema)),
        ])),
    }
}

fn tool(tool: &ToolDefinition) -> Json<'_> {
    known([
        ("type", Some("function".into())),
        ("name", Some(tool.name().into())),
        ("description", tool.description().map(Json::from)),
        ("parameters", Some(Json::Held(tool.schema()))),
        // Left out, it would be true.
        ("strict", Some(tool.strict().into())),
    ])
}

fn tool_choice(choice: &ToolChoice) -> Option<Json<'_>> {
    Some(match choice {
        ToolChoice::Auto => return None,
        ToolChoice::None => "none".into(),
        ToolChoice::Required => "required".into(),
        ToolChoice::Tool(name) => object([("type", "function".into()), ("name", (&**name).into())]),
    })
}

fn items<'a>(at: usize, message: &'a Message, input: &mut Vec<Json<'a>>) -> Result<(), Error> {
    let content = content(at, message)?;
    let role = match message.role() {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => {
            let id = message.tool_call_id().unwrap_or_default();
            input.push(object([("type", "function_call_output".into()), ("call_id", id.into()), ("output", content)]));
            return Ok(());
        }
    };
    if message.tool_calls().is_empty() || !content.is_empty() {
        input.push(object([("role", role.into()), ("content", content)]));
    }
    input.extend(message.tool_calls().iter().map(tool_call));
    Ok(())
}

fn content(at: usize, message: &Message) -> Result<Json<'_>, Error> {
    if message.is_text() {
        return Ok(message.text().into());
    }
    Ok(parts(message, at, |part| self::part(part, message.role()))?.into())
}

fn tool_call(call: &ToolCall) -> Json<'_> {
    object([
        ("type", "function_call".into()),
        ("call_id", call.id.as_str().into()),
        ("name", call.name.as_str().into()),
        ("arguments", call.arguments.as_str().into()),
    ])
}

fn part(part: &ContentPart, role: Role) -> Result<Json<'_>, &'static str> {
    let (kind, field, source, more) = match part {
        ContentPart::Text { text } => return Ok(object([("type", "input_text".into()), ("text", (&**text).into())])),
        _ if !matches!(role, Role::User | Role::Tool) => {
            return Err("the Responses wire takes images and files from the user and from tools alone");
        }
        ContentPart::Image { source } => {
            let (field, source) = reference(source, "image_url");
            ("input_image", field, source, ("detail", Some("auto".into())))
        }
        ContentPart::File { source, name } => {
            let inside = matches!(source, Reference::Url(url) if url.starts_with("data:"));
            let (field, source) = reference(source, if inside { "file_data" } else { "file_url" });
            ("input_file", field, source, ("filename", name.as_deref().map(Json::from)))
        }
    };
    Ok(known([("type", Some(kind.into())), (field, Some(source.into())), more]))
}

fn reference<'a>(source: &'a Reference, url_field: &'static str) -> (&'static str, &'a str) {
    match source {
        Reference::Url(url) => (url_field, url),
        Reference::Id(id) => ("file_id", id),
    }
}
