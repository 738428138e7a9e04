//! What a model answers, checked.

use orch_core::{Content, ToolSpec, did_you_mean};
use serde_json::{Map, Value};

use super::ask::cut;
use super::limits::Allowed;
use crate::Catalog;
use crate::error::hint;

/// How long an answer may be, in bytes, and its reason, in characters.
const LONGEST: usize = 16 << 10;
const REASON: usize = 200;

/// A choice that may be followed.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) tool: String,
    pub(super) options: Map<String, Value>,
    pub(super) reason: String,
}

/// The choice that `content` makes, or what is wrong with it.
pub(super) fn checked(content: &Content, catalog: &Catalog, allowed: &Allowed) -> Result<Answer, String> {
    let Value::Object(mut fields) = object(content)? else { return Err("the answer is no JSON object".to_owned()) };
    let Some(Value::String(tool)) = fields.remove("tool") else {
        return Err("the answer has no text `tool`".to_owned());
    };
    if catalog.registry().get(&tool).is_none() {
        let nearest = did_you_mean(cut(&tool, REASON), catalog.specs().map(ToolSpec::name));
        return Err(format!("there is no tool `{}`{}", cut(&tool, REASON), hint(nearest)));
    }
    let options = match fields.remove("options") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(options)) => options,
        Some(_) => return Err("`options` is no object".to_owned()),
    };
    if let Some(fault) = allowed.fault(&tool, &options) {
        return Err(fault);
    }
    let reason = match fields.remove("reason") {
        Some(Value::String(reason)) => printable(cut(&reason, REASON)),
        _ => return Err("the answer has no text `reason`".to_owned()),
    };
    match fields.keys().next() {
        Some(name) => Err(format!("unknown field `{}`", cut(name, REASON))),
        None => Ok(Answer { tool, options, reason }),
    }
}

/// The content itself, or what its text says.
fn object(content: &Content) -> Result<Value, String> {
    match content.as_text() {
        Some(text) if text.len() > LONGEST => Err(format!("the answer has more than {LONGEST} bytes")),
        Some(text) => serde_json::from_str(text.trim()).map_err(|error| format!("the answer is no JSON: {error}")),
        None => content.to_json().map(|json| json.as_ref().clone()).map_err(|error| error.to_string()),
    }
}

/// A reason travels to logs and terminals: one line, no control characters.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
