//! The wire without a network: recorded answers of several servers, and what no server should send.

use orch_core::{Class, Counted, ErrorKind, Usage};
use serde_json::{Value, json};

use super::*;
use crate::chat::{ChatEvent, FinishReason};
use crate::compatible::Dialect;
use crate::pricing::{Billing, ServiceTier};
use crate::wire::testing::{Events, end, hold_whatever_comes, last_error, ok, piece, reasoning, text};

fn decode_sse(body: &[u8], dialect: &Dialect) -> Events {
    crate::wire::decode_sse(body, &ChatCompletions::new(*dialect))
}

fn decode_json(body: &str, dialect: &Dialect) -> Events {
    crate::wire::decode_json(body, &ChatCompletions::new(*dialect))
}

fn sse(frames: &[Value]) -> Events {
    decode_sse(stream(frames, true).as_bytes(), &Dialect::COMPATIBLE)
}

fn stream(frames: &[Value], done: bool) -> String {
    let frames: String = frames.iter().map(|frame| format!("data: {frame}\n\n")).collect();
    frames + if done { "data: [DONE]\n\n" } else { "" }
}

fn whole(body: &Value) -> Events {
    decode_json(&body.to_string(), &Dialect::COMPATIBLE)
}

fn delta(delta: Value) -> Value {
    let mut chunk = json!({ "choices": [{ "index": 0, "finish_reason": null }] });
    chunk["choices"][0]["delta"] = delta;
    chunk
}

fn finish(reason: &str) -> Value {
    json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] })
}

const START: ChatEvent = ChatEvent::Start { model: None, request_id: None };

#[test]
fn a_llama_cpp_stream_is_read() {
    let id = json!({ "created": 1, "id": "chatcmpl-2nDs", "model": "tiny-random", "object": "chat.completion.chunk" });
    let chunk = |choices: Value| {
        let mut chunk = id.clone();
        chunk["choices"] = choices;
        chunk
    };
    let mut last = chunk(json!([]));
    last["usage"] = json!({ "completion_tokens": 4, "prompt_tokens": 53, "total_tokens": 57,
        "prompt_tokens_details": { "cached_tokens": 52 } });
    last["timings"] = json!({ "prompt_ms": 1.867 });
    let events = ok(sse(&[
        chunk(json!([{ "finish_reason": null, "index": 0, "delta": { "role": "assistant", "content": null } }])),
        chunk(json!([{ "finish_reason": null, "index": 0, "delta": { "content": "#" } }])),
        chunk(json!([{ "finish_reason": null, "index": 0, "delta": { "content": " answ" } }])),
        chunk(json!([{ "finish_reason": "length", "index": 0, "delta": {} }])),
        last,
    ]));
    let mut usage = Usage::new().input(Counted::reported(53)).output(Counted::reported(4));
    usage.cached_input_tokens = Some(Counted::reported(52));
    let start = ChatEvent::Start { model: Some("tiny-random".into()), request_id: Some("chatcmpl-2nDs".into()) };
    let expected = [start, text("#"), text(" answ"), end(FinishReason::Length), ChatEvent::Usage(usage)];
    assert_eq!(events, expected);
}

/// No index and no finish reason, usage before the content, and the content, two calls and the reason in one chunk.
#[test]
fn fields_that_are_absent_and_many_things_in_one_chunk_are_read() {
    let call =
        |index: u32, name: &str| json!({ "index": index, "id": name, "function": { "name": name, "arguments": "{}" } });
    let delta = json!({ "content": "b", "tool_calls": [call(0, "f"), call(1, "g")] });
    let events = ok(sse(&[
        json!({ "choices": [{ "delta": { "content": "a" } }], "usage": { "prompt_tokens": 3, "completion_tokens": 1 } }),
        json!({ "choices": [{ "delta": delta, "finish_reason": "tool_calls" }], "timings": {} }),
    ]));
    let usage = Usage::new().input(Counted::reported(3)).output(Counted::reported(1));
    let (f, g) = (piece(0, Some("f"), Some("f"), "{}"), piece(1, Some("g"), Some("g"), "{}"));
    let expected = [START, ChatEvent::Usage(usage), text("a"), text("b"), f, g, end(FinishReason::ToolCalls)];
    assert_eq!(events, expected);
}

#[test]
fn a_whole_answer_and_a_stream_of_it_say_the_same() {
    let usage = json!({ "prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18 });
    let whole = whole(&json!({
        "id": "c1", "model": "m", "usage": usage,
        "choices": [{ "index": 0, "finish_reason": "stop", "logprobs": null,
            "message": { "role": "assistant", "content": "Paris.", "refusal": null } }],
    }));
    let chunk = |choices: Value| json!({ "id": "c1", "model": "m", "choices": choices });
    let streamed = sse(&[
        json!({ "id": "c1", "model": "m", "usage": usage, "choices": [{ "index": 0, "delta": { "content": "" } }] }),
        chunk(json!([{ "index": 0, "delta": { "content": "Paris." }, "finish_reason": "stop" }])),
    ]);
    assert_eq!(ok(whole), ok(streamed));
}

#[test]
fn tool_calls_arrive_piece_by_piece_or_whole() {
    let function = json!({ "name": "get_weather", "arguments": "" });
    let events = ok(sse(&[
        delta(json!({ "role": "assistant", "content": null })),
        delta(json!({ "tool_calls": [{ "index": 0, "id": "c0", "type": "function", "function": function }] })),
        delta(json!({ "tool_calls": [
            { "index": 0, "function": { "arguments": "{\"city\":" } },
            { "index": 1, "id": "c1", "function": { "name": "now", "arguments": "{}" } },
        ] })),
        delta(json!({ "tool_calls": [{ "index": 0, "id": "", "function": { "arguments": "\"Oslo\"}" } }] })),
        finish("tool_calls"),
    ]));
    let expected = [
        START,
        piece(0, Some("c0"), Some("get_weather"), ""),
        piece(0, None, None, "{\"city\":"),
        piece(1, Some("c1"), Some("now"), "{}"),
        piece(0, None, None, "\"Oslo\"}"),
        end(FinishReason::ToolCalls),
    ];
    assert_eq!(events, expected);
    let call = |id: &str, arguments: Value| json!({ "id": id, "function": { "name": "f", "arguments": arguments } });
    let events = ok(whole(&json!({ "choices": [{ "finish_reason": "tool_calls", "message": {
        "content": null, "tool_calls": [call("a", json!("{}")), call("b", json!({ "x": 1 }))],
    } }] })));
    assert_eq!(events[1..3], [piece(0, Some("a"), Some("f"), "{}"), piece(1, Some("b"), Some("f"), "{\"x\":1}")]);
}

/// OpenAI pads its pieces so that their lengths tell nothing.
#[test]
fn the_padding_of_a_piece_is_left_out() {
    let mut padded = delta(json!({ "content": "a" }));
    padded["obfuscation"] = json!("x7Kq0");
    assert_eq!(ok(sse(&[padded, finish("stop")])), [START, text("a"), end(FinishReason::Stop)]);
}

/// Mistral's reasoning models.
#[test]
fn a_content_that_is_a_list_of_parts_is_read() {
    let parts = json!([
        { "type": "thinking", "thinking": [{ "type": "text", "text": "hm" }, { "type": "reference" }] },
        { "type": "text", "text": "Par" },
        { "type": "reference", "reference_ids": [1] },
        { "type": "text", "text": "is." },
    ]);
    let said = [START, reasoning("hm"), text("Par"), text("is."), end(FinishReason::Stop)];
    assert_eq!(ok(sse(&[delta(json!({ "content": parts })), finish("stop")])), said);
    assert_eq!(ok(whole(&json!({ "choices": [{ "message": { "content": parts } }] }))), said);
    assert_eq!(last_error(sse(&[delta(json!({ "content": 7 }))])).class(), Class::BadOutput);
}

#[test]
fn reasoning_and_refusals_are_told_apart_from_text() {
    let events = ok(sse(&[
        delta(json!({ "reasoning_content": "hm" })),
        delta(json!({ "reasoning": "so", "content": "" })),
        delta(json!({ "refusal": "no" })),
        finish("content_filter"),
    ]));
    let expected = [
        START,
        ChatEvent::Reasoning("hm".into()),
        ChatEvent::Reasoning("so".into()),
        ChatEvent::Refusal("no".into()),
        end(FinishReason::ContentFilter),
    ];
    assert_eq!(events, expected);
}

#[test]
fn usage_counts_wherever_it_comes_and_zero_is_zero() {
    let zero = Usage::new().input(Counted::reported(0)).output(Counted::reported(0));
    let usage = json!({ "prompt_tokens": 0, "completion_tokens": 0 });
    let early = sse(&[json!({ "choices": [], "usage": usage }), delta(json!({ "content": "a" })), finish("stop")]);
    assert_eq!(ok(early), [ChatEvent::Usage(zero), START, text("a"), end(FinishReason::Stop)]);
    let none = sse(&[json!({ "usage": null, "choices": [{ "delta": { "content": "a" }, "finish_reason": "stop" }] })]);
    assert_eq!(ok(none), [START, text("a"), end(FinishReason::Stop)]);
}

#[test]
fn a_stream_without_its_end_is_a_transient_failure_after_what_it_said() {
    let mut events = decode_sse(stream(&[delta(json!({ "content": "half" }))], false).as_bytes(), &Dialect::COMPATIBLE);
    let error = events.pop().unwrap().unwrap_err();
    assert_eq!(error.class(), Class::Transient);
    assert!(
        matches!(error.kind(), ErrorKind::Provider(failure) if failure.message.contains("ended before")),
        "{error:?}"
    );
    assert_eq!(ok(events), [START, text("half")]);
    assert_eq!(last_error(decode_sse(b"", &Dialect::COMPATIBLE)).class(), Class::Transient);
    assert_eq!(last_error(decode_sse(b": ping\n\n: ping\n\n", &Dialect::COMPATIBLE)).class(), Class::Transient);
}

#[test]
fn a_finish_reason_or_done_proves_the_end() {
    let finished = stream(&[delta(json!({ "content": "a" })), finish("stop")], false);
    assert_eq!(ok(decode_sse(finished.as_bytes(), &Dialect::COMPATIBLE)), [START, text("a"), end(FinishReason::Stop)]);
    assert_eq!(ok(sse(&[delta(json!({ "content": "a" }))])), [START, text("a"), end(FinishReason::Stop)]);
}

#[test]
fn an_answer_without_a_choice_is_unusable() {
    for events in [sse(&[]), sse(&[json!({ "choices": [] })]), whole(&json!({})), whole(&json!({ "choices": null }))] {
        assert_eq!(last_error(events).class(), Class::BadOutput);
    }
}

#[test]
fn an_error_inside_a_stream_is_that_error_even_when_done_follows() {
    let vllm =
        json!({ "error": { "message": "engine died", "type": "InternalServerError", "param": null, "code": 500 } });
    let events = sse(&[delta(json!({ "content": "half" })), vllm, delta(json!({ "content": "never read" }))]);
    assert_eq!(events.len(), 3);
    let error = last_error(events);
    assert_eq!((error.class(), error.not_executed()), (Class::Transient, false));
    assert!(error.to_string().contains("engine died"), "{error}");
    let openrouter = json!({ "choices": [{ "index": 0, "delta": { "content": "" }, "finish_reason": "error" }] });
    assert_eq!(last_error(sse(&[openrouter])).class(), Class::Transient);
    let in_whole = whole(&json!({ "error": { "message": "m", "code": "rate_limit_exceeded" } }));
    assert_eq!(last_error(in_whole).class(), Class::Throttled);
}

#[test]
fn garbage_is_unusable_and_shown_by_its_first_200_characters() {
    let page = format!("<html>{}", "ß".repeat(1_000));
    for events in [
        decode_json(&page, &Dialect::COMPATIBLE),
        decode_sse(format!("data: {page}\n\n").as_bytes(), &Dialect::COMPATIBLE),
    ] {
        let error = last_error(events);
        assert_eq!(error.class(), Class::BadOutput);
        let shown = error.to_string().rsplit_once("not JSON: ").map(|(_, shown)| shown.chars().count());
        assert_eq!(shown, Some(200), "{error}");
    }
    let strange = whole(&json!({ "choices": [{ "message": { "content": 7 } }] }));
    assert_eq!(last_error(strange).class(), Class::BadOutput);
    assert_eq!(last_error(decode_sse(b"data: \xff\xfe\n\n", &Dialect::COMPATIBLE)).class(), Class::BadOutput);
}

#[test]
fn other_choices_than_the_first_are_left_out() {
    let other = json!({ "choices": [{ "index": 1, "delta": { "content": "b" }, "finish_reason": "stop" }] });
    let events = ok(sse(&[delta(json!({ "content": "a" })), other, finish("stop")]));
    assert_eq!(events, [START, text("a"), end(FinishReason::Stop)]);
}

#[test]
fn the_tier_that_served_the_call_is_said_when_it_is_not_the_usual_one() {
    let chunk = |tier: &str| json!({ "service_tier": tier, "choices": [{ "index": 0, "delta": { "content": "a" }, "finish_reason": null }] });
    let flex = ChatEvent::Billing(Billing::standard().with_tier(ServiceTier::Flex));
    let events = ok(sse(&[chunk("default"), chunk("flex"), chunk("flex"), finish("stop")]));
    assert_eq!(events, [START, text("a"), flex, text("a"), text("a"), end(FinishReason::Stop)]);
}

#[test]
fn whatever_comes_nothing_panics_and_only_a_whole_stream_is_an_answer() {
    hold_whatever_comes(
        &ChatCompletions::new(Dialect::OPENROUTER),
        &stream(&[delta(json!({ "content": "aß€" })), finish("stop")], true),
        &["chunk", "stop", "length", "error", "f"],
    );
}

#[test]
fn a_list_of_calls_without_end_is_not_kept_and_what_it_used_is() {
    let calls = vec![json!({ "function": { "name": "f", "arguments": "{}" } }); 5_000];
    let events = whole(&json!({
        "choices": [{ "message": { "tool_calls": calls }, "finish_reason": "tool_calls" }],
        "usage": { "prompt_tokens": 3, "completion_tokens": 4 },
    }));
    assert!(events.iter().any(|event| matches!(event, Ok(ChatEvent::Usage(_)))));
    assert!(events.len() < 4_200);
    assert_eq!(last_error(events).class(), Class::BadOutput);
    let odd = last_error(whole(&json!({ "choices": [{ "message": { "tool_calls": 7 } }] })));
    assert!(odd.to_string().contains("`tool_calls` is not a list"), "{odd}");
}
