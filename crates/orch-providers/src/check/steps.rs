//! The steps, each with what it asks and what it expects.

use std::sync::Arc;

use orch_core::{Class, Event, EventStream, HasContext};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::heard::{Heard, listened};
use super::{CheckStep, Finding, ProviderCheck};
use crate::chat::{ChatRequest, Message, ToolCall, ToolChoice, ToolDefinition};
use crate::service::ProviderService;

const HELLO: &str = "Say hello in one short sentence.";
const TOOL: &str = "get_weather";
const MAX_TOKENS: u64 = 256;

impl ProviderCheck {
    pub(super) async fn take(&self, step: CheckStep) -> Finding {
        let found = match step {
            CheckStep::Plain => self.plain().await,
            CheckStep::Stream => self.stream().await,
            CheckStep::ToolCall => self.tool_call().await,
            CheckStep::JsonSchema => self.json_schema().await,
            CheckStep::WrongKey => return self.wrong_key_is_refused().await,
            CheckStep::Cancel => return self.cancel().await,
        };
        found.map_or_else(Finding::Failed, Finding::Passed)
    }

    async fn call(&self, request: ChatRequest) -> Result<Heard, String> {
        Heard::of(&self.provider, self.adjusted(request)).await
    }

    fn adjusted(&self, request: ChatRequest) -> ChatRequest {
        (self.adjust)(request.with_max_tokens(MAX_TOKENS))
    }

    async fn plain(&self) -> Result<String, String> {
        let heard = self.call(ChatRequest::user(HELLO).with_stream(false)).await?;
        heard.is_an_answer()?;
        Ok(heard.remark())
    }

    async fn stream(&self) -> Result<String, String> {
        let heard = self.call(ChatRequest::user(HELLO)).await?;
        heard.is_an_answer()?;
        Ok(heard.remark())
    }

    /// The tool's answer goes back in a second call.
    async fn tool_call(&self) -> Result<String, String> {
        let asked = Message::user("What is the weather in Oslo now? Call the tool.");
        let request = ChatRequest::new([asked]).with_tool(weather());
        let heard = self.call(request.clone().with_tool_choice(ToolChoice::Required)).await?;
        heard.is_an_answer()?;
        let calls = heard.response.tool_calls.clone();
        if calls.is_empty() {
            return Err("no tool was called although one was required".to_owned());
        }
        let cities = calls.iter().map(city).collect::<Result<Vec<_>, _>>()?;
        let answers: Vec<_> = calls.iter().map(|call| Message::tool(&*call.id, "rain, 7 degrees")).collect();
        let said = Message::assistant(heard.response.text.as_str()).with_tool_calls(calls);
        let request = answers.into_iter().fold(request.with_message(said), ChatRequest::with_message);
        let answer = self.call(request.with_tool_choice(ToolChoice::Auto)).await;
        let answer = answer.map_err(|why| format!("the tool's answer was not taken: {why}"))?;
        answer.is_an_answer()?;
        Ok(format!("{TOOL} for {}; then {}", cities.join(", "), answer.remark()))
    }

    async fn json_schema(&self) -> Result<String, String> {
        let schema = json!({
            "type": "object",
            "properties": { "verdict": { "type": "string", "enum": ["yes", "no"] }, "score": { "type": "integer" } },
            "required": ["verdict", "score"],
            "additionalProperties": false,
        });
        let asked = "Can a ship sail on land? Answer as JSON, with a verdict of yes or no and a score from 0 to 9.";
        let heard = self.call(ChatRequest::user(asked).with_json_schema("vote", schema)).await?;
        heard.is_an_answer()?;
        let text = &heard.response.text;
        let vote: Value = serde_json::from_str(text).map_err(|error| format!("not JSON ({error}): {text}"))?;
        let fits = ["yes", "no"].iter().any(|word| vote["verdict"] == *word)
            && vote["score"].is_i64()
            && vote.as_object().is_some_and(|fields| fields.len() == 2);
        if fits { Ok(text.clone()) } else { Err(format!("JSON, but not of the schema: {text}")) }
    }

    async fn wrong_key_is_refused(&self) -> Finding {
        let Some(provider) = &self.wrong_key else {
            return Finding::Skipped("no key is used, so none can be wrong".to_owned());
        };
        let request = self.adjusted(ChatRequest::user(HELLO));
        match ProviderService::shared(Arc::clone(provider)).oneshot(request).await {
            Err(error) if error.class() == Class::Auth => Finding::Passed(error.to_string()),
            Err(error) => Finding::Failed(format!("refused, but as {}: {error}", error.class())),
            Ok(_) => Finding::Failed("a wrong key was accepted".to_owned()),
        }
    }

    async fn cancel(&self) -> Finding {
        let asked = self.adjusted(ChatRequest::user("Count from 1 to 100, one number a line."));
        let (request, mut events) = listened(asked);
        let progress = request.context().progress().clone();
        let call = ProviderService::shared(Arc::clone(&self.provider)).oneshot(request);
        tokio::select! {
            biased;
            () = first_delta(&mut events) => {}
            answered = call => return match answered {
                Ok(_) => Finding::Skipped("the answer was whole before it could be given up".to_owned()),
                Err(error) => Finding::Failed(format!("{} ({error})", error.class())),
            },
        }
        // The call has been dropped.
        let used = progress.usage().output_tokens;
        if used.is_none() || progress.first_at().is_none() {
            return Finding::Failed("what a call used until it was given up is not known".to_owned());
        }
        match self.call(ChatRequest::user(HELLO)).await {
            Ok(next) => Finding::Passed(format!("after the first piece; the next call: {}", next.remark())),
            Err(why) => Finding::Failed(format!("the call after one that was given up failed: {why}")),
        }
    }
}

async fn first_delta(events: &mut EventStream) {
    while let Some(envelope) = events.next().await {
        if matches!(envelope.event, Event::Delta { .. }) {
            return;
        }
    }
    // Without a delta the call itself says how it ended.
    std::future::pending::<()>().await;
}

fn weather() -> ToolDefinition {
    let schema = json!({
        "type": "object",
        "properties": { "city": { "type": "string" } },
        "required": ["city"],
        "additionalProperties": false,
    });
    ToolDefinition::new(TOOL, schema).with_description("The weather of a city, now.")
}

fn city(call: &ToolCall) -> Result<String, String> {
    if call.name != TOOL {
        return Err(format!("the model called `{}`, which is none of the tools", call.name));
    }
    let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
    let city = arguments["city"].as_str().map(str::to_owned);
    city.ok_or_else(|| format!("the arguments are not of the tool's schema: {}", call.arguments))
}
