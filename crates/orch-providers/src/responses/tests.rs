//! The wire without a network: recorded answers of several servers, and what no server should send.

mod encoding;
mod endings;

use orch_core::{Class, Error};
use serde_json::{Value, json};

use super::*;
use crate::chat::{ChatEvent, ChatRequest, ChatResponse, ChatSink, FinishReason};
use crate::wire::testing::{Events, end, hold_whatever_comes, last_error, ok, piece, reasoning, text};
use crate::wire::{decode_json, decode_sse};

const WIRE: Responses = Responses::new(Dialect::COMPATIBLE);

/// The stream of these events, each with its name and number as OpenAI sends them.
fn stream(events: &[Value]) -> String {
    let numbered = events.iter().enumerate().map(|(number, event)| {
        let mut event = event.clone();
        if let Some(event) = event.as_object_mut() {
            event.insert("sequence_number".to_owned(), json!(number));
        }
        format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or("message"))
    });
    numbered.collect()
}

fn sse(events: &[Value]) -> Events {
    decode_sse(stream(events).as_bytes(), &WIRE)
}

fn whole(response: &Value) -> Events {
    decode_json(&response.to_string(), &WIRE)
}

fn created() -> Value {
    json!({ "type": "response.created", "response": { "id": "resp_1", "model": "m", "status": "in_progress" } })
}

fn text_delta(delta: &str) -> Value {
    json!({ "type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0,
        "delta": delta })
}

fn completed(more: &Value) -> Value {
    let mut response = json!({ "id": "resp_1", "model": "m", "status": "completed", "output": [] });
    response.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "type": "response.completed", "response": response })
}

fn start() -> ChatEvent {
    ChatEvent::Start { model: Some("m".into()), request_id: Some("resp_1".into()) }
}

/// A response with one of each: reasoning, a message, a call.
fn output() -> Value {
    json!([
        { "type": "reasoning", "id": "rs_1", "summary": [{ "type": "summary_text", "text": "hm" }] },
        { "type": "message", "id": "msg_1", "role": "assistant",
            "content": [{ "type": "output_text", "text": "Par" }, { "type": "output_text", "text": "is." },
                { "type": "refusal", "refusal": "no" }] },
        { "type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}" },
        { "type": "web_search_call", "id": "ws_1", "status": "completed" },
    ])
}

fn said() -> Vec<ChatEvent> {
    vec![
        start(),
        reasoning("hm"),
        text("Par"),
        text("is."),
        ChatEvent::Refusal("no".into()),
        piece(0, Some("call_1"), Some("f"), "{}"),
        end(FinishReason::ToolCalls),
    ]
}

/// What OpenAI streams for [`output`].
fn streamed() -> Vec<Value> {
    let part = |kind: &str, part: u64, field: &str, value: &str| {
        let mut event = json!({ "type": format!("response.{kind}"), "output_index": 1, "content_index": part,
            "item_id": "msg_1" });
        event[field] = json!(value);
        event
    };
    let call = |arguments: &str| json!({ "type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": arguments });
    vec![
        created(),
        json!({ "type": "response.in_progress", "response": created()["response"] }),
        json!({ "type": "response.output_item.added", "output_index": 0, "item": { "type": "reasoning", "id": "rs_1" } }),
        json!({ "type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "hm" }),
        json!({ "type": "response.reasoning_summary_text.done", "output_index": 0, "summary_index": 0, "text": "hm" }),
        json!({ "type": "response.content_part.added", "output_index": 1, "content_index": 0, "part": {} }),
        part("output_text.delta", 0, "delta", "Par"),
        part("output_text.done", 0, "text", "Par"),
        part("output_text.delta", 1, "delta", "is."),
        part("output_text.done", 1, "text", "is."),
        part("refusal.delta", 2, "delta", "no"),
        part("refusal.done", 2, "refusal", "no"),
        json!({ "type": "response.output_item.done", "output_index": 1, "item": output()[1] }),
        json!({ "type": "response.output_item.added", "output_index": 2, "item": call("") }),
        json!({ "type": "response.function_call_arguments.delta", "output_index": 2, "item_id": "fc_1", "delta": "{}" }),
        json!({ "type": "response.function_call_arguments.done", "output_index": 2, "item_id": "fc_1", "arguments": "{}" }),
        json!({ "type": "response.output_item.done", "output_index": 2, "item": call("{}") }),
        completed(&json!({ "output": output() })),
    ]
}

#[test]
fn what_is_said_piece_by_piece_and_whole_is_said_once() {
    let mut expected = said();
    expected[5] = piece(0, Some("call_1"), Some("f"), "");
    expected.insert(6, piece(0, None, None, "{}"));
    assert_eq!(ok(sse(&streamed())), expected);
}

#[test]
fn a_whole_response_says_the_same_as_one_that_is_only_completed() {
    let response = completed(&json!({ "output": output() }));
    assert_eq!(ok(whole(&response["response"])), said());
    assert_eq!(ok(sse(&[created(), response])), said());
}

#[test]
fn a_part_that_comes_only_whole_is_said() {
    let kept = |event: &Value| !event["type"].as_str().unwrap().ends_with(".delta");
    let done: Vec<Value> = streamed().into_iter().filter(kept).collect();
    let mut expected = said();
    expected[5] = piece(0, Some("call_1"), Some("f"), "");
    expected.insert(6, piece(0, None, None, "{}"));
    assert_eq!(ok(sse(&done)), expected);
}

#[test]
fn a_completed_response_may_lack_its_output() {
    let mut last = completed(&json!({}));
    last["response"].as_object_mut().unwrap().remove("output");
    let events = ok(sse(&[created(), text_delta("Oslo"), last]));
    assert_eq!(events, [start(), text("Oslo"), end(FinishReason::Stop)]);
}

#[test]
fn the_model_may_be_known_only_at_the_end() {
    let created = json!({ "type": "response.created", "response": { "id": "resp_1", "status": "in_progress" } });
    let first = ChatEvent::Start { model: None, request_id: Some("resp_1".into()) };
    let events = ok(sse(&[created, text_delta("a"), completed(&json!({}))]));
    assert_eq!(events, [first, text("a"), start(), end(FinishReason::Stop)]);
}

#[test]
fn calls_are_told_apart_by_their_place_or_by_their_id() {
    for by in ["output_index", "item_id"] {
        let about = |kind: &str, call: u64, field: &str, value: Value| {
            let mut event = json!({ "type": format!("response.{kind}") });
            event[by] = if by == "item_id" { json!(format!("fc_{call}")) } else { json!(call) };
            event[field] = value;
            event
        };
        let item = |call: u64| json!({ "type": "function_call", "id": format!("fc_{call}"), "call_id": format!("c{call}"), "name": "f" });
        let events = ok(sse(&[
            created(),
            about("output_item.added", 4, "item", item(4)),
            about("output_item.added", 7, "item", item(7)),
            about("function_call_arguments.delta", 7, "delta", json!("[7")),
            about("function_call_arguments.delta", 4, "delta", json!("[4]")),
            about("function_call_arguments.delta", 7, "delta", json!("]")),
            completed(&json!({})),
        ]));
        let expected = [
            start(),
            piece(0, Some("c4"), Some("f"), ""),
            piece(1, Some("c7"), Some("f"), ""),
            piece(1, None, None, "[7"),
            piece(0, None, None, "[4]"),
            piece(1, None, None, "]"),
            end(FinishReason::ToolCalls),
        ];
        assert_eq!(events, expected, "{by}");
    }
}

#[test]
fn the_input_of_a_custom_tool_is_its_arguments() {
    let item = json!({ "type": "custom_tool_call", "id": "ct_1", "call_id": "c1", "name": "sql", "input": "" });
    let events = ok(sse(&[
        created(),
        json!({ "type": "response.output_item.added", "output_index": 0, "item": item }),
        json!({ "type": "response.custom_tool_call_input.delta", "output_index": 0, "delta": "select" }),
        json!({ "type": "response.custom_tool_call_input.delta", "output_index": 0, "delta": " 1" }),
        json!({ "type": "response.custom_tool_call_input.done", "output_index": 0, "input": "select 1" }),
        completed(&json!({})),
    ]));
    assert_eq!(
        events[1..4],
        [piece(0, Some("c1"), Some("sql"), ""), piece(0, None, None, "select"), piece(0, None, None, " 1"),]
    );
}

#[test]
fn reasoning_and_its_summary_are_reasoning() {
    let event = |kind: &str| json!({ "type": format!("response.{kind}.delta"), "output_index": 0, "delta": kind });
    let events = ok(sse(&[event("reasoning_text"), event("reasoning_summary_text"), completed(&json!({}))]));
    assert_eq!(events[..2], [reasoning("reasoning_text"), reasoning("reasoning_summary_text")]);
}

/// All types of the providers' document that are not read, and two that nobody has sent yet.
#[test]
fn events_of_other_types_are_tolerated() {
    let others = [
        "audio.delta",
        "audio.done",
        "audio.transcript.delta",
        "audio.transcript.done",
        "code_interpreter_call_code.delta",
        "code_interpreter_call_code.done",
        "code_interpreter_call.completed",
        "code_interpreter_call.in_progress",
        "code_interpreter_call.interpreting",
        "content_part.added",
        "content_part.done",
        "file_search_call.completed",
        "file_search_call.in_progress",
        "file_search_call.searching",
        "shell_call_command.added",
        "shell_call_command.delta",
        "shell_call_command.done",
        "shell_call_output_content.delta",
        "shell_call_output_content.done",
        "reasoning_summary_part.added",
        "reasoning_summary_part.done",
        "web_search_call.completed",
        "web_search_call.in_progress",
        "web_search_call.searching",
        "image_generation_call.completed",
        "image_generation_call.generating",
        "image_generation_call.in_progress",
        "image_generation_call.partial_image",
        "mcp_call_arguments.delta",
        "mcp_call_arguments.done",
        "mcp_call.completed",
        "mcp_call.failed",
        "mcp_call.in_progress",
        "mcp_list_tools.completed",
        "mcp_list_tools.failed",
        "mcp_list_tools.in_progress",
        "output_text.annotation.added",
        "dream.delta",
        "nap",
    ];
    let strange = others.map(|kind| {
        json!({ "type": format!("response.{kind}"), "output_index": 0, "item_id": "x", "delta": "no", "text": "no",
            "error": { "code": "server_error", "message": "of a tool" } })
    });
    let events = [vec![created(), text_delta("a")], strange.to_vec(), vec![completed(&json!({}))]].concat();
    assert_eq!(ok(sse(&events)), [start(), text("a"), end(FinishReason::Stop)]);
}

#[test]
fn garbage_is_unusable() {
    let wrong = json!({ "type": "response.output_text.delta", "delta": 7 });
    for events in [
        sse(&[created(), wrong]),
        decode_sse(b"data: <html>\n\n", &WIRE),
        decode_json("<html>", &WIRE),
        whole(&json!({})),
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
            "response.created",
            "response.completed",
            "response.failed",
            "response.incomplete",
            "error",
            "response.output_item.added",
            "response.output_item.done",
            "response.output_text.delta",
            "response.output_text.done",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "function_call",
            "message",
            "output_text",
        ],
    );
}

#[test]
fn an_answer_may_have_so_many_calls_and_no_more() {
    let collected = |calls: usize| -> Result<ChatResponse, Error> {
        let call = |at: usize| json!({ "type": "function_call", "id": at.to_string(), "name": "f", "arguments": "{}" });
        let output: Vec<_> = (0..calls).map(call).collect();
        let sink = ChatSink::new(&ChatRequest::user("?"), None);
        let events = ok(whole(&json!({ "status": "completed", "output": output })));
        events.into_iter().for_each(|event| sink.event(tokio::time::Instant::now(), event));
        sink.finish()
    };
    assert_eq!(collected(1_024).unwrap().tool_calls.len(), 1_024);
    for calls in [1_025, 3_000] {
        let error = collected(calls).unwrap_err();
        assert!(error.class() == Class::BadOutput && error.to_string().contains("1024 tool calls"), "{error}");
    }
}

#[test]
fn a_list_without_end_is_not_kept() {
    let part = json!({ "type": "output_text", "text": "x" });
    for output in [vec![json!({}); 5_000], vec![json!({ "type": "message", "content": vec![part; 5_000] })]] {
        let events = whole(&json!({ "status": "completed", "output": output, "usage": { "input_tokens": 3 } }));
        assert!(events.iter().any(|event| matches!(event, Ok(ChatEvent::Usage(_)))));
        let error = last_error(events);
        assert!(error.class() == Class::BadOutput && error.to_string().contains("more than 4096"), "{error}");
    }
}
