//! What the encoders share.

use orch_core::Error;
use serde_json::{Map, Value};

use crate::chat::{ChatRequest, ContentPart, Message};

/// The JSON of a request, field by field.
pub(crate) struct Body(Map<String, Value>);

impl Body {
    /// With the model that the request names, else `model`.
    pub(crate) fn new(request: &ChatRequest, model: &str) -> Self {
        let mut body = Self(Map::new());
        body.set("model", Some(request.model().unwrap_or(model)));
        body
    }

    /// Sets a field if there is a value for it.
    pub(crate) fn set(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
    }

    /// Sets a field to a list unless that is empty.
    pub(crate) fn set_list(&mut self, name: &str, values: Vec<Value>) {
        self.set(name, (!values.is_empty()).then_some(values));
    }

    /// The body, with the request's extra fields over all others but those that a budget relies on.
    ///
    /// # Errors
    /// `InvalidRequest` that points at such a field.
    pub(crate) fn finish(mut self, request: &ChatRequest) -> Result<Value, Error> {
        request.check_extras()?;
        self.0.extend(request.extras().clone());
        Ok(Value::Object(self.0))
    }
}

/// An object of the fields that have a value.
pub(crate) fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// The parts of the message at `at`, each as `write` writes it, or refused by its place with `write`'s reason. An empty
/// text is no part.
pub(crate) fn parts(
    message: &Message,
    at: usize,
    write: impl Fn(&ContentPart) -> Result<Value, &'static str>,
) -> Result<Vec<Value>, Error> {
    let said = message.parts().iter().enumerate().filter(|(_, part)| part.as_text() != Some(""));
    said.map(|(n, part)| write(part).map_err(|why| Error::invalid(format!("/messages/{at}/parts/{n}"), why))).collect()
}

/// Refuses what a wire has no field for.
pub(crate) fn refuse(pointer: &str, set: bool, why: &str) -> Result<(), Error> {
    if set { Err(Error::invalid(pointer, why)) } else { Ok(()) }
}
