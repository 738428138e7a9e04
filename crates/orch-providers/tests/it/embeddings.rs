use orch_core::{
    CallContext, Class, Counted, ErrorKind, IntoTool, Limits, Meter, Output, Request, ToolSpec, Usd, tool_fn,
};
use orch_providers::{
    ChatRequest, EmbeddingProvider, EmbeddingRequest, EmbeddingResponse, EmbeddingService, OpenAi, Provider,
};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::server::{Act, Server, answer, json as json_answer};

fn two() -> EmbeddingRequest {
    EmbeddingRequest::new(["first", "second"])
}

fn vectors() -> Value {
    json!({
        "object": "list", "model": "embed-1",
        "data": [{ "index": 0, "embedding": [0.5, 0.25] }, { "index": 1, "embedding": [1.0, -1.0] }],
        "usage": { "prompt_tokens": 7, "total_tokens": 7 },
    })
}

fn service(server: &Server) -> EmbeddingService<OpenAi> {
    let model = OpenAi::builder().base_url(server.url()).model("embed").price(2.0, 0.0);
    EmbeddingService::new(model.build().unwrap())
}

/// A request whose account is kept on the meter.
fn on(meter: &Meter, request: EmbeddingRequest) -> EmbeddingRequest {
    request.with_context(CallContext::new().with_meter(meter.clone()))
}

#[tokio::test]
async fn texts_become_vectors_and_their_price_is_booked() {
    let server = Server::answering(json_answer(&vectors())).await;
    let meter = Meter::unlimited();
    let response = service(&server).oneshot(on(&meter, two())).await.unwrap();
    assert_eq!(response.vectors, [[0.5, 0.25], [1.0, -1.0]]);
    assert_eq!(response.model.as_deref(), Some("embed-1"));
    assert_eq!(response.usage.input_tokens, Some(Counted::reported(7)));
    assert_eq!(response.usage.cost, Some(Counted::estimated(Usd::from_nanos(14_000))));
    assert_eq!(meter.usage(), response.usage);
    assert_eq!(meter.held().cost, Usd::ZERO);
    let request = server.requests().remove(0);
    assert!(request.head.starts_with("post /v1/embeddings http/1.1"), "{}", request.head);
    assert_eq!(request.body, json!({ "model": "embed", "input": ["first", "second"], "encoding_format": "float" }));
}

#[tokio::test]
async fn inside_a_tool_the_tool_does_not_book_it_again() {
    let server = Server::answering(json_answer(&vectors())).await;
    let embeddings = service(&server);
    let tool = tool_fn(ToolSpec::pure("embed"), move |request: Request| {
        let call = embeddings.clone().oneshot(two().with_context(orch_core::HasContext::context(&request).clone()));
        async move { call.await.map(|response| Output::typed(response.vectors).with_usage(response.usage)) }
    });
    let meter = Meter::unlimited();
    let request = Request::new("go").with_context(CallContext::new().with_meter(meter.clone()));
    let output = tool.into_tool().oneshot(request).await.unwrap();
    assert_eq!(output.usage(), &meter.usage());
    assert_eq!(meter.settled().cost, Usd::from_nanos(14_000));
}

#[tokio::test]
async fn what_the_budget_does_not_allow_is_refused_before_the_server_is_asked() {
    let server = Server::playing([]).await;
    let budget = |nanos| Meter::new(Limits { tokens: None, cost: Some(Usd::from_nanos(nanos)) });
    let error = service(&server).oneshot(on(&budget(5), two())).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::BudgetExceeded { .. }), "{error}");
    let error = service(&server).oneshot(on(&budget(5), two().with_model("other"))).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unpriced { model } if &**model == "other"), "{error}");
    let error = service(&server).oneshot(EmbeddingRequest::new([""])).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::InvalidRequest { .. }), "{error}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn usage_that_the_server_left_out_is_estimated() {
    let mut body = vectors();
    body.as_object_mut().unwrap().remove("usage");
    let server = Server::answering(json_answer(&body)).await;
    let usage = service(&server).oneshot(two()).await.unwrap().usage;
    assert_eq!(usage.input_tokens, Some(Counted::estimated(4)));
    assert_eq!(usage.cost, Some(Counted::estimated(Usd::from_nanos(8_000))));
}

#[tokio::test]
async fn failures_have_the_class_and_the_hints_that_they_have_for_a_chat() {
    let limit = r#"{"error":{"message":"slow down","type":"rate_limit_exceeded"}}"#;
    let throttled = answer("429 Too Many Requests", "retry-after: 3\r\nx-request-id: req-9\r\n", limit);
    let short = json_answer(&json!({ "data": [{ "index": 0, "embedding": [1] }] }));
    let server = Server::playing([throttled, short].map(|bytes| vec![Act::send(bytes)])).await;
    let meter = Meter::unlimited();
    let error = service(&server).oneshot(on(&meter, two())).await.unwrap_err();
    assert_eq!((error.class(), error.retry_after()), (Class::Throttled, Some(std::time::Duration::from_secs(3))));
    assert!(error.to_string().contains("req-9"), "{error}");
    assert!(!meter.has_bookings());
    let error = service(&server).oneshot(two()).await.unwrap_err();
    assert_eq!(error.class(), Class::BadOutput);
}

#[tokio::test]
async fn an_unusable_answer_was_paid_for_and_is_booked() {
    let mut body = vectors();
    body["data"][1]["embedding"] = json!([1e40, 1.0]);
    let server = Server::answering(json_answer(&body)).await;
    let meter = Meter::unlimited();
    let error = service(&server).oneshot(on(&meter, two())).await.unwrap_err();
    assert_eq!(error.class(), Class::BadOutput, "{error}");
    assert_eq!(error.output().unwrap().usage(), &meter.usage());
    assert_eq!(meter.usage().input_tokens, Some(Counted::reported(7)));
    assert_eq!((meter.settled().cost, meter.held().cost), (Usd::from_nanos(14_000), Usd::ZERO));
}

#[tokio::test]
async fn how_large_a_batch_may_be_is_a_setting() {
    let service = |server: &Server, bytes| {
        let model = OpenAi::builder().base_url(server.url()).model("embed").free().max_body(bytes);
        EmbeddingService::new(model.build().unwrap())
    };
    let length = vectors().to_string().len();
    let server = Server::playing([(), ()].map(|()| vec![Act::send(json_answer(&vectors()))])).await;
    let error = service(&server, length - 1).oneshot(two()).await.unwrap_err();
    assert!(error.class() == Class::BadOutput && error.to_string().contains("is longer than"), "{error}");
    assert_eq!(service(&server, length).oneshot(two()).await.unwrap().vectors.len(), 2);
}

/// Both traits are in scope, and no call has to say which one is meant.
#[test]
fn a_model_that_chats_and_embeds_is_asked_without_the_name_of_a_trait() {
    fn embeds(_: &impl EmbeddingProvider) {}
    fn chats(_: &impl Provider) {}
    let model = OpenAi::builder().base_url("http://127.0.0.1:1").model("m").price(1.0, 2.0).build().unwrap();
    embeds(&model);
    chats(&model);
    assert_eq!(model.info().model(), "m");
    assert!(model.price("m").is_some() && model.price("other").is_none());
    assert_eq!(model.estimate(&ChatRequest::user("hi").with_max_tokens(3)).output_tokens, Some(3));
}

/// The server's address, or `None` after saying that the test is skipped.
fn server() -> Option<String> {
    let address = std::env::var("ORCH_WIRE_LLAMA_EMBED").ok();
    if address.is_none() {
        orch_testkit::skipped("ORCH_WIRE_LLAMA_EMBED is not set, so nothing was embedded by that server");
    }
    address
}

/// Against a llama.cpp server that was started to embed, with one vector for each text (`--embedding --pooling mean`).
#[tokio::test]
async fn wire_llama_embeds_texts_of_which_equal_ones_are_equal() {
    let Some(address) = server() else { return };
    let model = OpenAi::builder().base_url(address).model("tiny-random").free().build().unwrap();
    assert_eq!(model.info().model(), "tiny-random");
    let request = EmbeddingRequest::new(["the ferry", "the dog and the ferry", "the ferry"]);
    let EmbeddingResponse { vectors, usage, .. } = EmbeddingService::new(model).oneshot(request).await.unwrap();
    assert_eq!(vectors.len(), 3);
    assert!(vectors[0].len() > 1 && vectors[0].iter().all(|number| number.is_finite()));
    assert_ne!(vectors[0], vectors[1]);
    let distance: f32 = vectors[0].iter().zip(&vectors[2]).map(|(a, b)| (a - b).abs()).sum();
    assert!(distance < 1e-3, "{distance}");
    assert!(usage.input_tokens.is_some_and(|tokens| tokens.source == orch_core::Source::Reported && tokens.value > 0));
    assert_eq!(usage.cost, Some(Counted::estimated(Usd::ZERO)));
}
