use std::sync::Arc;

use orch_core::store::{Fingerprint, HasFingerprint};
use orch_core::{CallContext, Error, HasContext};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Message, Role};

/// The form that the answer must have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ResponseFormat {
    /// Free text.
    #[default]
    Text,
    /// JSON that fits a schema.
    JsonSchema {
        /// What the schema is called on the wire.
        name: Arc<str>,
        /// The JSON Schema.
        schema: Arc<Value>,
        /// Whether the provider must guarantee the fit.
        strict: bool,
    },
}

/// A request to a [`Provider`](crate::Provider), with the context of the call.
///
/// Cheap to clone: layers that repeat a call clone it for every attempt.
///
/// ```
/// use orch_providers::{ChatRequest, Message};
///
/// let request = ChatRequest::new([Message::system("Answer in one word."), Message::user("What is the capital of Norway?")])
///     .with_temperature(0.2)
///     .with_max_tokens(16);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ChatRequest {
    body: Arc<Body>,
    context: CallContext,
}

/// Everything but the context.
#[derive(Clone, Debug, Serialize)]
struct Body {
    messages: Vec<Message>,
    model: Option<Arc<str>>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    seed: Option<u64>,
    max_tokens: Option<u64>,
    stop: Vec<String>,
    response_format: ResponseFormat,
    stream: bool,
    extras: Map<String, Value>,
}

impl ChatRequest {
    /// A request of these messages, with a context of its own.
    pub fn new(messages: impl IntoIterator<Item = Message>) -> Self {
        let body = Body {
            messages: messages.into_iter().collect(),
            model: None,
            temperature: None,
            top_p: None,
            seed: None,
            max_tokens: None,
            stop: Vec::new(),
            response_format: ResponseFormat::Text,
            stream: true,
            extras: Map::new(),
        };
        Self { body: Arc::new(body), context: CallContext::new() }
    }

    /// A request of one question.
    pub fn user(text: impl Into<Arc<str>>) -> Self {
        Self::new([Message::user(text)])
    }

    fn edit(mut self, change: impl FnOnce(&mut Body)) -> Self {
        change(Arc::make_mut(&mut self.body));
        self
    }

    /// Adds a message.
    pub fn with_message(self, message: Message) -> Self {
        self.edit(|body| body.messages.push(message))
    }

    /// Asks for another model than the provider's own.
    pub fn with_model(self, model: impl Into<Arc<str>>) -> Self {
        self.edit(|body| body.model = Some(model.into()))
    }

    /// Sets the sampling temperature: zero or more, the provider sets the upper end. Default: the provider's.
    pub fn with_temperature(self, temperature: f64) -> Self {
        self.edit(|body| body.temperature = Some(temperature))
    }

    /// Sets the probability mass that is sampled from, 0 to 1. Default: the provider's.
    pub fn with_top_p(self, top_p: f64) -> Self {
        self.edit(|body| body.top_p = Some(top_p))
    }

    /// Sets the seed of the sampling, for providers that take one. Default: the seed of the context, if it has one.
    pub fn with_seed(self, seed: u64) -> Self {
        self.edit(|body| body.seed = Some(seed))
    }

    /// Sets the most tokens that the answer may have; at least 1. Default: the provider's.
    pub fn with_max_tokens(self, tokens: u64) -> Self {
        self.edit(|body| body.max_tokens = Some(tokens))
    }

    /// Adds a text at which the answer ends.
    pub fn with_stop(self, text: impl Into<String>) -> Self {
        self.edit(|body| body.stop.push(text.into()))
    }

    /// Sets the form of the answer; default [`ResponseFormat::Text`].
    pub fn with_response_format(self, format: ResponseFormat) -> Self {
        self.edit(|body| body.response_format = format)
    }

    /// Asks for JSON that fits a schema, and for the provider's guarantee that it does.
    pub fn with_json_schema(self, name: impl Into<Arc<str>>, schema: impl Into<Value>) -> Self {
        let schema = Arc::new(schema.into());
        self.with_response_format(ResponseFormat::JsonSchema { name: name.into(), schema, strict: true })
    }

    /// Whether the provider is asked to stream; default `true`. The answer is the same either way: without
    /// streaming it arrives in one piece, and a call that breaks has no partial answer.
    pub fn with_stream(self, stream: bool) -> Self {
        self.edit(|body| body.stream = stream)
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

    /// The conversation, oldest first.
    pub fn messages(&self) -> &[Message] {
        &self.body.messages
    }

    /// The text of the last message of the user.
    #[must_use]
    pub fn last_user_text(&self) -> Option<String> {
        self.messages().iter().rev().find(|message| message.role() == Role::User).map(|found| found.text().into_owned())
    }

    /// The model asked for, if it is not the provider's own.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.body.model.as_deref()
    }

    /// The sampling temperature.
    #[must_use]
    pub fn temperature(&self) -> Option<f64> {
        self.body.temperature
    }

    /// The probability mass that is sampled from.
    #[must_use]
    pub fn top_p(&self) -> Option<f64> {
        self.body.top_p
    }

    /// The seed of the sampling: the request's own, else that of the context.
    #[must_use]
    pub fn seed(&self) -> Option<u64> {
        self.body.seed.or_else(|| self.context.seed())
    }

    /// The most tokens that the answer may have.
    #[must_use]
    pub fn max_tokens(&self) -> Option<u64> {
        self.body.max_tokens
    }

    /// The texts at which the answer ends.
    #[must_use]
    pub fn stop(&self) -> &[String] {
        &self.body.stop
    }

    /// The form of the answer.
    #[must_use]
    pub fn response_format(&self) -> &ResponseFormat {
        &self.body.response_format
    }

    /// Whether the provider is asked to stream.
    #[must_use]
    pub fn stream(&self) -> bool {
        self.body.stream
    }

    /// The fields that go to the provider as they are.
    #[must_use]
    pub fn extras(&self) -> &Map<String, Value> {
        &self.body.extras
    }

    /// Whether the request can be sent at all, whoever the provider is.
    ///
    /// # Errors
    /// `InvalidRequest` that points at the field which is empty or out of its range.
    pub fn check(&self) -> Result<(), Error> {
        let body = &self.body;
        if body.messages.is_empty() {
            return Err(Error::invalid("/messages", "a chat request needs at least one message"));
        }
        check_sampling("", body.temperature, body.top_p, body.max_tokens)
    }
}

/// Whether the settings of a sampling, found at `pointer`, are in their ranges.
pub(crate) fn check_sampling(
    pointer: &str,
    temperature: Option<f64>,
    top_p: Option<f64>,
    max_tokens: Option<u64>,
) -> Result<(), Error> {
    let refuse = |field: &str, reason: String| Err(Error::invalid(format!("{pointer}/{field}"), reason));
    if let Some(value) = temperature.filter(|value| !(value.is_finite() && *value >= 0.0)) {
        return refuse("temperature", format!("{value}: a temperature is a finite number from 0 up"));
    }
    if let Some(value) = top_p.filter(|value| !(0.0..=1.0).contains(value)) {
        return refuse("top_p", format!("{value}: a probability mass is a number from 0 to 1"));
    }
    if max_tokens == Some(0) {
        return refuse("max_tokens", "0: an answer needs at least one token".to_owned());
    }
    Ok(())
}

impl HasContext for ChatRequest {
    fn context(&self) -> &CallContext {
        &self.context
    }

    fn context_mut(&mut self) -> &mut CallContext {
        &mut self.context
    }
}

/// What makes two requests the same: everything said and set, the part of the run and its seed.
impl HasFingerprint for ChatRequest {
    fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&json!({
            "chat": self.body,
            "part": self.context.part_path(),
            "seed": self.context.seed(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_provider_could_answer_is_refused_by_name() {
        let wrong = [
            (ChatRequest::new([]), "`/messages`"),
            (ChatRequest::user("?").with_temperature(f64::NAN), "`/temperature`"),
            (ChatRequest::user("?").with_top_p(-0.1), "`/top_p`"),
            (ChatRequest::user("?").with_max_tokens(0), "`/max_tokens`"),
        ];
        for (request, pointer) in wrong {
            let error = request.check().unwrap_err().to_string();
            assert!(error.contains(pointer), "{error}");
        }
        ChatRequest::user("?").with_temperature(0.0).with_top_p(1.0).with_max_tokens(1).check().unwrap();
    }

    #[test]
    fn a_fingerprint_covers_what_is_asked_the_part_and_its_seed_but_not_the_ids() {
        let request = ChatRequest::user("?");
        let same = ChatRequest::user("?");
        assert_ne!(request.context().request_id(), same.context().request_id());
        assert_eq!(request.fingerprint(), same.fingerprint());
        let part = request.context().child(orch_core::Part::Replicate(1, 5));
        let others = [
            request.clone().with_message(Message::user("!")),
            request.clone().with_temperature(0.5),
            request.clone().with_stop("x"),
            request.clone().with_extra("top_k", 3),
            request.clone().with_stream(false),
            request.clone().with_json_schema("s", json!({})),
            request.clone().with_context(part),
        ];
        for other in others {
            assert_ne!(request.fingerprint(), other.fingerprint(), "{other:?}");
        }
    }

    #[test]
    fn the_requests_own_seed_wins_over_that_of_the_context() {
        let request = ChatRequest::user("?").with_context(CallContext::new().with_seed(1));
        assert_eq!(request.seed(), Some(1));
        assert_eq!(request.with_seed(2).seed(), Some(2));
    }
}
