use std::collections::BTreeMap;
use std::sync::Arc;

use orch_core::store::{Fingerprint, HasFingerprint};
use orch_core::{CallContext, Error, HasContext};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Message, Role, ToolChoice, ToolDefinition};

/// What no extra field may replace: the wire and the estimate of a call rely on it, by whichever name.
const RESERVED: [&str; 8] =
    ["model", "messages", "input", "stream", "max_tokens", "max_completion_tokens", "max_output_tokens", "n"];

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

/// How much a model thinks before it answers. What a level means, and which of them it knows, is the model's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ReasoningEffort {
    /// Not at all.
    None,
    /// As little as it can.
    Minimal,
    /// Little.
    Low,
    /// Somewhat.
    Medium,
    /// Much.
    High,
    /// Very much.
    XHigh,
    /// As much as it can.
    Max,
}

impl ReasoningEffort {
    /// The word for it, the same on all wires that know it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::XHigh => "xhigh",
            Self::Max => "max",
        }
    }
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
    tools: Vec<ToolDefinition>,
    tool_choice: ToolChoice,
    reasoning_effort: Option<ReasoningEffort>,
    user: Option<Arc<str>>,
    metadata: BTreeMap<String, String>,
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
            tools: Vec::new(),
            tool_choice: ToolChoice::Auto,
            reasoning_effort: None,
            user: None,
            metadata: BTreeMap::new(),
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

    /// Adds a tool that the model may call.
    pub fn with_tool(self, tool: ToolDefinition) -> Self {
        self.edit(|body| body.tools.push(tool))
    }

    /// Sets whether the model must call a tool; default [`ToolChoice::Auto`].
    pub fn with_tool_choice(self, choice: ToolChoice) -> Self {
        self.edit(|body| body.tool_choice = choice)
    }

    /// Sets how much the model thinks before it answers. Default: the provider's.
    pub fn with_reasoning_effort(self, effort: ReasoningEffort) -> Self {
        self.edit(|body| body.reasoning_effort = Some(effort))
    }

    /// Says for whom the provider answers: an id that tells one end user from another and nothing about them.
    pub fn with_user(self, id: impl Into<Arc<str>>) -> Self {
        self.edit(|body| body.user = Some(id.into()))
    }

    /// Adds a note that the provider keeps with the call, where it keeps any.
    pub fn with_metadata(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.edit(|body| {
            body.metadata.insert(name.into(), value.into());
        })
    }

    /// Whether the provider is asked to stream; default `true`. The answer is the same either way: without
    /// streaming it arrives in one piece, and a call that breaks has no partial answer.
    pub fn with_stream(self, stream: bool) -> Self {
        self.edit(|body| body.stream = stream)
    }

    /// Adds a field that goes to the provider as it is, over ours of that name; [`check`](Self::check) refuses a few.
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

    /// The request's own seed, without that of the context.
    #[must_use]
    pub fn own_seed(&self) -> Option<u64> {
        self.body.seed
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

    /// The tools that the model may call.
    pub fn tools(&self) -> &[ToolDefinition] {
        &self.body.tools
    }

    /// Whether the model must call a tool.
    #[must_use]
    pub fn tool_choice(&self) -> &ToolChoice {
        &self.body.tool_choice
    }

    /// How much the model thinks before it answers.
    #[must_use]
    pub fn reasoning_effort(&self) -> Option<ReasoningEffort> {
        self.body.reasoning_effort
    }

    /// For whom the provider answers.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        self.body.user.as_deref()
    }

    /// The notes that the provider keeps with the call.
    #[must_use]
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.body.metadata
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
    /// `InvalidRequest` that points at the field which is empty or out of its range, or at `/extras/NAME` for an extra
    /// field `model`, `messages`, `input`, `stream`, `max_tokens`, `max_completion_tokens`, `max_output_tokens` or `n`.
    pub fn check(&self) -> Result<(), Error> {
        let body = &self.body;
        if body.messages.is_empty() {
            return Err(Error::invalid("/messages", "a chat request needs at least one message"));
        }
        match &body.tool_choice {
            ToolChoice::Required if body.tools.is_empty() => {
                return Err(Error::invalid("/tool_choice", "a call is required, but there is no tool to call"));
            }
            ToolChoice::Tool(name) if body.tools.iter().all(|tool| tool.name() != &**name) => {
                return Err(Error::invalid("/tool_choice", format!("`{name}` is none of the request's tools")));
            }
            _ => {}
        }
        self.check_extras()?;
        check_sampling("", body.temperature, body.top_p, body.max_tokens)
    }

    /// Whether the extra fields leave alone what a budget relies on.
    pub(crate) fn check_extras(&self) -> Result<(), Error> {
        match RESERVED.iter().find(|name| self.body.extras.contains_key(**name)) {
            Some(name) => Err(Error::invalid(format!("/extras/{name}"), "has a setter, or is not supported")),
            None => Ok(()),
        }
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
    use crate::chat::ContentPart;

    #[test]
    fn what_no_provider_could_answer_is_refused_by_name() {
        let wrong = [
            (ChatRequest::new([]), "`/messages`"),
            (ChatRequest::user("?").with_temperature(f64::NAN), "`/temperature`"),
            (ChatRequest::user("?").with_top_p(-0.1), "`/top_p`"),
            (ChatRequest::user("?").with_max_tokens(0), "`/max_tokens`"),
            (ChatRequest::user("?").with_tool_choice(ToolChoice::Required), "`/tool_choice`"),
            (ChatRequest::user("?").with_tool_choice(ToolChoice::Tool("f".into())), "`/tool_choice`"),
        ];
        for (request, pointer) in wrong {
            let error = request.check().unwrap_err().to_string();
            assert!(error.contains(pointer), "{error}");
        }
        ChatRequest::user("?").with_temperature(0.0).with_top_p(1.0).with_max_tokens(1).check().unwrap();
    }

    #[test]
    fn an_extra_field_cannot_replace_what_a_budget_relies_on() {
        for name in RESERVED {
            let error = ChatRequest::user("?").with_max_tokens(5).with_extra(name, 9).check().unwrap_err();
            assert_eq!(error.class(), orch_core::Class::Permanent);
            assert!(error.to_string().contains(&format!("`/extras/{name}`")), "{error}");
        }
        ChatRequest::user("?").with_extra("priority", 9).check().unwrap();
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
            request.clone().with_tool(ToolDefinition::new("f", json!({}))),
            request.clone().with_tool_choice(ToolChoice::None),
            request.clone().with_reasoning_effort(ReasoningEffort::Low),
            request.clone().with_user("u"),
            request.clone().with_metadata("k", "v"),
            request.clone().with_message(Message::user("!").with_part(ContentPart::image_url("https://e/x.png"))),
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
