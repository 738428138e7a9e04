//! Messages as blocks of content.

use orch_core::Error;
use serde_json::{Map, Value};

use super::ApiVersion;
use crate::chat::{ContentPart, Message, Reference, Role, ToolCall};
use crate::wire::{Json, known, object, parts};

/// The rules for the model: the messages before the conversation.
pub(super) fn system(messages: &[Message]) -> Result<Option<Json<'_>>, Error> {
    let rules = messages.iter().enumerate().take_while(|(_, message)| message.role() == Role::System);
    let mut texts = Vec::new();
    for (at, message) in rules {
        texts.extend(parts(message, at, rule)?);
    }
    Ok(match texts.as_slice() {
        [] => None,
        [only] => Some((*only).into()),
        texts => Some(texts.iter().map(|text| text_block(text)).collect()),
    })
}

fn rule(part: &ContentPart) -> Result<&str, &'static str> {
    part.as_text().ok_or("the Messages wire takes rules for the model as text alone")
}

/// The conversation: messages of one side after another are one turn, and what tools answered is the user's turn.
pub(super) fn conversation(messages: &[Message], version: ApiVersion) -> Result<Json<'_>, Error> {
    let mut turns: Vec<(&str, Vec<Json<'_>>)> = Vec::new();
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
    let turns = turns.into_iter();
    Ok(turns.map(|(role, content)| object([("role", role.into()), ("content", content.into())])).collect())
}

fn assistant(at: usize, message: &Message, version: ApiVersion) -> Result<Vec<Json<'_>>, Error> {
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

fn tool_use(call: &ToolCall) -> Result<Json<'_>, String> {
    let input: Value = match call.arguments.trim() {
        "" => Value::Object(Map::new()),
        arguments => serde_json::from_str(arguments).map_err(|error| format!("not JSON: {error}"))?,
    };
    if !input.is_object() {
        return Err("the Messages wire takes an object as a tool's arguments".to_owned());
    }
    Ok(object([
        ("type", "tool_use".into()),
        ("id", call.id.as_str().into()),
        ("name", call.name.as_str().into()),
        ("input", Json::Made(input)),
    ]))
}

fn tool_result(at: usize, message: &Message) -> Result<Json<'_>, Error> {
    let content: Json<'_> = if message.is_text() { message.text().into() } else { parts(message, at, block)?.into() };
    let id = message.tool_call_id().unwrap_or_default();
    Ok(object([("type", "tool_result".into()), ("tool_use_id", id.into()), ("content", content)]))
}

fn text_block(text: &str) -> Json<'_> {
    object([("type", "text".into()), ("text", text.into())])
}

fn block(part: &ContentPart) -> Result<Json<'_>, &'static str> {
    match part {
        ContentPart::Text { text } => Ok(text_block(text)),
        ContentPart::Image { source } => {
            Ok(object([("type", "image".into()), ("source", source_of(source, |_| true)?)]))
        }
        ContentPart::File { source, name } => Ok(known([
            ("type", Some("document".into())),
            ("source", Some(source_of(source, |kind| kind == "application/pdf")?)),
            ("title", name.as_deref().map(Json::from)),
        ])),
    }
}

fn source_of(source: &Reference, takes: impl Fn(&str) -> bool) -> Result<Json<'_>, &'static str> {
    match source {
        Reference::Id(_) => Err("the Messages wire takes no image or file by its id: give its URL"),
        Reference::Url(url) => match url.strip_prefix("data:") {
            None => Ok(object([("type", "url".into()), ("url", (&**url).into())])),
            Some(inside) => match inside.split_once(";base64,") {
                Some((kind, data)) if takes(kind) => {
                    Ok(object([("type", "base64".into()), ("media_type", kind.into()), ("data", data.into())]))
                }
                Some(_) => Err("the Messages wire takes a file inside a URL only if it is `application/pdf`"),
                None => Err("the Messages wire takes data inside a URL only in base64"),
            },
        },
    }
}
