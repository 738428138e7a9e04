//! Against servers that nobody of this project wrote; their addresses come in environment variables.

use std::sync::Arc;
use std::time::Duration;

use orch_core::{Class, Counted, Error, Source};
use orch_providers::{
    Anthropic, ApiVersion, ChatRequest, ChatResponse, Dialect, FinishReason, OpenAi, OpenAiResponses, Provider,
    ProviderService,
};
use serde_json::{Value, json};
use tower::ServiceExt;

type Model = ProviderService<dyn Provider>;

/// Where a server is, or `None` after saying that the test is skipped.
pub(crate) fn address(variable: &str) -> Option<String> {
    let address = std::env::var(variable).ok();
    if address.is_none() {
        orch_testkit::skipped(format_args!("{variable} is not set, so nothing was tested against that server"));
    }
    address
}

/// A model of the server on each of the wires.
fn models(variable: &str) -> Vec<(&'static str, Model)> {
    let Some(url) = address(variable) else { return Vec::new() };
    let chat = OpenAi::compatible(Dialect::COMPATIBLE).base_url(&url).model("tiny-random").free().build().unwrap();
    let responses = OpenAiResponses::builder().base_url(&url).model("tiny-random").free().build().unwrap();
    let messages = Anthropic::builder()
        .api_version(ApiVersion::V2023_06_01)
        .base_url(&url)
        .model("tiny-random")
        .free()
        .build()
        .unwrap();
    let models: [(_, Arc<dyn Provider>); 3] =
        [("chat", Arc::new(chat)), ("responses", Arc::new(responses)), ("messages", Arc::new(messages))];
    models.map(|(wire, model)| (wire, ProviderService::shared(model))).into()
}

async fn ask(model: &Model, request: ChatRequest) -> Result<ChatResponse, Error> {
    model.clone().oneshot(request).await
}

#[tokio::test]
async fn wire_llama_says_the_same_streamed_and_whole() {
    for (wire, model) in models("ORCH_WIRE_LLAMA") {
        let request = ChatRequest::user("hi").with_temperature(0.0).with_max_tokens(24);
        let streamed = ask(&model, request.clone()).await.unwrap();
        let whole = ask(&model, request.with_stream(false)).await.unwrap();
        assert!(!whole.text.is_empty(), "{wire}");
        assert_eq!((&streamed.text, &streamed.finish, &streamed.model), (&whole.text, &whole.finish, &whole.model));
        assert_eq!(streamed.usage.input_tokens, whole.usage.input_tokens, "{wire}");
        assert_eq!(streamed.usage.output_tokens, whole.usage.output_tokens, "{wire}");
        let output = streamed.usage.output_tokens;
        assert!(output.is_some_and(|tokens| tokens.source == Source::Reported && tokens.value > 0), "{wire}");
    }
}

/// On Responses it knows a schema only in the field of Chat Completions, on Messages not at all.
#[tokio::test]
async fn wire_llama_keeps_to_a_schema() {
    let schema = json!({ "type": "object", "properties": { "verdict": { "enum": ["yes", "no"] } },
        "required": ["verdict"], "additionalProperties": false });
    for (wire, model) in models("ORCH_WIRE_LLAMA").into_iter().filter(|(wire, _)| *wire != "messages") {
        let request = ChatRequest::user("feasible?").with_extra("seed", 1).with_max_tokens(64);
        let request = if wire == "chat" {
            request.with_json_schema("vote", schema.clone())
        } else {
            let format = json!({ "type": "json_schema", "json_schema": { "name": "vote", "schema": schema } });
            request.with_extra("response_format", format)
        };
        let text = ask(&model, request).await.unwrap().text;
        let answer: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{wire}: {text}"));
        assert!(["yes", "no"].contains(&answer["verdict"].as_str().unwrap()), "{wire}: {answer}");
    }
}

#[tokio::test]
async fn wire_llama_refuses_an_input_beyond_its_context() {
    for (wire, model) in models("ORCH_WIRE_LLAMA") {
        let error = ask(&model, ChatRequest::user("too long ".repeat(2_000))).await.unwrap_err();
        assert_eq!((error.class(), error.context_overflow()), (Class::Permanent, true), "{wire}: {error}");
    }
}

/// Its output is random, so some of these answers are of incomplete characters alone.
#[tokio::test]
async fn wire_llama_streams_whatever_it_says() {
    for (wire, model) in models("ORCH_WIRE_LLAMA") {
        for seed in 0..12 {
            let request = ChatRequest::user("ß").with_extra("seed", seed).with_temperature(2.0).with_max_tokens(3);
            let answer = ask(&model, request).await.unwrap_or_else(|error| panic!("{wire} {seed}: {error}"));
            assert!(answer.finish.is_some() && answer.usage.input_tokens.is_some(), "{wire} {seed}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn wire_aimock_answers_streamed_and_whole() {
    for (wire, model) in models("ORCH_WIRE_AIMOCK") {
        for stream in [true, false] {
            let answer = ask(&model, ChatRequest::user("the capital of France").with_stream(stream)).await.unwrap();
            assert_eq!(answer.text, "The capital of France is Paris.", "{wire}");
            assert_eq!(answer.usage.output_tokens, Some(Counted::reported(7)), "{wire}");
            assert!(answer.request_id.is_some_and(|id| id.starts_with("req-")), "the header's id: {wire}");
        }
    }
}

#[tokio::test]
async fn wire_aimock_calls_a_tool() {
    for (wire, model) in models("ORCH_WIRE_AIMOCK") {
        for stream in [true, false] {
            let answer = ask(&model, ChatRequest::user("what is the weather").with_stream(stream)).await.unwrap();
            assert_eq!(answer.finish, Some(FinishReason::ToolCalls), "{wire}");
            let calls: Vec<_> = answer.tool_calls.iter().map(|call| (&*call.name, &*call.arguments)).collect();
            assert_eq!(calls, [("get_weather", r#"{"city":"Oslo"}"#)], "{wire}");
        }
    }
}

#[tokio::test]
async fn wire_aimock_throttles_with_a_wait() {
    for (wire, model) in models("ORCH_WIRE_AIMOCK") {
        let error = ask(&model, ChatRequest::user("rate limited")).await.unwrap_err();
        assert_eq!((error.class(), error.retry_after()), (Class::Throttled, Some(Duration::from_secs(3))), "{wire}");
        assert_eq!(error.limits().and_then(|limits| limits.requests_left), Some(0), "{wire}");
        let error = ask(&model, ChatRequest::user("overloaded")).await.unwrap_err();
        assert_eq!((error.class(), error.not_executed()), (Class::Transient, true), "{wire}");
    }
}

#[tokio::test]
async fn wire_aimock_cuts_a_stream_and_the_beginning_is_kept() {
    for (wire, model) in models("ORCH_WIRE_AIMOCK") {
        let error = ask(&model, ChatRequest::user("cut off")).await.unwrap_err();
        let output = error.output().map(|output| format!("{output:?}"));
        assert!(matches!(error.class(), Class::StreamBroken | Class::Transient), "{wire}: {error:?}");
        // Its cut may come before the first piece of the wires that begin with other events.
        let committed = error.class() == Class::StreamBroken;
        assert!(!committed || output.is_some_and(|output| output.contains("this str")), "{wire}: {error:?}");
        assert!(committed || wire != "chat", "{wire}: {error:?}");
    }
}
