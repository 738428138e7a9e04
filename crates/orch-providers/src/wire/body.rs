//! What the encoders share.

use std::collections::BTreeMap;

use orch_core::Error;

use super::Json;
use crate::chat::{ChatRequest, ContentPart, Message};

/// The JSON of a request, field by field.
pub(crate) struct Body<'a>(Vec<(&'a str, Json<'a>)>);

impl<'a> Body<'a> {
    /// With the model that the request names, else `model`.
    pub(crate) fn new(request: &'a ChatRequest, model: &'a str) -> Self {
        let mut body = Self(Vec::with_capacity(12));
        body.set("model", Some(request.model().unwrap_or(model)));
        body
    }

    /// Sets a field if there is a value for it.
    pub(crate) fn set(&mut self, name: &'a str, value: Option<impl Into<Json<'a>>>) {
        if let Some(value) = value {
            self.0.push((name, value.into()));
        }
    }

    /// Sets a field to a list or an object unless that is empty.
    pub(crate) fn set_unless_empty(&mut self, name: &'a str, value: Json<'a>) {
        self.set(name, (!value.is_empty()).then_some(value));
    }

    /// The body, with the request's extra fields over all others but those that a budget relies on.
    ///
    /// # Errors
    /// `InvalidRequest` that points at such a field.
    pub(crate) fn finish(mut self, request: &'a ChatRequest) -> Result<Json<'a>, Error> {
        request.check_extras()?;
        let extras = request.extras();
        self.0.retain(|(name, _)| !extras.contains_key(*name));
        self.0.extend(extras.iter().map(|(name, value)| (name.as_str(), Json::Held(value))));
        Ok(Json::Object(self.0))
    }
}

/// Names and their texts.
pub(crate) fn notes(notes: &BTreeMap<String, String>) -> Json<'_> {
    Json::Object(notes.iter().map(|(name, note)| (name.as_str(), note.as_str().into())).collect())
}

/// The parts of the message at `at`, each as `write` writes it, or refused by its place with `write`'s reason. An empty
/// text is no part.
pub(crate) fn parts<'a, T>(
    message: &'a Message,
    at: usize,
    write: impl Fn(&'a ContentPart) -> Result<T, &'static str>,
) -> Result<Vec<T>, Error> {
    let said = message.parts().iter().enumerate().filter(|(_, part)| part.as_text() != Some(""));
    said.map(|(n, part)| write(part).map_err(|why| Error::invalid(format!("/messages/{at}/parts/{n}"), why))).collect()
}

/// Refuses what a wire has no field for.
pub(crate) fn refuse(pointer: &str, set: bool, why: &str) -> Result<(), Error> {
    if set { Err(Error::invalid(pointer, why)) } else { Ok(()) }
}
