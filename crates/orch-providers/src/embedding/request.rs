use std::sync::Arc;

use orch_core::store::{Fingerprint, HasFingerprint};
use orch_core::{CallContext, Error, HasContext};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Texts to an [`EmbeddingProvider`](crate::EmbeddingProvider), with the context of the call.
///
/// Cheap to clone: layers that repeat a call clone it for every attempt.
///
/// ```
/// use orch_providers::EmbeddingRequest;
///
/// let request = EmbeddingRequest::new(["The ferry leaves at nine.", "Dogs travel free."]).with_dimensions(256);
/// assert_eq!(request.inputs().len(), 2);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct EmbeddingRequest {
    body: Arc<Body>,
    context: CallContext,
}

/// Extra fields that would change what is paid for, or how it is read.
const RESERVED: [&str; 3] = ["model", "input", "encoding_format"];

#[derive(Clone, Debug, Serialize)]
struct Body {
    inputs: Vec<String>,
    model: Option<Arc<str>>,
    dimensions: Option<u32>,
    extras: Map<String, Value>,
}

impl EmbeddingRequest {
    /// A request of these texts, with a context of its own. The vectors come in the same order.
    pub fn new<T: Into<String>>(inputs: impl IntoIterator<Item = T>) -> Self {
        let inputs = inputs.into_iter().map(Into::into).collect();
        let body = Body { inputs, model: None, dimensions: None, extras: Map::new() };
        Self { body: Arc::new(body), context: CallContext::new() }
    }

    fn edit(mut self, change: impl FnOnce(&mut Body)) -> Self {
        change(Arc::make_mut(&mut self.body));
        self
    }

    /// Asks for another model than the provider's own.
    pub fn with_model(self, model: impl Into<Arc<str>>) -> Self {
        self.edit(|body| body.model = Some(model.into()))
    }

    /// Sets how many numbers a vector has, at least 1, for models that can shorten them. Default: the model's own.
    pub fn with_dimensions(self, dimensions: u32) -> Self {
        self.edit(|body| body.dimensions = Some(dimensions))
    }

    /// Adds a field that goes to the provider as it is, over a field of ours of the same name.
    pub fn with_extra(self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.edit(|body| {
            body.extras.insert(name.into(), value.into());
        })
    }

    /// Replaces the context.
    pub fn with_context(mut self, context: CallContext) -> Self {
        self.context = context;
        self
    }

    /// The texts.
    #[must_use]
    pub fn inputs(&self) -> &[String] {
        &self.body.inputs
    }

    /// The model asked for, if it is not the provider's own.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.body.model.as_deref()
    }

    /// How many numbers a vector has, if the request says.
    #[must_use]
    pub fn dimensions(&self) -> Option<u32> {
        self.body.dimensions
    }

    /// The fields that go to the provider as they are.
    #[must_use]
    pub fn extras(&self) -> &Map<String, Value> {
        &self.body.extras
    }

    /// Whether the request can be sent at all, whoever the provider is.
    ///
    /// # Errors
    /// `InvalidRequest` that points at what is empty or zero, or at `/extras/NAME` for an extra field `model`, `input`
    /// or `encoding_format`.
    pub fn check(&self) -> Result<(), Error> {
        let body = &self.body;
        if body.inputs.is_empty() {
            return Err(Error::invalid("/inputs", "an embedding request needs at least one text"));
        }
        if let Some(empty) = body.inputs.iter().position(String::is_empty) {
            return Err(Error::invalid(format!("/inputs/{empty}"), "an empty text has no embedding"));
        }
        if let Some(name) = RESERVED.iter().find(|name| body.extras.contains_key(**name)) {
            return Err(Error::invalid(format!("/extras/{name}"), "has a setter, or is not supported"));
        }
        if body.dimensions == Some(0) {
            return Err(Error::invalid("/dimensions", "0: a vector has at least one number"));
        }
        Ok(())
    }
}

impl HasContext for EmbeddingRequest {
    fn context(&self) -> &CallContext {
        &self.context
    }

    fn context_mut(&mut self) -> &mut CallContext {
        &mut self.context
    }
}

/// What makes two requests the same: texts, model, dimensions, extra fields and the part of the run.
impl HasFingerprint for EmbeddingRequest {
    fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&json!({ "embedding": self.body, "part": self.context.part_path() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_provider_could_embed_is_refused_by_name() {
        let wrong = [
            (EmbeddingRequest::new(Vec::<String>::new()), "`/inputs`"),
            (EmbeddingRequest::new(["a", ""]), "`/inputs/1`"),
            (EmbeddingRequest::new(["a"]).with_dimensions(0), "`/dimensions`"),
            (EmbeddingRequest::new(["a"]).with_extra("input", "b"), "`/extras/input`"),
        ];
        for (request, pointer) in wrong {
            let error = request.check().unwrap_err().to_string();
            assert!(error.contains(pointer), "{error}");
        }
        EmbeddingRequest::new(["a"]).with_dimensions(1).check().unwrap();
    }

    #[test]
    fn a_fingerprint_covers_what_is_asked_but_not_the_ids() {
        let request = EmbeddingRequest::new(["a"]);
        assert_eq!(request.fingerprint(), EmbeddingRequest::new(["a"]).fingerprint());
        let others = [
            EmbeddingRequest::new(["b"]),
            request.clone().with_model("m"),
            request.clone().with_dimensions(3),
            request.clone().with_extra("input_type", "query"),
        ];
        for other in others {
            assert_ne!(request.fingerprint(), other.fingerprint(), "{other:?}");
        }
    }
}
