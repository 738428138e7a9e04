//! Against servers that nobody of this project wrote; their addresses come in environment variables.

use std::time::Duration;

use orch_core::{Class, Counted, Error, Source};
use orch_providers::{ChatRequest, ChatResponse, Dialect, FinishReason, OpenAi, ProviderService};
use serde_json::{Value, json};
use tower::ServiceExt;

type Model = ProviderService<OpenAi>;

/// Where a server is, or `None` after saying that the test is skipped.
#[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
pub(crate) fn address(variable: &str) -> Option<String> {
    let address = std::env::var(variable).ok();
    if address.is_none() {
        eprintln!("SKIPPED: {variable} is not set, so nothing was tested against that server");
    }
    address
}

/// A model of the server.
fn model(variable: &str) -> Option<Model> {
    let address = address(variable)?;
    let model = OpenAi::compatible(Dialect::COMPATIBLE).base_url(address).model("tiny-random").free();
    Some(ProviderService::new(model.build().unwrap()))
}

async fn ask(model: &Model, request: ChatRequest) -> Result<ChatResponse, Error> {
    model.clone().oneshot(request).await
}

#[tokio::test]
async fn wire_llama_says_the_same_streamed_and_whole() {
    let Some(model) = model("ORCH_WIRE_LLAMA") else { return };
    let request = ChatRequest::user("hi").with_seed(7).with_max_tokens(24);
    let streamed = ask(&model, request.clone()).await.unwrap();
    let whole = ask(&model, request.with_stream(false)).await.unwrap();
    assert!(!whole.text.is_empty());
    assert_eq!((&streamed.text, &streamed.finish, &streamed.model), (&whole.text, &whole.finish, &whole.model));
    assert_eq!(streamed.usage.input_tokens, whole.usage.input_tokens);
    assert_eq!(streamed.usage.output_tokens, whole.usage.output_tokens);
    assert!(streamed.usage.output_tokens.is_some_and(|tokens| tokens.source == Source::Reported && tokens.value > 0));
}

#[tokio::test]
async fn wire_llama_keeps_to_a_schema() {
    let Some(model) = model("ORCH_WIRE_LLAMA") else { return };
    let schema = json!({ "type": "object", "properties": { "verdict": { "enum": ["yes", "no"] } },
        "required": ["verdict"], "additionalProperties": false });
    let request = ChatRequest::user("feasible?").with_seed(1).with_max_tokens(64).with_json_schema("vote", schema);
    let answer: Value = serde_json::from_str(&ask(&model, request).await.unwrap().text).unwrap();
    assert!(["yes", "no"].contains(&answer["verdict"].as_str().unwrap()), "{answer}");
}

#[tokio::test]
async fn wire_llama_refuses_an_input_beyond_its_context() {
    let Some(model) = model("ORCH_WIRE_LLAMA") else { return };
    let error = ask(&model, ChatRequest::user("too long ".repeat(2_000))).await.unwrap_err();
    assert_eq!((error.class(), error.context_overflow()), (Class::Permanent, true), "{error}");
}

#[tokio::test]
async fn wire_aimock_answers_streamed_and_whole() {
    let Some(model) = model("ORCH_WIRE_AIMOCK") else { return };
    for stream in [true, false] {
        let answer = ask(&model, ChatRequest::user("the capital of France").with_stream(stream)).await.unwrap();
        assert_eq!(answer.text, "The capital of France is Paris.");
        assert_eq!(answer.usage.output_tokens, Some(Counted::reported(7)));
        assert!(answer.request_id.is_some_and(|id| id.starts_with("req-")), "the header's id");
    }
}

#[tokio::test]
async fn wire_aimock_calls_a_tool() {
    let Some(model) = model("ORCH_WIRE_AIMOCK") else { return };
    for stream in [true, false] {
        let answer = ask(&model, ChatRequest::user("what is the weather").with_stream(stream)).await.unwrap();
        assert_eq!(answer.finish, Some(FinishReason::ToolCalls));
        let calls: Vec<_> = answer.tool_calls.iter().map(|call| (&*call.name, &*call.arguments)).collect();
        assert_eq!(calls, [("get_weather", r#"{"city":"Oslo"}"#)]);
    }
}

#[tokio::test]
async fn wire_aimock_throttles_with_a_wait() {
    let Some(model) = model("ORCH_WIRE_AIMOCK") else { return };
    let error = ask(&model, ChatRequest::user("rate limited")).await.unwrap_err();
    assert_eq!((error.class(), error.retry_after()), (Class::Throttled, Some(Duration::from_secs(3))));
    assert_eq!(error.limits().and_then(|limits| limits.requests_left), Some(0));
    let error = ask(&model, ChatRequest::user("overloaded")).await.unwrap_err();
    assert_eq!((error.class(), error.not_executed()), (Class::Transient, true));
}

#[tokio::test]
async fn wire_aimock_cuts_a_stream_and_the_beginning_is_kept() {
    let Some(model) = model("ORCH_WIRE_AIMOCK") else { return };
    let error = ask(&model, ChatRequest::user("cut off")).await.unwrap_err();
    assert_eq!(error.class(), Class::StreamBroken);
    assert!(error.output().is_some_and(|output| format!("{output:?}").contains("this str")), "{error:?}");
}
