//! What a request becomes.

use orch_core::CallContext;

use super::*;
use crate::chat::{
    ChatRequest, ContentPart, Message, ReasoningEffort, Reference, ToolCall, ToolChoice, ToolDefinition,
};
use crate::wire::Wire;

const OLDER: Messages = Messages::new(ApiVersion::V2023_06_01);

fn encode(request: &ChatRequest) -> Value {
    WIRE.encode(request, "m").unwrap()
}

fn refused(wire: &Messages, request: &ChatRequest) -> String {
    wire.encode(request, "m").unwrap_err().to_string()
}

#[test]
fn every_setting_has_its_field() {
    let request = ChatRequest::user("hi")
        .with_model("big")
        .with_max_tokens(64)
        .with_stop("END")
        .with_json_schema("vote", json!({ "type": "object" }))
        .with_tool(ToolDefinition::new("f", json!({ "type": "object" })).with_description("does").with_strict(true))
        .with_tool_choice(ToolChoice::Tool("f".into()))
        .with_reasoning_effort(ReasoningEffort::High)
        .with_user("u1")
        .with_extra("service_tier", "auto");
    assert_eq!(
        encode(&request),
        json!({
            "model": "big",
            "max_tokens": 64,
            "messages": [{ "role": "user", "content": [{ "type": "text", "text": "hi" }] }],
            "stop_sequences": ["END"],
            "output_config": { "format": { "type": "json_schema", "schema": { "type": "object" } }, "effort": "high" },
            "tools": [{ "name": "f", "description": "does", "input_schema": { "type": "object" }, "strict": true }],
            "tool_choice": { "type": "tool", "name": "f" },
            "metadata": { "user_id": "u1" },
            "stream": true,
            "service_tier": "auto",
        })
    );
    for (choice, word) in [(ToolChoice::None, "none"), (ToolChoice::Required, "any")] {
        assert_eq!(encode(&request.clone().with_tool_choice(choice))["tool_choice"], json!({ "type": word }));
    }
    let quiet = encode(&ChatRequest::user("hi").with_reasoning_effort(ReasoningEffort::None));
    assert_eq!((quiet.get("output_config"), &quiet["thinking"]), (None, &json!({ "type": "disabled" })));
}

#[test]
fn an_answer_has_a_bound_even_if_the_request_has_none() {
    assert_eq!(encode(&ChatRequest::user("hi"))["max_tokens"], 4_096);
    let bounded = WIRE.with_default_max_tokens(100).encode(&ChatRequest::user("hi"), "m").unwrap();
    assert_eq!(bounded["max_tokens"], 100);
    assert_eq!(WIRE.with_default_max_tokens(0).max_tokens(), 1);
}

#[test]
fn the_newer_version_refuses_sampling_options_by_name() {
    for (request, field) in [
        (ChatRequest::user("hi").with_temperature(1.0), "`/temperature`"),
        (ChatRequest::user("hi").with_top_p(1.0), "`/top_p`"),
        (ChatRequest::user("hi").with_extra("top_k", 40), "`/top_k`"),
        (ChatRequest::user("hi").with_extra("temperature", 1.0), "`/temperature`"),
        (ChatRequest::user("hi").with_extra("top_p", 1.0), "`/top_p`"),
    ] {
        let error = refused(&WIRE, &request);
        assert!(error.contains(field) && error.contains("2023-06-01"), "{error}");
        assert!(OLDER.encode(&request, "m").is_ok());
    }
    let sampled = OLDER.encode(&ChatRequest::user("hi").with_temperature(0.5).with_top_p(0.9), "m").unwrap();
    assert_eq!((&sampled["temperature"], &sampled["top_p"]), (&json!(0.5), &json!(0.9)));
}

#[test]
fn a_seed_is_refused_and_that_of_a_replicate_left_out() {
    for wire in [WIRE, OLDER] {
        assert!(refused(&wire, &ChatRequest::user("hi").with_seed(7)).contains("`/seed`"));
        let replicate = ChatRequest::user("hi").with_context(CallContext::new().with_seed(7));
        assert_eq!(wire.encode(&replicate, "m").unwrap().get("seed"), None);
    }
}

#[test]
fn messages_of_one_side_are_one_turn_and_tools_answer_in_the_users() {
    let call = |id: &str, arguments: &str| ToolCall { id: id.into(), name: "add".into(), arguments: arguments.into() };
    let request = ChatRequest::new([
        Message::system("be brief"),
        Message::system("be kind"),
        Message::user("1 + 2?"),
        Message::assistant("").with_tool_calls([call("c1", "{\"a\":1}"), call("c2", "")]),
        Message::tool("c1", "3"),
        Message::tool("c2", "4").with_part(ContentPart::image_url("https://example.com/a.png")),
        Message::user("so?"),
    ]);
    let body = encode(&request);
    let block = |text: &str| json!({ "type": "text", "text": text });
    let image = json!({ "type": "image", "source": { "type": "url", "url": "https://example.com/a.png" } });
    assert_eq!(body["system"], json!([block("be brief"), block("be kind")]));
    assert_eq!(
        body["messages"],
        json!([
            { "role": "user", "content": [block("1 + 2?")] },
            { "role": "assistant", "content": [
                { "type": "tool_use", "id": "c1", "name": "add", "input": { "a": 1 } },
                { "type": "tool_use", "id": "c2", "name": "add", "input": {} },
            ] },
            { "role": "user", "content": [
                { "type": "tool_result", "tool_use_id": "c1", "content": "3" },
                { "type": "tool_result", "tool_use_id": "c2", "content": [block("4"), image] },
                block("so?"),
            ] },
        ])
    );
}

#[test]
fn images_and_files_go_by_url_or_inside_one() {
    let message = Message::user("look")
        .with_part(ContentPart::image_url("data:image/png;base64,AA=="))
        .with_part(ContentPart::file_url("https://example.com/a.pdf").named("a"))
        .with_part(ContentPart::file_url("data:application/pdf;base64,AA=="));
    let base64 = |kind: &str| json!({ "type": "base64", "media_type": kind, "data": "AA==" });
    assert_eq!(
        encode(&ChatRequest::new([message]))["messages"][0]["content"],
        json!([
            { "type": "text", "text": "look" },
            { "type": "image", "source": base64("image/png") },
            { "type": "document", "source": { "type": "url", "url": "https://example.com/a.pdf" }, "title": "a" },
            { "type": "document", "source": base64("application/pdf") },
        ])
    );
}

#[test]
fn a_document_of_the_models_own_is_refused_by_the_newer_version_alone() {
    let request = ChatRequest::new([
        Message::user("hi"),
        Message::assistant("here").with_part(ContentPart::file_url("https://example.com/a.pdf")),
    ]);
    assert!(refused(&WIRE, &request).contains("`/messages/1/parts/1`: Anthropic's API of 2026-10-21"));
    assert!(OLDER.encode(&request, "m").is_ok());
}

#[test]
fn what_this_wire_cannot_say_is_refused_by_name() {
    let with = |part: ContentPart| ChatRequest::new([Message::user("look").with_part(part)]);
    let called = |arguments: &str| {
        let call = ToolCall { id: "c".into(), name: "f".into(), arguments: arguments.into() };
        ChatRequest::new([Message::user("hi"), Message::assistant("").with_tool_calls([call])])
    };
    for (request, pointer) in [
        (with(ContentPart::file_id("file-1")), "`/messages/0/parts/1`"),
        (with(ContentPart::Image { source: Reference::Id("file-1".into()) }), "`/messages/0/parts/1`"),
        (with(ContentPart::file_url("data:text/plain;base64,AA==")), "`/messages/0/parts/1`"),
        (with(ContentPart::image_url("data:image/png,raw")), "`/messages/0/parts/1`"),
        (ChatRequest::new([Message::system("x").with_part(ContentPart::file_id("f"))]), "`/messages/0/parts/1`"),
        (ChatRequest::new([Message::user("hi"), Message::system("late")]), "`/messages/1/role`"),
        (called("{\"half\":"), "`/messages/1/tool_calls/0/arguments`"),
        (called("[1]"), "`/messages/1/tool_calls/0/arguments`"),
        (ChatRequest::user("hi").with_reasoning_effort(ReasoningEffort::Minimal), "`/reasoning_effort`"),
        (ChatRequest::user("hi").with_metadata("run", "7"), "`/metadata`"),
    ] {
        let error = refused(&WIRE, &request);
        assert!(error.contains(pointer), "{error}");
    }
}
