use std::collections::HashSet;
use std::sync::Arc;

use orch_core::{CallContext, Class, Error, ErrorKind, Event, Source};
use orch_providers::{FinishReason, OpenAi, ProviderService};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tower::ServiceExt;

use crate::server::{Act, END, Server, chunk, event, stream, stream_head};
use crate::{ask, hello, model, one_call, watched};

fn text(text: &str) -> String {
    event(&json!({ "choices": [{ "index": 0, "delta": { "content": text }, "finish_reason": null }] }))
}

fn stop() -> String {
    event(&json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] }))
}

/// The stream sent as these chunks, and then the connection closed in the middle of the body.
async fn cut_after(chunks: &[&str]) -> Server {
    let bytes = chunks.iter().flat_map(chunk);
    Server::answering(stream_head().into_bytes().into_iter().chain(bytes).collect::<Vec<_>>()).await
}

fn partial(error: &Error) -> Value {
    error.output().map(|output| output.content().to_json().unwrap().as_ref().clone()).unwrap_or_default()
}

#[tokio::test]
async fn a_connection_cut_before_any_text_is_transient() {
    for chunks in [&[][..], &[": ping\n\n"], &["data: {\"choi"]] {
        let error = one_call(cut_after(chunks).await, hello()).await.unwrap_err();
        assert_eq!((error.class(), error.not_executed()), (Class::Transient, false), "{chunks:?}");
        assert!(matches!(error.kind(), ErrorKind::Provider(_)), "{error:?}");
    }
}

#[tokio::test]
async fn a_connection_cut_after_text_is_a_broken_stream_with_what_had_arrived() {
    let server = cut_after(&[&text("this "), &text("str"), "data: {\"choices\":[{\"del"]).await;
    let error = one_call(server, hello()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::StreamBroken { .. }), "{error:?}");
    assert_eq!(error.class(), Class::StreamBroken);
    assert!(partial(&error).to_string().contains("this str"), "{}", partial(&error));
    let usage = error.output().unwrap().usage();
    assert_eq!(usage.output_tokens.map(|tokens| tokens.source), Some(Source::LowerBound));
}

#[tokio::test]
async fn a_body_that_ends_before_the_answer_does_is_a_broken_stream() {
    let error = one_call(Server::answering(stream(text("half"))).await, hello()).await.unwrap_err();
    assert_eq!(error.class(), Class::StreamBroken);
}

#[tokio::test]
async fn a_connection_cut_after_the_finish_reason_lost_only_the_usage() {
    let server = cut_after(&[&text("whole"), &stop(), "data: {\"usa"]).await;
    let response = one_call(server, hello()).await.unwrap();
    assert_eq!((response.text.as_str(), response.finish), ("whole", Some(FinishReason::Stop)));
    assert_eq!(response.usage.output_tokens.map(|tokens| tokens.source), Some(Source::Estimated));
}

#[tokio::test]
async fn junk_after_the_finish_reason_spoils_nothing_and_an_error_does() {
    let later = |after: &str| stream([text("whole"), stop(), after.to_owned()].concat());
    for junk in ["data: <html>\n\n", "data: 7\n\n", "data: {\"choices\": 1}\n\n"] {
        let response = one_call(Server::answering(later(junk)).await, hello()).await.unwrap();
        assert_eq!((response.text.as_str(), response.finish), ("whole", Some(FinishReason::Stop)), "{junk}");
    }
    let overloaded = event(&json!({ "error": { "message": "busy", "type": "overloaded_error", "code": 529 } }));
    assert!(one_call(Server::answering(later(&overloaded)).await, hello()).await.is_err());
}

#[tokio::test]
async fn an_error_in_the_stream_is_that_error() {
    let overloaded = event(&json!({ "error": { "message": "busy", "type": "overloaded_error", "code": 529 } }));
    let first = stream(format!("{overloaded}data: [DONE]\n\n"));
    let error = one_call(Server::answering(first).await, hello()).await.unwrap_err();
    assert_eq!((error.class(), error.not_executed()), (Class::Transient, false));
    let wrong = event(&json!({ "error": { "message": "bad", "type": "invalid_request_error", "code": 400 } }));
    let later = stream(format!("{}{wrong}data: [DONE]\n\n", text("half")));
    let error = one_call(Server::answering(later).await, hello()).await.unwrap_err();
    assert_eq!(error.class(), Class::Permanent);
    assert!(partial(&error).to_string().contains("half"));
}

#[tokio::test]
async fn characters_cut_between_chunks_arrive_whole() {
    let frames = [text("aß€🦀"), stop(), "data: [DONE]\n\n".into()].concat();
    let bytes = frames.as_bytes().chunks(1).flat_map(chunk);
    let whole = stream_head().into_bytes().into_iter().chain(bytes).chain(END.bytes()).collect::<Vec<_>>();
    assert_eq!(one_call(Server::answering(whole).await, hello()).await.unwrap().text, "aß€🦀");
}

#[tokio::test]
async fn invalid_utf8_is_unusable_with_what_had_arrived() {
    let bytes = [text("good").as_bytes(), b"data: \xff\xff\n\n"].concat();
    let error = one_call(Server::answering(stream(bytes)).await, hello()).await.unwrap_err();
    assert_eq!(error.class(), Class::BadOutput);
    assert!(partial(&error).to_string().contains("good"));
}

#[tokio::test]
async fn garbage_in_a_stream_is_unusable() {
    let error = one_call(Server::answering(stream("data: <html>\n\n")).await, hello()).await.unwrap_err();
    assert_eq!(error.class(), Class::BadOutput);
    assert!(error.to_string().contains("<html>"), "{error}");
}

#[tokio::test]
async fn an_answer_beyond_its_caps_is_unusable() {
    let builder =
        |server: &Server| OpenAi::builder().base_url(server.url()).model("m").max_event(1_000).max_body(3_000);
    for (body, what) in [(text(&"x".repeat(1_000)), "an event of the stream"), (text("x").repeat(40), "the body")] {
        let server = Server::answering(stream(body)).await;
        let model = ProviderService::new(builder(&server).build().unwrap());
        let error = model.oneshot(hello()).await.unwrap_err();
        assert_eq!(error.class(), Class::BadOutput);
        assert!(error.to_string().contains(&format!("{what} is longer than")), "{error}");
    }
}

#[tokio::test]
async fn comments_are_signs_of_life_and_text_is_the_first_chunk() {
    let go_on = Arc::new(Notify::new());
    let script = vec![
        Act::send(stream_head()),
        Act::send(chunk(": ping\n\n")),
        Act::Wait(Arc::clone(&go_on)),
        Act::send(chunk([text("late"), stop()].concat())),
        Act::send(END),
    ];
    let server = Server::playing([script]).await;
    let (request, context) = watched();
    let call = tokio::spawn(ProviderService::new(model(&server)).oneshot(request));
    until(|| context.progress().last_at().is_some()).await;
    assert_eq!((context.progress().first_at(), context.progress().committed()), (None, false));
    go_on.notify_one();
    assert_eq!(call.await.unwrap().unwrap().text, "late");
    assert!(context.progress().first_at().is_some() && context.progress().committed());
}

#[tokio::test]
async fn every_piece_goes_to_the_listener() {
    let server = Server::answering(stream([text("a"), text("b"), stop()].concat())).await;
    let mut context = CallContext::new();
    let mut events = context.subscribe();
    ask(&server, hello().with_context(context)).await.unwrap();
    let mut heard = String::new();
    while let Some(envelope) = events.next().await {
        if let Event::Delta { text, .. } = envelope.event {
            heard.push_str(&text);
        }
    }
    assert_eq!(heard, "ab");
}

#[tokio::test]
async fn dropping_the_call_closes_the_connection_and_keeps_the_usage_so_far() {
    let closed = Arc::new(Notify::new());
    let script =
        vec![Act::send(stream_head()), Act::send(chunk(text("a beginning"))), Act::UntilClosed(Arc::clone(&closed))];
    let server = Server::playing([script]).await;
    let (request, context) = watched();
    let call = tokio::spawn(ProviderService::new(model(&server)).oneshot(request));
    until(|| context.progress().committed()).await;
    call.abort();
    closed.notified().await;
    let usage = context.progress().usage();
    assert_eq!(usage.output_tokens.map(|tokens| tokens.source), Some(Source::LowerBound));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn after_a_closed_connection_the_next_call_opens_one_and_asks_once() {
    let whole = || vec![Act::send(stream([text("a"), stop(), "data: [DONE]\n\n".into()].concat()))];
    let server = Server::playing([whole(), whole(), whole()]).await;
    let model = ProviderService::new(model(&server));
    for call in 1..=3 {
        assert_eq!(model.clone().oneshot(hello()).await.unwrap().text, "a");
        assert_eq!(server.requests().len(), call);
    }
}

#[tokio::test]
async fn a_connection_is_used_again_after_a_stream_that_was_read_to_its_done() {
    const CALLS: usize = 5;
    let whole = || Act::send(stream([text("a"), stop(), "data: [DONE]\n\n".into()].concat()));
    let script = || (0..CALLS).flat_map(|_| [whole(), Act::Receive]).collect::<Vec<_>>();
    // The client may open connections that it then does not need.
    let server = Server::playing((0..2 * CALLS).map(|_| script())).await;
    let model = ProviderService::new(model(&server));
    for _ in 0..CALLS {
        assert_eq!(model.clone().oneshot(hello()).await.unwrap().text, "a");
    }
    let clients: HashSet<_> = server.requests().iter().map(|request| request.client).collect();
    assert_eq!(server.requests().len(), CALLS);
    assert!(clients.len() < CALLS, "{clients:?}");
}

/// Lets the other tasks work until `done`; a test that waits in vain fails by the number of turns.
async fn until(done: impl Fn() -> bool) {
    for _ in 0..1_000_000 {
        if done() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("waited in vain");
}

#[tokio::test]
async fn a_stream_with_too_many_calls_is_left_before_its_end() {
    let call = |index| {
        event(&json!({ "choices": [{ "index": 0, "delta": { "tool_calls": [
        { "index": index, "id": format!("c{index}"), "function": { "name": "f", "arguments": "{}" } },
    ] } }] }))
    };
    let calls: String = (0..1_100).map(call).collect();
    let closed = Arc::new(Notify::new());
    let script = vec![Act::send(stream_head()), Act::send(chunk(calls)), Act::UntilClosed(Arc::clone(&closed))];
    let error = one_call(Server::playing([script]).await, hello()).await.unwrap_err();
    assert_eq!(error.class(), Class::BadOutput, "{error}");
    assert!(error.to_string().contains("`/tool_calls`") && error.output().is_some(), "{error}");
    closed.notified().await;
}
