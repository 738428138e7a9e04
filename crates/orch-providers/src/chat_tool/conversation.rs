//! One call of the tool: the model is asked until it has answered, with its tools called in between and one repair.

use std::sync::Arc;

use orch_core::{Class, Effect, Error, Event, HasContext, Output, Part, Request, Usage};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::account::Account;
use super::answer;
use super::tool::ChatTool;
use super::toolbox::Toolbox;
use crate::chat::{ChatRequest, ChatResponse, FinishReason, Message, ToolCall, broken};
use crate::service::ChatFuture;

pub(super) struct Conversation<'a> {
    tool: &'a ChatTool,
    chat: ChatRequest,
    /// By all calls that have ended, of the model and of its tools.
    used: Usage,
    rounds: u32,
    /// The calls of tools, as facts.
    steps: Vec<Value>,
    /// What the tools that were called do; `None` before the first.
    effect: Option<Effect>,
    /// Why the first answer was of no use.
    repair: Option<String>,
    /// What the model said last.
    said: String,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(tool: &'a ChatTool, chat: ChatRequest) -> Self {
        let (used, steps) = (Usage::new(), Vec::new());
        Self { tool, chat, used, rounds: 0, steps, effect: None, repair: None, said: String::new() }
    }

    pub(super) async fn run(mut self) -> Result<Output, Error> {
        match self.answer().await {
            Ok(output) => Ok(self.described(output)),
            Err(error) => Err(self.failed(error)),
        }
    }

    async fn answer(&mut self) -> Result<Output, Error> {
        loop {
            let response = self.ask().await?;
            let calls = !response.tool_calls.is_empty() && !is_cut(&response);
            if let Some(toolbox) = self.tool.toolbox.as_ref().filter(|_| calls) {
                self.call_tools(toolbox, response).await?;
                continue;
            }
            let whole = response.finish != Some(FinishReason::Length);
            match answer::output(response, &self.tool.format, self.tool.schema.as_ref(), self.tool.provider.info()) {
                Err(error) if whole && self.may_repair(&error) => self.ask_for_repair(&error),
                result => return result,
            }
        }
    }

    /// One call of the model.
    async fn ask(&mut self) -> Result<ChatResponse, Error> {
        let provider = &self.tool.provider;
        let account = Account::open(self.chat.context(), &provider.estimate(&self.chat))?;
        let result = ChatFuture::start(provider, self.chat.clone()).await;
        self.used += &account.close(&result);
        self.chat.context().progress().set_usage(self.used.clone());
        let response = result?;
        self.said.clone_from(&response.text);
        Ok(response)
    }

    /// A refusal is a decision, and an answer that was cut would be cut again.
    fn may_repair(&self, error: &Error) -> bool {
        self.tool.repair && self.repair.is_none() && error.class() == Class::BadOutput
    }

    fn ask_for_repair(&mut self, error: &Error) {
        let again = format!("{error}. Answer again, with JSON that fits the schema and nothing else.");
        self.repair = Some(error.to_string());
        let said = (!self.said.is_empty()).then(|| Message::assistant(self.said.as_str()));
        self.say(said.into_iter().chain([Message::user(again)]));
    }

    fn say(&mut self, messages: impl IntoIterator<Item = Message>) {
        self.chat = messages.into_iter().fold(self.chat.clone(), ChatRequest::with_message);
    }

    /// All calls of one answer, one after the other; none if they are too many.
    async fn call_tools(&mut self, toolbox: &Toolbox, response: ChatResponse) -> Result<(), Error> {
        self.rounds += 1;
        self.tool.tool_limits.check(self.rounds, self.steps.len() + response.tool_calls.len())?;
        // From here on a repeat would call the tools again.
        self.chat.context().progress().commit();
        let calls = with_ids(response.tool_calls, self.steps.len());
        let mut said = vec![Message::assistant(response.text).with_tool_calls(calls.clone())];
        for call in calls {
            let text = self.call_tool(toolbox, &call).await?;
            said.push(Message::tool(call.id, text));
        }
        self.say(said);
        Ok(())
    }

    /// What the model is told of a call: the tool's answer, or why there is none. Only what ends the whole run ends
    /// the conversation.
    async fn call_tool(&mut self, toolbox: &Toolbox, call: &ToolCall) -> Result<String, Error> {
        let result = self.try_tool(toolbox, call).await;
        let mut step = json!({ "tool": call.name, "arguments": call.arguments });
        let told = match result {
            Ok(output) => Ok(text(&output)?),
            Err(error) => {
                step["error"] = error.to_string().into();
                if ends_the_run(error.class()) {
                    Err(error)
                } else {
                    Ok(json!({ "error": error.to_string() }).to_string())
                }
            }
        };
        self.steps.push(step);
        told
    }

    async fn try_tool(&mut self, toolbox: &Toolbox, call: &ToolCall) -> Result<Output, Error> {
        let tool = toolbox.find(&call.name)?;
        let (spec, number) = (tool.spec().clone(), u32::try_from(self.steps.len() + 1).unwrap_or(u32::MAX));
        let mut request = Request::new(arguments(call)?).with_context(self.chat.context().child(Part::Step(number)));
        let estimate = tool.estimate(&request)?;
        request.context_mut().enter(&spec, estimate);
        request.context().emit(|| Event::ToolStarted { tool: spec.name().into(), version: spec.version().into() });
        self.effect = self.effect.max(Some(spec.effect()));
        let result = tool.oneshot(request).await;
        let output = match &result {
            Ok(output) => Some(output).filter(|output| !output.replayed()),
            Err(error) => error.output(),
        };
        if let Some(output) = output {
            self.used += output.usage();
            self.chat.context().progress().set_usage(self.used.clone());
        }
        result
    }

    /// The whole use, and how the answer came about.
    fn described(&self, output: Output) -> Output {
        let mut output = output.with_usage(self.used.clone());
        if !self.steps.is_empty() {
            output = output.with_metadata("tool_steps", self.steps.clone());
        }
        match &self.repair {
            Some(reason) => output.with_metadata("repaired", reason.as_str()),
            None => output,
        }
    }

    /// The error of a conversation with the work so far inside. Once tools were called, no error may look as if
    /// nothing had happened.
    fn failed(&self, error: Error) -> Error {
        if self.rounds == 0 && self.repair.is_none() {
            return error;
        }
        let error = match self.effect {
            // Nothing was done that a repetition would do twice: the error stays what it is.
            None | Some(Effect::Pure) if error.class() == Class::BudgetExceeded => error,
            Some(_) if hides_what_happened(error.class()) || error.not_executed() => broken(error),
            _ => error,
        };
        let output = error.output().cloned().unwrap_or_else(|| Output::from(self.said.as_str()));
        error.with_output(self.described(output))
    }
}

/// Whether the answer is not all that the model would have said: its calls may be cut, too, or not meant any more.
fn is_cut(response: &ChatResponse) -> bool {
    response.refusal.is_some() || matches!(response.finish, Some(FinishReason::Length | FinishReason::ContentFilter))
}

/// Some servers give no ids, or the same to several calls: an answer must name one.
fn with_ids(calls: Vec<ToolCall>, before: usize) -> Vec<ToolCall> {
    let mut seen = std::collections::HashSet::new();
    let number = |(place, call): (usize, ToolCall)| {
        let known = !call.id.is_empty() && seen.insert(call.id.clone());
        if known { call } else { ToolCall { id: format!("call-{}", before + place + 1), ..call } }
    };
    calls.into_iter().enumerate().map(number).collect()
}

fn arguments(call: &ToolCall) -> Result<Arc<Value>, Error> {
    if call.arguments.trim().is_empty() {
        return Ok(Arc::new(json!({})));
    }
    let read = serde_json::from_str(&call.arguments);
    read.map(Arc::new).map_err(|error| Error::invalid("", format!("the arguments are not JSON: {error}")))
}

fn text(output: &Output) -> Result<String, Error> {
    Ok(match output.content().as_text() {
        Some(text) => text.to_owned(),
        None => output.content().to_json()?.to_string(),
    })
}

fn ends_the_run(class: Class) -> bool {
    matches!(class, Class::BudgetExceeded | Class::DeadlineExceeded | Class::Cancelled)
}

/// Whether the layers take an error of this class as a proof that nothing was done.
fn hides_what_happened(class: Class) -> bool {
    !matches!(
        class,
        Class::StreamBroken | Class::BadOutput | Class::Cancelled | Class::DeadlineExceeded | Class::Panicked
    )
}

#[cfg(test)]
mod tests;
