//! What is Anthropic's alone: its headers, its versions, its limits.

use std::time::Duration;

use orch_core::{CallContext, Class, ErrorKind, LimitHint, Part};
use orch_providers::{Anthropic, AnthropicBuilder, ApiVersion, ChatRequest, ProviderService};
use orch_testkit::FaultServer;
use orch_testkit::fault_server::{Answer, At, Failure};
use serde_json::json;
use tower::ServiceExt;

use crate::server::{Server, answer};
use crate::{hello, watched};

fn builder(url: String) -> AnthropicBuilder {
    Anthropic::builder().base_url(url).model("tiny")
}

fn message() -> String {
    let body = json!({ "id": "msg_1", "type": "message", "model": "tiny-1", "stop_reason": "end_turn",
        "content": [{ "type": "text", "text": "Paris." }], "usage": { "input_tokens": 11, "output_tokens": 7 } });
    answer("200 OK", "content-type: application/json\r\nrequest-id: req_7\r\n", &body.to_string())
}

/// The head of the request of one call.
async fn head(configure: impl FnOnce(AnthropicBuilder) -> AnthropicBuilder) -> String {
    let server = Server::answering(message()).await;
    let model = configure(builder(server.url())).build().unwrap();
    ProviderService::new(model).oneshot(hello()).await.unwrap();
    server.requests().remove(0).head
}

#[tokio::test]
async fn each_version_sends_its_name_and_the_key_in_its_own_header() {
    let newer = head(|builder| builder.api_key("sk-1")).await;
    assert!(newer.starts_with("post /v1/messages http/1.1"), "{newer}");
    assert!(newer.contains("\r\nanthropic-version: 2026-10-21"), "{newer}");
    assert!(newer.contains("\r\nauthorization: bearer sk-1") && !newer.contains("x-api-key"), "{newer}");
    let older = head(|builder| builder.api_version(ApiVersion::V2023_06_01).api_key("sk-1")).await;
    assert!(older.contains("\r\nanthropic-version: 2023-06-01"), "{older}");
    assert!(older.contains("\r\nx-api-key: sk-1") && !older.contains("authorization"), "{older}");
}

#[tokio::test]
async fn the_header_of_the_key_can_be_chosen_and_is_one_alone() {
    let chosen = head(|builder| builder.api_key("sk-1").api_key_header("x-api-key")).await;
    assert!(chosen.contains("\r\nx-api-key: sk-1") && !chosen.contains("authorization"), "{chosen}");
    let older = |builder: AnthropicBuilder| builder.api_version(ApiVersion::V2023_06_01).api_key("sk-1");
    let chosen = head(|builder| older(builder).api_key_header("authorization")).await;
    assert!(chosen.contains("\r\nauthorization: bearer sk-1") && !chosen.contains("x-api-key"), "{chosen}");
}

#[test]
fn anthropic_needs_a_key_and_other_servers_of_its_wire_do_not() {
    let error = Anthropic::builder().model("m").build().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::InvalidRequest { pointer, .. } if &**pointer == "/api_key"), "{error}");
    assert_eq!(Anthropic::builder().model("m").api_key("k").build().unwrap().info().name(), "anthropic");
    let other = builder("http://127.0.0.1:1".to_owned()).build().unwrap();
    assert_eq!((other.info().name(), other.info().target().as_str()), ("anthropic-compatible", "127.0.0.1:1"));
    let endpoint = builder("http://127.0.0.1:1/v1/messages".to_owned()).build().unwrap_err();
    assert!(endpoint.to_string().contains("leave out `/messages`"), "{endpoint}");
}

#[tokio::test]
async fn a_plain_call_gives_the_id_in_the_header() {
    let server = Server::answering(message()).await;
    let response = ProviderService::new(builder(server.url()).build().unwrap()).oneshot(hello()).await.unwrap();
    assert_eq!((response.text.as_str(), response.request_id.as_deref()), ("Paris.", Some("req_7")));
    assert_eq!(response.model.as_deref(), Some("tiny-1"));
}

#[tokio::test]
async fn limits_come_with_the_answer() {
    let limits =
        "anthropic-ratelimit-requests-remaining: 5\r\nanthropic-ratelimit-requests-reset: 2001-01-01T00:00:00Z\r\n";
    let server = Server::answering(message().replacen("\r\n", &format!("\r\n{limits}"), 1)).await;
    let response = ProviderService::new(builder(server.url()).build().unwrap()).oneshot(hello()).await.unwrap();
    let passed = LimitHint::new().requests_left(5).reset_in(Duration::ZERO);
    assert_eq!(response.limits, Some(passed));
}

#[tokio::test]
async fn what_this_version_refuses_is_not_sent() {
    let server = Server::playing([]).await;
    let model = ProviderService::new(builder(server.url()).build().unwrap());
    for request in [hello().with_temperature(1.0), hello().with_top_p(1.0), hello().with_seed(7)] {
        let error = model.clone().oneshot(request).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::InvalidRequest { .. }), "{error}");
        assert!(error.not_executed());
    }
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn a_replicate_with_a_seed_is_asked_without_it() {
    let server = Server::answering(message()).await;
    let request = hello().with_context(CallContext::new().child(Part::Replicate(1, 7)));
    ProviderService::new(builder(server.url()).build().unwrap()).oneshot(request).await.unwrap();
    assert_eq!(server.requests().remove(0).body.get("seed"), None);
}

#[test]
fn the_estimate_knows_the_bound_of_every_answer() {
    let model = builder("http://127.0.0.1:1".to_owned()).default_max_tokens(100).price(1.0, 1.0).build().unwrap();
    assert_eq!(model.estimate(&ChatRequest::user("hi")).output_tokens, Some(100));
    assert_eq!(model.estimate(&ChatRequest::user("hi").with_max_tokens(9)).output_tokens, Some(9));
    assert!(model.estimate(&ChatRequest::user("hi")).cost.is_some());
}

#[tokio::test]
async fn a_ping_is_a_sign_of_life_and_no_first_chunk() {
    let server = FaultServer::script([Answer::text("one").heartbeats(1).stall(At::Events(0))]);
    let (request, context) = watched();
    let progress = context.progress().clone();
    let call = tokio::spawn(ProviderService::new(builder(server.url()).build().unwrap()).oneshot(request));
    while progress.last_at().is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!((progress.first_at(), progress.committed()), (None, false));
    call.abort();
}

#[tokio::test]
async fn overloaded_is_the_same_by_status_and_inside_an_answer() {
    let server = FaultServer::script([Answer::from(Failure::new(529)), Answer::reported(Failure::new(529))]);
    let model = ProviderService::new(builder(server.url()).build().unwrap());
    for not_executed in [true, false] {
        let error = model.clone().oneshot(hello()).await.unwrap_err();
        assert_eq!((error.class(), error.not_executed()), (Class::Transient, not_executed), "{error}");
    }
}
