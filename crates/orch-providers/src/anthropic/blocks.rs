//! Messages as blocks of content.

use orch_core::Error;
use serde_json::{Value, json};

use super::ApiVersion;
use crate::chat::{ContentPart, Message, Reference, Role, ToolCall};
use crate::wire::{object, parts};

/// The rules for the model: the messages before the conversation.
pub(super) fn system(messages: &[Message]) -> Result<Option<Value>, Error> {
    let rules = messages.iter().enumerate().take_while(|(_, message)| message.role() == Role::System);
    let mut blocks = Vec::new();
    for (at, message) in rules {
        blocks.extend(parts(message, at, |part| match part {
            ContentPart::Text { text } => Ok(text_block(text)),
            _ => Err("the Messages wire takes rules for the model as text alone"),
        })?);
    }
    Ok(match blocks.as_mut_slice() {
        [] => None,
        [only] => Some(only["text"].take()),
        _ => Some(blocks.into()),
    })
}

/// The conversation: messages of one side after another are one turn, and what tools answered is the user's turn.
pub(super) fn conversation(messages: &[Message], version: ApiVersion) -> Result<Vec<Value>, Error> {
    let mut turns: Vec<(&str, Vec<Value>)> = Vec::new();
    let said = messages.iter().enumerate().skip_while(|(_, message)| message.role() == Role::System);
    for (at, message) in said {
        let (role, blocks) = match message.role() {
            Role::User => ("user", parts(message, at, block)?),
            Role::Assistant => ("assistant", assistant(at, message, version)?),
            Role::Tool => ("user", vec![tool_result(at, message)?]),
            Role::System => {
                let why = "the Messages wire takes rules for the model only before the conversation";
                return Err(Error::invalid(format!("/messages/{at}/role"), why));
            }
        };
        match turns.last_mut() {
            Some((last, turn)) if *last == role => turn.extend(blocks),
            _ => turns.push((role, blocks)),
        }
    }
    Ok(turns.into_iter().map(|(role, content)| json!({ "role": role, "content": content })).collect())
}

fn assistant(at: usize, message: &Message, version: ApiVersion) -> Result<Vec<Value>, Error> {
    let mut blocks = parts(message, at, |part| match part {
        ContentPart::File { .. } if version == ApiVersion::V2026_10_21 => {
            Err("Anthropic's API of 2026-10-21 refuses documents in the model's own messages")
        }
        part => block(part),
    })?;
    for (n, call) in message.tool_calls().iter().enumerate() {
        blocks.push(
            tool_use(call).map_err(|why| Error::invalid(format!("/messages/{at}/tool_calls/{n}/arguments"), why))?,
        );
    }
    Ok(blocks)
}

fn tool_use(call: &ToolCall) -> Result<Value, String> {
    let input: Value = match call.arguments.trim() {
        "" => json!({}),
        arguments => serde_json::from_str(arguments).map_err(|error| format!("not JSON: {error}"))?,
    };
    if !input.is_object() {
        return Err("the Messages wire takes an object as a tool's arguments".to_owned());
    }
    Ok(json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": input }))
}

fn tool_result(at: usize, message: &Message) -> Result<Value, Error> {
    let content: Value = if message.is_text() { message.text().into() } else { parts(message, at, block)?.into() };
    Ok(json!({ "type": "tool_result", "tool_use_id": message.tool_call_id(), "content": content }))
}

fn text_block(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

fn block(part: &ContentPart) -> Result<Value, &'static str> {
    match part {
        ContentPart::Text { text } => Ok(text_block(text)),
        ContentPart::Image { source } => Ok(json!({ "type": "image", "source": source_of(source, |_| true)? })),
        ContentPart::File { source, name } => Ok(object([
            ("type", Some("document".into())),
            ("source", Some(source_of(source, |kind| kind == "application/pdf")?)),
            ("title", name.as_deref().map(Value::from)),
        ])),
    }
}

fn source_of(source: &Reference, takes: impl Fn(&str) -> bool) -> Result<Value, &'static str> {
    match source {
        Reference::Id(_) => Err("the Messages wire takes no image or file by its id: give its URL"),
        Reference::Url(url) => match url.strip_prefix("data:") {
            None => Ok(json!({ "type": "url", "url": url })),
            Some(inside) => match inside.split_once(";base64,") {
                Some((kind, data)) if takes(kind) => Ok(json!({ "type": "base64", "media_type": kind, "data": data })),
                Some(_) => Err("the Messages wire takes a file inside a URL only if it is `application/pdf`"),
                None => Err("the Messages wire takes data inside a URL only in base64"),
            },
        },
    }
}
