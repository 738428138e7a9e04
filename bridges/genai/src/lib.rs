//! The client crate [`genai`] as a [`Provider`]: what it reaches gets retries, limits, budgets and evidence.
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt;
use genai::chat::{self, ChatMessage, ChatOptions, ChatStreamEvent, JsonSpec, MessageContent, StopReason};
use orch_core::{Class, Counted, Error, ErrorKind, ProviderFailure, Usage};
use orch_providers::*;
use tokio::time::Instant;

/// A client, which finds the vendor by the model's name. It carries text, tools and JSON Schema, and always streams.
pub struct Genai(pub genai::Client, pub ProviderInfo);

#[async_trait]
impl Provider for Genai {
    fn info(&self) -> &ProviderInfo {
        &self.1
    }

    async fn chat(self: Arc<Self>, request: ChatRequest, sink: ChatSink) -> Result<ChatResponse, Error> {
        let messages = request.messages().iter().map(message).collect::<Result<_, _>>()?;
        let asked = chat::ChatRequest::new(messages).with_tools(request.tools().iter().map(|tool| {
            let made = chat::Tool::new(tool.name()).with_schema(tool.schema().clone());
            made.with_description(tool.description().unwrap_or_default())
        }));
        let (model, options) = (self.1.model_for(&request), options(&request));
        let failed = |error| failure(self.1.name(), &error);
        let emit = |event| sink.event(Instant::now(), event);
        let mut answer = self.0.exec_chat_stream(model, asked, Some(&options)).await.map_err(failed)?;
        emit(ChatEvent::Start { model: Some((*answer.model_iden.model_name).into()), request_id: None });
        while let Some(event) = answer.stream.next().await {
            match event.map_err(failed)? {
                ChatStreamEvent::Chunk(piece) => emit(ChatEvent::Text(piece.content)),
                ChatStreamEvent::ReasoningChunk(piece) => emit(ChatEvent::Reasoning(piece.content)),
                ChatStreamEvent::End(end) => last(end).into_iter().for_each(emit),
                _ => emit(ChatEvent::Heartbeat),
            }
        }
        sink.finish()
    }
}

fn message(said: &Message) -> Result<ChatMessage, Error> {
    let text = said.parts().iter().map(|part| part.as_text()).collect::<Option<String>>();
    let text = text.ok_or_else(|| Error::invalid("/messages", "this bridge carries text alone"))?;
    let calls = said.tool_calls().iter().map(|call| {
        let fn_arguments = serde_json::from_str(&call.arguments).unwrap_or_default();
        chat::ToolCall { call_id: call.id.clone(), fn_name: call.name.clone(), fn_arguments, thought_signatures: None }
    });
    Ok(match said.role() {
        Role::System => ChatMessage::system(text),
        Role::Assistant => ChatMessage::assistant(calls.fold(MessageContent::from(text), MessageContent::append)),
        Role::Tool => chat::ToolResponse::new(said.tool_call_id().unwrap_or_default(), text).into(),
        _ => ChatMessage::user(text),
    })
}

fn options(request: &ChatRequest) -> ChatOptions {
    let mut options = ChatOptions::default().with_capture_usage(true).with_capture_tool_calls(true);
    (options.temperature, options.top_p, options.seed) = (request.temperature(), request.top_p(), request.seed());
    options.max_tokens = request.max_tokens().and_then(|tokens| u32::try_from(tokens).ok());
    options.stop_sequences = request.stop().to_vec();
    if let ResponseFormat::JsonSchema { name, schema, .. } = request.response_format() {
        options.response_format = Some(JsonSpec::new(&**name, (**schema).clone()).into());
    }
    options.tool_choice = match request.tool_choice() {
        ToolChoice::None => Some(chat::ToolChoice::None),
        ToolChoice::Required => Some(chat::ToolChoice::Required),
        ToolChoice::Tool(name) => Some(chat::ToolChoice::tool(&**name)),
        _ => None,
    };
    options
}

/// Why the answer ended, the calls that came in pieces, and what it used. Without a reason it has not ended.
fn last(end: chat::StreamEnd) -> Vec<ChatEvent> {
    let calls = end.captured_tool_calls().unwrap_or_default().into_iter().zip(0..).map(|(call, index)| {
        let piece = ToolCallPiece::new(index, call.fn_arguments.to_string());
        ChatEvent::ToolCall(piece.id(&*call.call_id).name(&*call.fn_name))
    });
    let count = |tokens: Option<i32>| tokens.and_then(|tokens| u64::try_from(tokens).ok()).map(Counted::reported);
    let (mut usage, used) = (Usage::new(), end.captured_usage.clone().unwrap_or_default());
    (usage.input_tokens, usage.output_tokens) = (count(used.prompt_tokens), count(used.completion_tokens));
    let reason = end.captured_stop_reason.as_ref().map(|reason| match reason {
        StopReason::Completed(_) | StopReason::StopSequence(_) => FinishReason::Stop,
        StopReason::MaxTokens(_) => FinishReason::Length,
        StopReason::ToolCall(_) => FinishReason::ToolCalls,
        StopReason::ContentFilter(_) => FinishReason::ContentFilter,
        StopReason::Other(word) => FinishReason::Other(word.as_str().into()),
    });
    calls.chain([ChatEvent::Usage(usage)]).chain(reason.map(|reason| ChatEvent::End { reason })).collect()
}

fn failure(provider: &str, error: &genai::Error) -> Error {
    let status = status(error);
    let class = match status {
        Some(429) => Class::Throttled,
        Some(401 | 403) => Class::Auth,
        Some(402) => Class::Quota,
        Some(400..=499) => Class::Permanent,
        _ => Class::Transient,
    };
    Error::new(ErrorKind::Provider(ProviderFailure::new(provider, error.to_string()).status(status))).with_class(class)
}

fn status(error: &genai::Error) -> Option<u16> {
    match error {
        genai::Error::WebStream { error, .. } => status(error.downcast_ref()?),
        error => Some(error.status()?.as_u16()),
    }
}
