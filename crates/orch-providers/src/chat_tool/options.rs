use std::sync::Arc;

use orch_core::{Error, did_you_mean};
use serde_json::Value;

use crate::chat::check_sampling;

const POINTER: &str = "/options/chat";
const NAMES: [&str; 5] = ["instruction", "max_tokens", "model", "temperature", "top_p"];

/// The settings of one call, over those of the tool.
///
/// They stand in the request's options under `chat`, because a bundle hands the same options, with its own fields
/// beside these, to its replicates. A seed is not among them: equal seeds would make replicates equal.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ChatOptions {
    pub(super) temperature: Option<f64>,
    pub(super) top_p: Option<f64>,
    pub(super) max_tokens: Option<u64>,
    pub(super) model: Option<Arc<str>>,
    /// Sent after the tool's own rules and before the prompt.
    pub(super) instruction: Option<Arc<str>>,
}

impl ChatOptions {
    /// Reads the `chat` object of a request's options; absent or `null` is no settings.
    pub(super) fn read(options: &Value) -> Result<Self, Error> {
        let mut read = Self::default();
        let fields = match options.get("chat") {
            None | Some(Value::Null) => return Ok(read),
            Some(Value::Object(fields)) => fields,
            Some(other) => return Err(Error::invalid(POINTER, format!("{other}: expected an object"))),
        };
        for (name, value) in fields {
            match name.as_str() {
                "temperature" => read.temperature = Some(number(name, value)?),
                "top_p" => read.top_p = Some(number(name, value)?),
                "model" => read.model = Some(text(name, value)?),
                "instruction" => read.instruction = Some(text(name, value)?),
                "max_tokens" => read.max_tokens = Some(whole_number(name, value)?),
                _ => return Err(unknown(name)),
            }
        }
        check_sampling(POINTER, read.temperature, read.top_p, read.max_tokens)?;
        Ok(read)
    }

    /// These settings, and `below` where they say nothing.
    pub(super) fn over(self, below: &Self) -> Self {
        Self {
            temperature: self.temperature.or(below.temperature),
            top_p: self.top_p.or(below.top_p),
            max_tokens: self.max_tokens.or(below.max_tokens),
            model: self.model.or_else(|| below.model.clone()),
            instruction: self.instruction.or_else(|| below.instruction.clone()),
        }
    }
}

fn number(name: &str, value: &Value) -> Result<f64, Error> {
    value.as_f64().ok_or_else(|| Error::invalid(format!("{POINTER}/{name}"), format!("{value}: expected a number")))
}

fn text(name: &str, value: &Value) -> Result<Arc<str>, Error> {
    let fault = || Error::invalid(format!("{POINTER}/{name}"), format!("{value}: expected a text that is not empty"));
    value.as_str().filter(|text| !text.is_empty()).map(Arc::from).ok_or_else(fault)
}

fn whole_number(name: &str, value: &Value) -> Result<u64, Error> {
    let reason = || format!("{value}: expected a whole number");
    value.as_u64().ok_or_else(|| Error::invalid(format!("{POINTER}/{name}"), reason()))
}

fn unknown(name: &str) -> Error {
    let hint = did_you_mean(name, NAMES).map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
    let pointer = format!("{POINTER}/{}", name.replace('~', "~0").replace('/', "~1"));
    Error::invalid(pointer, format!("no option named `{name}`{hint}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_chat_object_is_read() {
        let options = json!({ "k": 5, "epsilon": 0.2, "chat": { "temperature": 0.3, "max_tokens": 9 } });
        let expected = ChatOptions { temperature: Some(0.3), max_tokens: Some(9), ..ChatOptions::default() };
        assert_eq!(ChatOptions::read(&options).unwrap(), expected);
        for nothing in [Value::Null, json!({ "k": 5 }), json!({ "chat": null }), json!("text")] {
            assert_eq!(ChatOptions::read(&nothing).unwrap(), ChatOptions::default());
        }
    }

    #[test]
    fn a_wrong_field_is_pointed_at() {
        let wrong = [
            (json!([]), "`/options/chat`", "expected an object"),
            (json!({ "temprature": 1 }), "`/options/chat/temprature`", "did you mean `temperature`?"),
            (json!({ "seed": 1 }), "`/options/chat/seed`", "no option named `seed`"),
            (json!({ "temperature": "hot" }), "`/options/chat/temperature`", "expected a number"),
            (json!({ "temperature": -1 }), "`/options/chat/temperature`", "from 0 up"),
            (json!({ "top_p": 1.5 }), "`/options/chat/top_p`", "0 to 1"),
            (json!({ "model": 5 }), "`/options/chat/model`", "expected a text"),
            (json!({ "instruction": "" }), "`/options/chat/instruction`", "not empty"),
            (json!({ "max_tokens": 1.5 }), "`/options/chat/max_tokens`", "whole number"),
            (json!({ "max_tokens": 0 }), "`/options/chat/max_tokens`", "at least one token"),
        ];
        for (chat, pointer, reason) in wrong {
            let error = ChatOptions::read(&json!({ "chat": chat })).unwrap_err().to_string();
            assert!(error.contains(pointer) && error.contains(reason), "{error}");
        }
    }
}
