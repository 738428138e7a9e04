//! The wire without a network: recorded answers of several servers, and what no server should send.

mod encoding;
mod endings;

use orch_core::Class;
use serde_json::{Value, json};

use super::*;
use crate::chat::{ChatEvent, FinishReason};
use crate::wire::testing::{Events, end, hold_whatever_comes, last_error, ok, piece, reasoning, text};
use crate::wire::{decode_json, decode_sse};

const WIRE: Messages = Messages::new(ApiVersion::V2026_10_21);

fn stream(events: &[Value]) -> String {
    let kind = |event: &Value| event.get("type").and_then(Value::as_str).unwrap_or("message").to_owned();
    events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", kind(event))).collect()
}

fn sse(events: &[Value]) -> Events {
    decode_sse(stream(events).as_bytes(), &WIRE)
}

fn whole(message: &Value) -> Events {
    decode_json(&message.to_string(), &WIRE)
}

fn message_start() -> Value {
    json!({ "type": "message_start", "message": { "id": "msg_1", "type": "message", "role": "assistant",
        "model": "m", "content": [], "stop_reason": null } })
}

fn block_start(index: u64, block: &Value) -> Value {
    json!({ "type": "content_block_start", "index": index, "content_block": block })
}

fn block_delta(index: u64, delta: &Value) -> Value {
    json!({ "type": "content_block_delta", "index": index, "delta": delta })
}

fn text_delta(text: &str) -> Value {
    block_delta(0, &json!({ "type": "text_delta", "text": text }))
}

fn block_stop(index: u64) -> Value {
    json!({ "type": "content_block_stop", "index": index })
}

fn message_delta(reason: &str) -> Value {
    json!({ "type": "message_delta", "delta": { "stop_reason": reason, "stop_sequence": null } })
}

fn message_stop() -> Value {
    json!({ "type": "message_stop" })
}

fn start() -> ChatEvent {
    ChatEvent::Start { model: Some("m".into()), request_id: Some("msg_1".into()) }
}

fn tool_use(id: &str, input: Value) -> Value {
    let mut block = json!({ "type": "tool_use", "id": id, "name": "f" });
    block["input"] = input;
    block
}

/// A message with all kinds of blocks and pieces.
fn streamed() -> Vec<Value> {
    vec![
        message_start(),
        json!({ "type": "ping" }),
        block_start(0, &json!({ "type": "thinking", "thinking": "", "signature": "" })),
        block_delta(0, &json!({ "type": "thinking_delta", "thinking": "hm" })),
        block_delta(0, &json!({ "type": "signature_delta", "signature": "c2ln" })),
        block_stop(0),
        block_start(1, &json!({ "type": "text", "text": "" })),
        block_delta(1, &json!({ "type": "text_delta", "text": "Par" })),
        block_delta(1, &json!({ "type": "citations_delta", "citation": { "cited_text": "no" } })),
        block_delta(1, &json!({ "type": "text_delta", "text": "is." })),
        block_stop(1),
        block_start(2, &tool_use("toolu_1", json!({}))),
        block_delta(2, &json!({ "type": "input_json_delta", "partial_json": "" })),
        block_delta(2, &json!({ "type": "input_json_delta", "partial_json": "{\"city\":" })),
        block_delta(2, &json!({ "type": "input_json_delta", "partial_json": "\"Oslo\"}" })),
        block_stop(2),
        message_delta("tool_use"),
        message_stop(),
    ]
}

#[test]
fn text_thinking_and_tool_calls_are_told_apart() {
    let expected = [
        start(),
        ChatEvent::Heartbeat,
        reasoning("hm"),
        text("Par"),
        text("is."),
        piece(0, Some("toolu_1"), Some("f"), ""),
        piece(0, None, None, "{\"city\":"),
        piece(0, None, None, "\"Oslo\"}"),
        end(FinishReason::ToolCalls),
    ];
    assert_eq!(ok(sse(&streamed())), expected);
}

#[test]
fn calls_of_blocks_with_one_number_are_told_apart_by_their_beginnings() {
    let input = |json: &str| block_delta(0, &json!({ "type": "input_json_delta", "partial_json": json }));
    let events = [
        message_start(),
        block_start(0, &tool_use("toolu_1", json!({}))),
        input("{\"x\":1}"),
        block_stop(0),
        block_start(0, &tool_use("toolu_2", json!({}))),
        input("{\"x\":2}"),
        block_stop(0),
        message_delta("tool_use"),
        message_stop(),
    ];
    let expected = [
        start(),
        piece(0, Some("toolu_1"), Some("f"), ""),
        piece(0, None, None, "{\"x\":1}"),
        piece(1, Some("toolu_2"), Some("f"), ""),
        piece(1, None, None, "{\"x\":2}"),
        end(FinishReason::ToolCalls),
    ];
    assert_eq!(ok(sse(&events)), expected);
}

#[test]
fn an_answer_may_have_so_many_calls_and_no_more() {
    let message = |calls: usize| {
        let blocks: Vec<_> = (0..calls).map(|call| tool_use(&call.to_string(), json!({}))).collect();
        json!({ "type": "message", "model": "m", "stop_reason": "tool_use", "content": blocks })
    };
    ok(whole(&message(1_024)));
    let error = last_error(whole(&message(1_025)));
    assert_eq!(error.class(), Class::BadOutput);
    assert!(error.to_string().contains("1024 tool calls"), "{error}");
}

#[test]
fn a_whole_message_says_the_same() {
    let message = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "tool_use",
        "content": [
            { "type": "thinking", "thinking": "hm", "signature": "c2ln" },
            { "type": "text", "text": "Paris.", "citations": null },
            { "type": "redacted_thinking", "data": "x" },
            tool_use("toolu_1", json!({ "city": "Oslo" })),
        ],
    });
    let expected = [
        start(),
        reasoning("hm"),
        text("Paris."),
        piece(0, Some("toolu_1"), Some("f"), ""),
        piece(0, None, None, "{\"city\":\"Oslo\"}"),
        end(FinishReason::ToolCalls),
    ];
    assert_eq!(ok(whole(&message)), expected);
}

#[test]
fn calls_are_counted_apart_from_blocks_and_a_call_without_input_has_an_empty_one() {
    let events = ok(sse(&[
        message_start(),
        block_start(1, &tool_use("a", json!({}))),
        block_delta(1, &json!({ "type": "input_json_delta", "partial_json": "" })),
        block_stop(1),
        block_start(5, &tool_use("b", json!({ "x": 1 }))),
        message_stop(),
    ]));
    let expected = [
        start(),
        piece(0, Some("a"), Some("f"), ""),
        piece(0, None, None, "{}"),
        piece(1, Some("b"), Some("f"), ""),
        piece(1, None, None, "{\"x\":1}"),
        end(FinishReason::Stop),
    ];
    assert_eq!(events, expected);
}

#[test]
fn tools_that_the_provider_runs_are_no_calls_of_ours() {
    let events = ok(sse(&[
        message_start(),
        block_start(0, &json!({ "type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {} })),
        block_delta(0, &json!({ "type": "input_json_delta", "partial_json": "{\"query\":1}" })),
        block_stop(0),
        block_start(1, &json!({ "type": "web_search_tool_result", "tool_use_id": "srv_1", "content": [] })),
        block_stop(1),
        message_delta("end_turn"),
        message_stop(),
    ]));
    assert_eq!(events, [start(), end(FinishReason::Stop)]);
}

#[test]
fn events_blocks_and_pieces_of_other_types_are_tolerated() {
    let events = ok(sse(&[
        message_start(),
        json!({ "type": "nap", "error": { "type": "overloaded_error" } }),
        block_start(0, &json!({ "type": "dream", "text": "no" })),
        block_delta(0, &json!({ "type": "dream_delta", "text": "no" })),
        text_delta("a"),
        message_stop(),
    ]));
    assert_eq!(events, [start(), text("a"), end(FinishReason::Stop)]);
}

/// As llama.cpp does while all output so far is an incomplete UTF-8 sequence.
#[test]
fn a_message_may_lack_its_beginning() {
    let unknown = ChatEvent::Start { model: None, request_id: None };
    let events = ok(sse(&[message_delta("max_tokens"), message_stop()]));
    assert_eq!(events, [unknown.clone(), end(FinishReason::Length)]);
    let events = ok(sse(&[text_delta("ß"), message_start(), text_delta("!"), message_stop()]));
    assert_eq!(events, [unknown, text("ß"), start(), text("!"), end(FinishReason::Stop)]);
}

#[test]
fn garbage_is_unusable() {
    let wrong = block_delta(0, &json!({ "type": "text_delta", "text": 7 }));
    let body = "<html>";
    for events in [
        sse(&[message_start(), wrong]),
        decode_sse(b"data: <html>\n\n", &WIRE),
        decode_json(body, &WIRE),
        whole(&json!({})),
        whole(&json!([1])),
    ] {
        assert_eq!(last_error(events).class(), Class::BadOutput);
    }
}

#[test]
fn whatever_comes_nothing_panics_and_only_a_whole_stream_is_an_answer() {
    hold_whatever_comes(
        &WIRE,
        &stream(&streamed()),
        &[
            "message_start",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
            "ping",
            "error",
            "text_delta",
            "input_json_delta",
            "thinking_delta",
            "tool_use",
            "text",
            "refusal",
        ],
    );
}

#[test]
fn a_list_without_end_is_not_kept() {
    let error = last_error(whole(&json!({ "content": vec![json!({}); 5_000], "stop_reason": "end_turn" })));
    assert!(error.class() == Class::BadOutput && error.to_string().contains("more than 4096"), "{error}");
}
