use orch_core::Error;
use serde_json::{Value, json};

use super::Responses;
use crate::chat::{
    ChatRequest, ContentPart, Message, Reference, ResponseFormat, Role, ToolCall, ToolChoice, ToolDefinition,
};
use crate::wire::{Body, Wire, object, parts, refuse};

/// A message is an item of the input, and so is each tool call and each tool's answer. A seed of the request's own and
/// stop texts are refused: the wire has neither.
impl Wire for Responses {
    fn encode(&self, request: &ChatRequest, model: &str) -> Result<Value, Error> {
        refuse("/seed", request.own_seed().is_some(), "the Responses wire has no seed")?;
        refuse("/stop", !request.stop().is_empty(), "the Responses wire has no stop texts")?;
        let mut input = Vec::new();
        for (at, message) in request.messages().iter().enumerate() {
            items(at, message, &mut input)?;
        }
        let mut body = Body::new(request, model);
        body.set("input", Some(input));
        body.set("temperature", request.temperature());
        body.set("top_p", request.top_p());
        body.set("max_output_tokens", request.max_tokens());
        body.set("text", format(request.response_format()).map(|format| json!({ "format": format })));
        body.set_list("tools", request.tools().iter().map(tool).collect());
        body.set("tool_choice", tool_choice(request.tool_choice()));
        body.set("reasoning", request.reasoning_effort().map(|effort| json!({ "effort": effort.as_str() })));
        body.set(self.0.dialect.user, request.user_id());
        body.set("metadata", (!request.metadata().is_empty()).then(|| json!(request.metadata())));
        body.set("store", Some(false));
        body.set("stream", request.stream().then_some(true));
        body.finish(request)
    }
}

fn format(format: &ResponseFormat) -> Option<Value> {
    match format {
        ResponseFormat::Text => None,
        ResponseFormat::JsonSchema { name, schema, strict } => {
            Some(json!({ "type": "json_schema", "name": name, "strict": strict, "schema": schema }))
        }
    }
}

fn tool(tool: &ToolDefinition) -> Value {
    object([
        ("type", Some("function".into())),
        ("name", Some(tool.name().into())),
        ("description", tool.description().map(Value::from)),
        ("parameters", Some(tool.schema().clone())),
        // Left out, it would be true.
        ("strict", Some(tool.strict().into())),
    ])
}

fn tool_choice(choice: &ToolChoice) -> Option<Value> {
    Some(match choice {
        ToolChoice::Auto => return None,
        ToolChoice::None => "none".into(),
        ToolChoice::Required => "required".into(),
        ToolChoice::Tool(name) => json!({ "type": "function", "name": name }),
    })
}

fn items(at: usize, message: &Message, input: &mut Vec<Value>) -> Result<(), Error> {
    let content = content(at, message)?;
    let role = match message.role() {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => {
            input.push(json!({
                "type": "function_call_output", "call_id": message.tool_call_id(), "output": content,
            }));
            return Ok(());
        }
    };
    if message.tool_calls().is_empty() || content != "" {
        input.push(json!({ "role": role, "content": content }));
    }
    input.extend(message.tool_calls().iter().map(tool_call));
    Ok(())
}

fn content(at: usize, message: &Message) -> Result<Value, Error> {
    if message.is_text() {
        return Ok(message.text().into());
    }
    Ok(parts(message, at, |part| self::part(part, message.role()))?.into())
}

fn tool_call(call: &ToolCall) -> Value {
    json!({ "type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments })
}

fn part(part: &ContentPart, role: Role) -> Result<Value, &'static str> {
    let (kind, field, source, more) = match part {
        ContentPart::Text { text } => return Ok(json!({ "type": "input_text", "text": text })),
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
            ("input_file", field, source, ("filename", name.as_deref().map(Value::from)))
        }
    };
    Ok(object([("type", Some(kind.into())), (field, Some(source.into())), more]))
}

fn reference<'a>(source: &'a Reference, url_field: &'static str) -> (&'static str, &'a str) {
    match source {
        Reference::Url(url) => (url_field, url),
        Reference::Id(id) => ("file_id", id),
    }
}
