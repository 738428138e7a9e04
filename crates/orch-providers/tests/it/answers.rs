use std::time::Duration;

use orch_core::{CallContext, Class, Counted, ErrorKind, Estimate, LimitHint, Part, Source};
use orch_providers::{
    ApiVersion, ChatCompletions, ChatRequest, Dialect, FinishReason, Messages, OpenAi, Price, PriceBook,
    ProviderService, Responses, ServiceTier, Wire,
};
use serde_json::json;
use tower::ServiceExt;

use crate::server::{Act, Server, answer, event, json as json_answer, stream};
use crate::{ask, hello, model, one_call};

fn paris() -> serde_json::Value {
    json!({
        "id": "c1", "model": "tiny-1",
        "choices": [{ "index": 0, "message": { "content": "Paris." }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 11, "completion_tokens": 0 },
    })
}

#[tokio::test]
async fn a_plain_call_gives_text_model_usage_and_finish() {
    let server = Server::answering(json_answer(&paris())).await;
    let response = one_call(server, hello().with_stream(false)).await.unwrap();
    assert_eq!(response.text, "Paris.");
    assert_eq!(response.model.as_deref(), Some("tiny-1"));
    assert_eq!(response.request_id.as_deref(), Some("c1"));
    assert_eq!(response.finish, Some(FinishReason::Stop));
    assert_eq!(response.usage.input_tokens, Some(Counted::reported(11)));
    assert_eq!(response.usage.output_tokens, Some(Counted::reported(0)));
}

#[tokio::test]
async fn a_streamed_call_gives_the_same_and_the_id_in_the_header() {
    let chunk = |delta, finish| {
        json!({ "id": "c1", "model": "tiny-1",
        "choices": [{ "delta": delta, "finish_reason": finish }] })
    };
    let frames = [
        event(&chunk(json!({ "content": "Par" }), json!(null))),
        event(&chunk(json!({ "content": "is." }), json!("stop"))),
        event(&json!({ "choices": [], "usage": paris()["usage"] })),
        "data: [DONE]\n\n".to_owned(),
    ];
    let streamed = one_call(Server::answering(stream(frames.concat())).await, hello()).await.unwrap();
    let mut plain = one_call(Server::answering(json_answer(&paris())).await, hello().with_stream(false)).await.unwrap();
    plain.request_id = Some("req-7".into());
    assert_eq!(streamed, plain);
}

#[tokio::test]
async fn the_request_is_what_was_asked() {
    let server = Server::answering(json_answer(&paris())).await;
    ask(&server, hello().with_seed(7).with_max_tokens(9)).await.unwrap();
    let request = server.requests().remove(0);
    assert!(request.head.starts_with("post /v1/chat/completions http/1.1"), "{}", request.head);
    assert!(request.head.contains("\r\ncontent-type: application/json"), "{}", request.head);
    assert!(request.head.contains("\r\naccept: text/event-stream"), "{}", request.head);
    assert!(!request.head.contains("authorization"), "{}", request.head);
    assert_eq!(
        request.body,
        json!({
            "model": "tiny", "messages": [{ "role": "user", "content": "hello" }], "seed": 7, "max_tokens": 9,
            "stream": true, "stream_options": { "include_usage": true },
        })
    );
}

#[tokio::test]
async fn the_trace_goes_with_the_request() {
    let server = Server::answering(json_answer(&paris())).await;
    let (request, context) = crate::watched();
    ask(&server, request).await.unwrap();
    let head = server.requests().remove(0).head;
    assert!(head.contains(&format!("traceparent: 00-{}-", context.trace_id())), "{head}");
}

#[tokio::test]
async fn openai_gets_the_id_of_the_call_and_its_own_field_names() {
    let server = Server::answering(json_answer(&paris())).await;
    let model = OpenAi::compatible(Dialect::OPENAI).base_url(server.url()).api_key("k").model("m").build().unwrap();
    let context = CallContext::new().with_request_id("run-1").child(Part::Replicate(2, 7));
    let request = hello().with_max_tokens(9).with_context(context);
    ProviderService::new(model).oneshot(request).await.unwrap();
    let request = server.requests().remove(0);
    assert!(request.head.contains("\r\nx-client-request-id: run-1-r2-a1"), "{}", request.head);
    assert_eq!((&request.body["max_completion_tokens"], &request.body["seed"]), (&json!(9), &json!(7)));
}

#[tokio::test]
async fn what_the_server_sends_counts_and_not_what_was_asked_for() {
    let server = Server::answering(json_answer(&paris())).await;
    assert_eq!(one_call(server, hello()).await.unwrap().text, "Paris.");
    let frame = event(&json!({ "choices": [{ "delta": { "content": "Paris." }, "finish_reason": "stop" }] }));
    let server = Server::answering(stream(frame)).await;
    assert_eq!(one_call(server, hello().with_stream(false)).await.unwrap().text, "Paris.");
}

#[tokio::test]
async fn a_page_instead_of_an_answer_is_unusable_and_shown() {
    let page = answer("200 OK", "content-type: text/html\r\n", &format!("<html>please log in {}", "x".repeat(500)));
    let error = one_call(Server::answering(page).await, hello()).await.unwrap_err();
    assert_eq!(error.class(), Class::BadOutput);
    let ErrorKind::BadOutput { reason, .. } = error.kind() else { panic!("{error:?}") };
    assert!(reason.contains("<html>please log in"), "{reason}");
    assert!(reason.chars().count() < 250, "{reason}");
}

#[tokio::test]
async fn limits_come_with_the_answer() {
    let headers = "x-ratelimit-remaining-requests: 59\r\nx-ratelimit-remaining-tokens: 149984\r\n\
                   x-ratelimit-reset-requests: 1s\r\nx-ratelimit-reset-tokens: 6m0s\r\n";
    let server = Server::answering(answer("200 OK", headers, &paris().to_string())).await;
    let limits = one_call(server, hello().with_stream(false)).await.unwrap().limits;
    let reset_in = Some(Duration::from_secs(360));
    assert_eq!(limits, Some(LimitHint::new().requests_left(59).tokens_left(149_984).reset_in(reset_in)));
}

#[tokio::test]
async fn usage_that_the_server_left_out_is_estimated() {
    let frame = event(&json!({ "choices": [{ "delta": { "content": "Paris." }, "finish_reason": "stop" }] }));
    let usage = one_call(Server::answering(stream(frame)).await, hello()).await.unwrap().usage;
    assert_eq!(usage.output_tokens.map(|tokens| tokens.source), Some(Source::Estimated));
    assert_eq!(usage.cost, None, "no price was given");
}

#[tokio::test]
async fn a_price_gives_the_cost_and_the_providers_own_figure_beats_it() {
    let mut reporting = paris();
    reporting["usage"]["cost"] = json!(0.5);
    let server = Server::playing([&paris(), &reporting].map(|body| vec![Act::send(json_answer(body))])).await;
    let model =
        OpenAi::compatible(Dialect::OPENROUTER).base_url(server.url()).api_key("k").model("tiny").price(1.0, 2.0);
    let model = ProviderService::new(model.build().unwrap());
    let mut costs = Vec::new();
    for _ in 0..2 {
        let usage = model.clone().oneshot(hello().with_stream(false)).await.unwrap().usage;
        costs.push(usage.cost.map(|cost| (cost.value.nanos(), cost.source)));
    }
    assert_eq!(costs, [Some((11_000, Source::Estimated)), Some((500_000_000, Source::Reported))]);
}

#[tokio::test]
async fn the_tier_that_served_the_call_decides_its_price() {
    let mut flexible = paris();
    flexible["service_tier"] = json!("flex");
    let mut usual = paris();
    usual["service_tier"] = json!("default");
    let server = Server::playing([flexible, usual].map(|body| vec![Act::send(json_answer(&body))])).await;
    let price = Price::per_million(1.0, 0.0).unwrap();
    let price = price.in_tier(ServiceTier::Flex, &Price::per_million(0.5, 0.0).unwrap());
    let model = OpenAi::builder().base_url(server.url()).model("tiny").prices(PriceBook::new().with("tiny", price));
    let model = ProviderService::new(model.build().unwrap());
    for nanos in [11 * 500, 11 * 1_000] {
        let usage = model.clone().oneshot(hello().with_stream(false)).await.unwrap().usage;
        assert_eq!(usage.cost.map(|cost| cost.value.nanos()), Some(nanos));
    }
}

#[tokio::test]
async fn a_price_is_for_its_own_model_and_free_is_for_all() {
    let server = Server::playing([]).await;
    let builder = || OpenAi::builder().base_url(server.url()).model("tiny");
    let (unknown, priced, free) =
        (model(&server), builder().price(1.0, 2.0).build().unwrap(), builder().free().build().unwrap());
    let has_price = |model: &OpenAi| (model.price("tiny").is_some(), model.price("other").is_some());
    assert_eq!(
        [has_price(&unknown), has_price(&priced), has_price(&free)],
        [(false, false), (true, false), (true, true)]
    );
    let Estimate { cost, .. } = priced.estimate(&ChatRequest::user("hi").with_max_tokens(1_000_000));
    assert!(cost.is_some_and(|cost| cost.as_dollars() > 2.0), "{cost:?}");
}

#[test]
fn what_is_missing_or_wrong_is_named_when_the_model_is_built() {
    let local = || OpenAi::builder().base_url("http://127.0.0.1:1").model("m");
    for (builder, pointer) in [
        (OpenAi::compatible(Dialect::OPENAI).base_url("http://127.0.0.1:1").model("m"), "/api_key"),
        (local().api_key_env("ORCH_TEST_NO_SUCH_KEY"), "/api_key_env"),
        (OpenAi::builder().base_url("http://127.0.0.1:1"), "/model"),
        (OpenAi::compatible(Dialect::COMPATIBLE).model("m"), "/base_url"),
        (local().base_url("http://models.example.com"), "/base_url"),
        (local().api_key("a\nb"), "/api_key"),
        (local().api_key("k").api_key_header("no header"), "/api_key_header"),
        (local().price(-1.0, 1.0), "/input"),
    ] {
        let error = builder.build().unwrap_err();
        let ErrorKind::InvalidRequest { pointer: found, .. } = error.kind() else { panic!("{error:?}") };
        assert_eq!(&**found, pointer, "{error}");
    }
    assert!(local().base_url("http://models.example.com").allow_insecure_http(true).build().is_ok());
}

#[test]
fn the_target_is_the_dialects_name_at_its_own_address_unless_set() {
    let named = |dialect| OpenAi::compatible(dialect).model("m").build().unwrap();
    assert_eq!(named(Dialect::OLLAMA).info().target().as_str(), "ollama");
    let set = OpenAi::compatible(Dialect::VLLM).model("m").target("gpu-3").build().unwrap();
    assert_eq!((set.info().target().as_str(), set.info().name()), ("gpu-3", "vllm"));
    let elsewhere = OpenAi::builder().base_url("http://localhost:4000").model("m").build().unwrap();
    assert_eq!(elsewhere.info().name(), "openai-compatible");
}

#[test]
fn servers_elsewhere_are_targets_each_by_itself() {
    let at = |dialect, url| OpenAi::compatible(dialect).base_url(url).model("m").build().unwrap();
    let info = |model: OpenAi| (model.info().name().to_owned(), model.info().target().as_str().to_owned());
    let pair = |name: &str, target: &str| (name.to_owned(), target.to_owned());
    let one = at(Dialect::COMPATIBLE, "http://127.0.0.1:4001");
    let other = at(Dialect::COMPATIBLE, "http://127.0.0.1:4002/v1");
    assert_eq!(info(one), pair("openai-compatible", "127.0.0.1:4001"));
    assert_eq!(info(other), pair("openai-compatible", "127.0.0.1:4002"));
    assert_eq!(info(at(Dialect::OLLAMA, "http://127.0.0.1:11434/other")), pair("ollama", "ollama"));
    assert_eq!(info(at(Dialect::OLLAMA, "http://localhost:80")), pair("ollama", "localhost"));
    let by_host = OpenAi::builder().base_url("http://[::1]:4001").model("m").build().unwrap();
    assert_eq!(info(by_host), pair("openai-compatible", "[::1]:4001"));
}

#[test]
fn no_wire_encodes_an_extra_field_that_a_budget_relies_on() {
    fn refused(wire: &impl Wire) {
        for name in ["model", "messages", "input", "stream", "max_tokens", "n"] {
            let error = wire.encode(&hello().with_extra(name, 9), "m").unwrap_err().to_string();
            assert!(error.contains(&format!("`/extras/{name}`")), "{error}");
        }
        assert_eq!(wire.encode(&hello().with_extra("priority", 9), "m").unwrap()["priority"], 9);
    }
    refused(&ChatCompletions::new(Dialect::OPENAI));
    refused(&Responses::new(Dialect::OPENAI));
    refused(&Messages::new(ApiVersion::V2026_10_21));
}
