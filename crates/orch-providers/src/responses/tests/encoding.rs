//! What a request becomes.

use orch_core::CallContext;

use super::*;
use crate::chat::{
    ChatRequest, ContentPart, Message, ReasoningEffort, Reference, ToolCall, ToolChoice, ToolDefinition,
};
use crate::wire::Wire;

fn encode(request: &ChatRequest) -> Value {
    Responses::new(Dialect::OPENAI).encode(request, "m").unwrap()
}

#[test]
fn every_setting_has_its_field() {
    let request = ChatRequest::user("hi")
        .with_model("big")
        .with_temperature(0.5)
        .with_top_p(0.9)
        .with_max_tokens(64)
        .with_json_schema("vote", json!({ "type": "object" }))
        .with_tool(ToolDefinition::new("f", json!({ "type": "object" })).with_description("does"))
        .with_tool_choice(ToolChoice::Tool("f".into()))
        .with_reasoning_effort(ReasoningEffort::Minimal)
        .with_user("u1")
        .with_metadata("run", "7")
        .with_extra("truncation", "auto");
    assert_eq!(
        encode(&request),
        json!({
            "model": "big",
            "input": [{ "role": "user", "content": "hi" }],
            "temperature": 0.5,
            "top_p": 0.9,
            "max_output_tokens": 64,
            "text": { "format": { "type": "json_schema", "name": "vote", "strict": true, "schema": { "type": "object" } } },
            "tools": [{ "type": "function", "name": "f", "description": "does", "strict": false,
                "parameters": { "type": "object" } }],
            "tool_choice": { "type": "function", "name": "f" },
            "reasoning": { "effort": "minimal" },
            "safety_identifier": "u1",
            "metadata": { "run": "7" },
            "store": false,
            "stream": true,
            "truncation": "auto",
        })
    );
    for (choice, word) in [(ToolChoice::None, "none"), (ToolChoice::Required, "required")] {
        assert_eq!(encode(&request.clone().with_tool_choice(choice))["tool_choice"], word);
    }
    assert_eq!(encode(&request.with_extra("store", true))["store"], true);
}

#[test]
fn a_conversation_with_a_tool_is_a_list_of_items() {
    let call = ToolCall { id: "c1".into(), name: "add".into(), arguments: "{}".into() };
    let request = ChatRequest::new([
        Message::system("be brief"),
        Message::user("1 + 2?"),
        Message::assistant("let me see").with_tool_calls([call.clone()]),
        Message::assistant("").with_tool_calls([call]),
        Message::tool("c1", "3"),
    ]);
    let call = json!({ "type": "function_call", "call_id": "c1", "name": "add", "arguments": "{}" });
    assert_eq!(
        encode(&request)["input"],
        json!([
            { "role": "system", "content": "be brief" },
            { "role": "user", "content": "1 + 2?" },
            { "role": "assistant", "content": "let me see" },
            call,
            call,
            { "type": "function_call_output", "call_id": "c1", "output": "3" },
        ])
    );
}

#[test]
fn images_and_files_go_by_url_by_id_or_inside_a_url() {
    let message = Message::user("look")
        .with_part(ContentPart::image_url("https://example.com/a.png"))
        .with_part(ContentPart::Image { source: Reference::Id("file-1".into()) })
        .with_part(ContentPart::file_id("file-2"))
        .with_part(ContentPart::file_url("https://example.com/a.pdf"))
        .with_part(ContentPart::file_url("data:application/pdf;base64,AA==").named("a.pdf"));
    assert_eq!(
        encode(&ChatRequest::new([message]))["input"][0]["content"],
        json!([
            { "type": "input_text", "text": "look" },
            { "type": "input_image", "image_url": "https://example.com/a.png", "detail": "auto" },
            { "type": "input_image", "file_id": "file-1", "detail": "auto" },
            { "type": "input_file", "file_id": "file-2" },
            { "type": "input_file", "file_url": "https://example.com/a.pdf" },
            { "type": "input_file", "file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf" },
        ])
    );
}

#[test]
fn what_this_wire_cannot_say_is_refused_by_name() {
    let image = Message::assistant("look").with_part(ContentPart::image_url("https://example.com/a.png"));
    for (request, pointer) in [
        (ChatRequest::user("hi").with_seed(7), "`/seed`"),
        (ChatRequest::user("hi").with_stop("END"), "`/stop`"),
        (ChatRequest::new([Message::user("hi"), image]), "`/messages/1/parts/1`"),
    ] {
        let error = WIRE.encode(&request, "m").unwrap_err().to_string();
        assert!(error.contains(pointer) && error.contains("the Responses wire"), "{error}");
    }
}

#[test]
fn the_seed_of_a_replicate_is_left_out() {
    let request = ChatRequest::user("hi").with_context(CallContext::new().with_seed(7));
    assert_eq!(encode(&request).get("seed"), None);
}
