use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use orch_core::{BoxTool, Effect, Error, Estimate, HasContext, Output, Request, Schema, Tool, ToolSpec};
use schemars::JsonSchema;
use serde_json::Value;

use super::answer_type::{schema_name, strict_schema};
use super::conversation::Conversation;
use super::options::ChatOptions;
use super::prompt::Prompt;
use super::toolbox::{ToolLimits, Toolbox, with_effect};
use crate::chat::{ChatRequest, Message, ResponseFormat, check_sampling};
use crate::provider::Provider;
use crate::service::refuse_unpriced;

/// A [`Provider`] as a tool: the input becomes a prompt, the answer becomes content.
///
/// ```
/// use orch_core::{IntoTool, Request};
/// use orch_providers::{ChatTool, LocalAnswerer};
/// use serde_json::json;
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), orch_core::Error> {
/// let provider = LocalAnswerer::new("Oslo is the capital of Norway. Bergen is on the coast.")?;
/// let tool = ChatTool::new("ask_guide", provider).prompt("Which place is {{ what }}?")?;
/// let output = tool.into_tool().oneshot(Request::new(json!({ "what": "the capital" }))).await?;
/// assert_eq!(output.content().as_text(), Some("Oslo is the capital of Norway."));
/// # Ok(())
/// # }
/// ```
///
/// Its target is the provider's, so that breakers and limits see all tools of one provider together. It is
/// [`Pure`](orch_core::Effect::Pure): asking again changes nothing but the bill, so it can be replicated and retried.
/// The seed of a replicate goes to the provider, if the provider takes one. Pieces of the answer are
/// [`Delta`](orch_core::Event::Delta) events while it arrives.
///
/// # Options
/// From a request's options it reads only the object `chat`, whose fields go over the tool's own settings:
/// `{"chat": {"temperature": 0.2, "top_p": 0.9, "max_tokens": 200, "model": "m-2", "instruction": "Be brief."}}`. The
/// instruction is added to the rules. So a bundle makes its replicates differ on purpose. Other fields beside `chat` belong
/// to the layers outside, such as a bundle's `k`, and are left to them.
///
/// # Errors
/// `InvalidRequest` for an input without a variable of the prompt, or a wrong field in `chat`; `Unpriced` under a
/// cost budget when the provider has no price for the model; `BadOutput` with the first 200 characters when JSON was
/// asked for and something else came; the provider's own. What had arrived and what it cost is in
/// [`Error::output`].
pub struct ChatTool {
    spec: ToolSpec,
    pub(super) provider: Arc<dyn Provider>,
    system: Option<Arc<str>>,
    prompt: Option<Prompt>,
    settings: ChatOptions,
    pub(super) format: ResponseFormat,
    pub(super) schema: Option<Schema>,
    pub(super) repair: bool,
    pub(super) toolbox: Option<Toolbox>,
    pub(super) tool_limits: ToolLimits,
    stream: bool,
}

impl ChatTool {
    /// A tool of this name over a provider.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, provider: impl Provider) -> Self {
        Self::shared(name, Arc::new(provider))
    }

    /// A tool of this name over a provider that others use too.
    #[must_use]
    pub fn shared(name: impl Into<Arc<str>>, provider: Arc<dyn Provider>) -> Self {
        let spec = ToolSpec::pure(name).with_target(provider.info().target().clone());
        Self {
            spec,
            provider,
            system: None,
            prompt: None,
            settings: ChatOptions::default(),
            format: ResponseFormat::Text,
            schema: None,
            repair: false,
            toolbox: None,
            tool_limits: ToolLimits::default(),
            stream: true,
        }
    }

    /// Sets the version; default `0.1.0`.
    #[must_use]
    pub fn version(self, version: impl Into<Arc<str>>) -> Self {
        Self { spec: self.spec.with_version(version), ..self }
    }

    /// Sets what the tool does, for people and planners.
    #[must_use]
    pub fn description(self, description: impl Into<Arc<str>>) -> Self {
        Self { spec: self.spec.with_description(description), ..self }
    }

    /// Sets the JSON Schema of the input, for whoever plans calls. It is not checked here.
    #[must_use]
    pub fn input_schema(self, schema: impl Into<Value>) -> Self {
        Self { spec: self.spec.with_input_schema(schema), ..self }
    }

    /// Sets what another call would do to the world; default [`Pure`](orch_core::Effect::Pure). Say so where the model's
    /// server acts on what it is asked. Call it after [`tools`](Self::tools), whose strictest effect it does not lower.
    #[must_use]
    pub fn effect(self, effect: Effect) -> Self {
        let effect = effect.max(self.toolbox.as_ref().map_or(Effect::Pure, Toolbox::effect));
        Self { spec: with_effect(&self.spec, effect), ..self }
    }

    /// Whether every setting can be kept; each call asks this too.
    ///
    /// # Errors
    /// `InvalidRequest` that points at `/temperature`, `/top_p` or `/max_tokens`, with the value.
    pub fn check(&self) -> Result<(), Error> {
        let ChatOptions { temperature, top_p, max_tokens, .. } = &self.settings;
        check_sampling("", *temperature, *top_p, *max_tokens)
    }

    /// Sets the model; default: the provider's own.
    #[must_use]
    pub fn model(mut self, model: impl Into<Arc<str>>) -> Self {
        self.settings.model = Some(model.into());
        self
    }

    /// Sets the rules for the model, sent before the prompt as they are.
    #[must_use]
    pub fn system(self, text: impl Into<Arc<str>>) -> Self {
        Self { system: Some(text.into()), ..self }
    }

    /// Sets the prompt: a Jinja template over the fields of the input, or over `input` when that is not an object.
    /// A call whose input lacks a variable is refused. Default: the input itself, which must be a string.
    ///
    /// # Errors
    /// `InvalidRequest` at `/prompt` when the template cannot be parsed.
    pub fn prompt(self, template: impl Into<String>) -> Result<Self, Error> {
        Ok(Self { prompt: Some(Prompt::new(template.into())?), ..self })
    }

    /// Asks for JSON that fits a schema: the provider is asked to guarantee the fit, the answer is parsed, and the
    /// content is its value. Whether it fits is not checked again here; see
    /// [`checked_json_schema`](Self::checked_json_schema).
    #[must_use]
    pub fn json_schema(self, name: impl Into<Arc<str>>, schema: impl Into<Value>) -> Self {
        let format = ResponseFormat::JsonSchema { name: name.into(), schema: Arc::new(schema.into()), strict: true };
        Self { format, schema: None, ..self }
    }

    /// Asks for JSON that fits a type: [`json_schema`](Self::json_schema) with the type's name and schema. Where the
    /// provider's guarantee allows it, that is for structures without maps, tuples and fields of any JSON, the schema is
    /// written in its strict form: all fields are required and no others are allowed; an `Option` may be `null`.
    ///
    /// ```
    /// use orch_providers::{ChatTool, LocalAnswerer};
    /// use schemars::JsonSchema;
    ///
    /// #[derive(JsonSchema)]
    /// struct Invoice { total: f64, remark: Option<String> }
    ///
    /// # fn main() -> Result<(), orch_core::Error> {
    /// # let provider = LocalAnswerer::new("Oslo is the capital of Norway.")?;
    /// let read_invoice = ChatTool::new("read_invoice", provider).answers::<Invoice>();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn answers<T: JsonSchema>(self) -> Self {
        let (schema, strict) = strict_schema::<T>();
        let format = ResponseFormat::JsonSchema { name: schema_name::<T>().into(), schema: Arc::new(schema), strict };
        Self { format, schema: None, ..self }
    }

    /// As [`json_schema`](Self::json_schema), and checks that each answer fits: one that does not is `BadOutput`
    /// that points at the first misfit. Needs the feature `jsonschema`.
    ///
    /// # Errors
    /// `InvalidRequest` at `/schema` when it is no JSON Schema, refers to one elsewhere (nothing is fetched), or
    /// this build has not the feature.
    pub fn checked_json_schema(self, name: impl Into<Arc<str>>, schema: impl Into<Value>) -> Result<Self, Error> {
        let schema = schema.into();
        let checked = Schema::new(&schema)?;
        Ok(Self { schema: Some(checked), ..self.json_schema(name, schema) })
    }

    /// Whether an answer that is not the JSON asked for is repaired: the model is told what is wrong with it and asked
    /// once more. Default `false`.
    ///
    /// The usage is that of both calls, and the output's metadata say so: `repaired` is what was wrong with the first
    /// answer. Listeners get the pieces of both. A refusal is not repaired, nor an answer that was cut at its most
    /// tokens.
    #[must_use]
    pub fn repair(self, repair: bool) -> Self {
        Self { repair, ..self }
    }

    /// Lets the model call tools, these and no others, until it answers without a call.
    ///
    /// Their calls run one after the other, each through the tool's own layers, as a step of the run: with an account,
    /// an idempotency key and events of its own. The model is told what a tool answered, or why it failed; only what
    /// ends the whole run, a budget or the deadline, ends the conversation. The output's metadata `tool_steps` has every
    /// call. The tool's effect becomes the strictest of theirs: with a tool that must not run twice it is neither
    /// replicated nor repeated.
    ///
    /// # Errors
    /// `InvalidRequest` that points at a tool whose name is taken already, or that no model takes: 1 to 64 letters,
    /// digits, `_` and `-`.
    pub fn tools(self, tools: impl IntoIterator<Item = BoxTool>) -> Result<Self, Error> {
        let toolbox = Toolbox::new(tools)?;
        let spec = with_effect(&self.spec, toolbox.effect());
        Ok(Self { spec, toolbox: Some(toolbox), ..self })
    }

    /// Sets how many times the model may ask for tools before it answers; default 8. Past it the call is `BadOutput`
    /// with the work so far; 0 allows no call.
    #[must_use]
    pub fn max_rounds(mut self, rounds: u32) -> Self {
        self.tool_limits.rounds = rounds;
        self
    }

    /// Sets how many calls of tools the model may make in all; default 32. When a round would pass it none of its calls
    /// is made, and the call is `BadOutput` with the work so far.
    #[must_use]
    pub fn max_calls(mut self, calls: u32) -> Self {
        self.tool_limits.calls = calls;
        self
    }

    /// Sets the sampling temperature, from 0 up; default: the provider's.
    #[must_use]
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.settings.temperature = Some(temperature);
        self
    }

    /// Sets the probability mass that is sampled from, 0 to 1; default: the provider's.
    #[must_use]
    pub fn top_p(mut self, top_p: f64) -> Self {
        self.settings.top_p = Some(top_p);
        self
    }

    /// Sets the most tokens of an answer, at least 1; default: the provider's. Without it neither the tokens nor the
    /// cost of an answer can be reserved before the call.
    #[must_use]
    pub fn max_tokens(mut self, tokens: u64) -> Self {
        self.settings.max_tokens = Some(tokens);
        self
    }

    /// Sets whether the provider is asked to stream; default `true`. Without it the answer arrives in one piece,
    /// and a call that breaks has no partial answer.
    #[must_use]
    pub fn stream(self, stream: bool) -> Self {
        Self { stream, ..self }
    }

    /// What the provider is asked.
    fn chat_request(&self, request: &Request) -> Result<ChatRequest, Error> {
        let settings = ChatOptions::read(request.options())?.over(&self.settings);
        let system = match (&self.system, &settings.instruction) {
            (Some(rules), Some(instruction)) => Some(Message::system(format!("{rules}\n\n{instruction}"))),
            (one, other) => one.as_ref().or(other.as_ref()).map(|text| Message::system(Arc::clone(text))),
        };
        let question = Message::user(self.question(request)?);
        let mut chat = ChatRequest::new(system.into_iter().chain([question]))
            .with_context(request.context().clone())
            .with_response_format(self.format.clone())
            .with_stream(self.stream);
        for tool in self.toolbox.iter().flat_map(Toolbox::definitions) {
            chat = chat.with_tool(tool);
        }
        if let Some(model) = settings.model {
            chat = chat.with_model(model);
        }
        if let Some(temperature) = settings.temperature {
            chat = chat.with_temperature(temperature);
        }
        if let Some(top_p) = settings.top_p {
            chat = chat.with_top_p(top_p);
        }
        if let Some(tokens) = settings.max_tokens {
            chat = chat.with_max_tokens(tokens);
        }
        Ok(chat)
    }

    fn question(&self, request: &Request) -> Result<String, Error> {
        match (&self.prompt, request.input().as_text()) {
            (Some(prompt), _) => prompt.render(request.input()),
            (None, Some(text)) => Ok(text.to_owned()),
            (None, None) => Err(Error::invalid("", "expected a string: the tool has no prompt template")),
        }
    }
}

#[async_trait]
impl Tool for ChatTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn estimate(&self, request: &Request) -> Result<Estimate, Error> {
        let chat = self.chat_request(request)?;
        refuse_unpriced(&*self.provider, &chat)?;
        Ok(self.provider.estimate(&chat))
    }

    async fn call(self: Arc<Self>, request: Request) -> Result<Output, Error> {
        let chat = self.chat_request(&request)?;
        Conversation::new(&self, chat).run().await
    }
}

impl fmt::Debug for ChatTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatTool")
            .field("spec", &self.spec)
            .field("provider", self.provider.info())
            .field("prompt", &self.prompt)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
