//! Every request is one that the providers' own documents accept: against a server that checks it by them.

use orch_core::Error;
use orch_providers::{
    Anthropic, ApiVersion, ChatRequest, ContentPart, Message, OpenAi, OpenAiResponses, Provider, ProviderService,
    ReasoningEffort, Reference, ToolCall, ToolChoice, ToolDefinition,
};
use serde_json::json;
use tower::ServiceExt;

use crate::wire::address;

fn tool(name: &str) -> ToolDefinition {
    let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"],
        "additionalProperties": false });
    ToolDefinition::new(name, schema).with_description("The weather of a city.")
}

/// Requests of all kinds; `reads` are the parts beside text that the wire can send.
fn requests(reads: &[ContentPart]) -> Vec<ChatRequest> {
    let plain = || ChatRequest::user("What is the weather in Oslo?");
    let call = ToolCall::new("call_1", "weather", "{\"city\":\"Oslo\"}");
    let asked = [Message::system("Be brief."), Message::user("What is the weather?")];
    let conversation = ChatRequest::new(asked.clone())
        .with_message(Message::assistant("Let me see.").with_tool_calls([call.clone()]))
        .with_message(Message::tool("call_1", "rain"))
        .with_tool(tool("weather"));
    let silent = ChatRequest::new(asked)
        .with_message(Message::assistant("").with_tool_calls([call]))
        .with_message(Message::tool("call_1", "rain"))
        .with_message(Message::user("And tomorrow?"))
        .with_tool(tool("weather"));
    let schema = json!({ "type": "object", "properties": { "rain": { "type": "boolean" } }, "required": ["rain"],
        "additionalProperties": false });
    let mut requests = vec![
        plain(),
        plain().with_max_tokens(64),
        plain().with_json_schema("weather", schema),
        plain().with_user("user-1"),
        plain().with_tool(tool("weather")),
        plain().with_tool(tool("weather").with_strict(true)),
        plain().with_tool(tool("weather")).with_tool_choice(ToolChoice::Required),
        plain().with_tool(tool("weather")).with_tool_choice(ToolChoice::None),
        plain().with_tool(tool("weather")).with_tool(tool("now")).with_tool_choice(ToolChoice::Tool("now".into())),
        conversation,
        silent,
    ];
    requests.extend(
        [
            ReasoningEffort::Low,
            ReasoningEffort::Medium,
            ReasoningEffort::High,
            ReasoningEffort::XHigh,
            ReasoningEffort::Max,
        ]
        .map(|effort| plain().with_reasoning_effort(effort)),
    );
    requests.extend(reads.iter().map(|part| ChatRequest::new([Message::user("Look.").with_part(part.clone())])));
    requests
}

/// The error with which the document refuses any of them, streamed or not.
async fn refusals(model: impl Provider, requests: Vec<ChatRequest>) -> Vec<Error> {
    let model = ProviderService::new(model);
    let mut refused = Vec::new();
    for request in requests {
        for stream in [true, false] {
            let answer = model.clone().oneshot(request.clone().with_stream(stream)).await;
            refused.extend(answer.err().filter(|error| error.to_string().contains("answered 4")));
        }
    }
    refused
}

fn image() -> ContentPart {
    ContentPart::image_url("https://example.com/a.png")
}

fn pdf_inside() -> ContentPart {
    ContentPart::file_url("data:application/pdf;base64,AA==").named("a.pdf")
}

/// What both of OpenAI's wires take beside.
fn openai_only() -> Vec<ChatRequest> {
    let plain = || ChatRequest::user("hi");
    vec![
        plain().with_temperature(0.5).with_top_p(0.9),
        plain().with_metadata("run", "7"),
        plain().with_reasoning_effort(ReasoningEffort::Minimal),
        plain().with_reasoning_effort(ReasoningEffort::None),
    ]
}

#[tokio::test]
async fn wire_steady_accepts_every_chat_completion() {
    let Some(address) = address("ORCH_WIRE_STEADY_OPENAI") else { return };
    let model = OpenAi::compatible(orch_providers::Dialect::OPENAI).base_url(format!("{address}//")).api_key("k");
    let mut all = requests(&[image(), ContentPart::file_id("file-1"), pdf_inside()]);
    all.extend(openai_only());
    all.push(ChatRequest::user("hi").with_seed(7).with_stop("END"));
    let refused = refusals(model.model("gpt-5").build().unwrap(), all).await;
    assert!(refused.is_empty(), "{refused:#?}");
}

#[tokio::test]
async fn wire_steady_accepts_every_response() {
    let Some(address) = address("ORCH_WIRE_STEADY_OPENAI") else { return };
    let model =
        OpenAiResponses::compatible(orch_providers::Dialect::OPENAI).base_url(format!("{address}//")).api_key("k");
    let image_id = ContentPart::Image { source: Reference::Id("file-1".into()) };
    let file_url = ContentPart::file_url("https://example.com/a.pdf");
    let mut all = requests(&[image(), image_id, ContentPart::file_id("file-1"), file_url, pdf_inside()]);
    all.extend(openai_only());
    let refused = refusals(model.model("gpt-5").build().unwrap(), all).await;
    assert!(refused.is_empty(), "{refused:#?}");
}

#[tokio::test]
async fn wire_steady_accepts_every_message() {
    let Some(address) = address("ORCH_WIRE_STEADY_ANTHROPIC") else { return };
    let image_inside = ContentPart::image_url("data:image/png;base64,AA==");
    let parts = [image(), image_inside, ContentPart::file_url("https://example.com/a.pdf"), pdf_inside()];
    for version in [ApiVersion::V2023_06_01, ApiVersion::V2026_10_21] {
        let model = Anthropic::builder().base_url(&address).api_key("k").api_version(version).model("claude-opus-4-6");
        let mut all = requests(&parts);
        all.push(ChatRequest::user("hi").with_stop("END"));
        all.push(ChatRequest::user("hi").with_reasoning_effort(ReasoningEffort::None));
        if version == ApiVersion::V2023_06_01 {
            all.push(ChatRequest::user("hi").with_temperature(0.5).with_top_p(0.9));
        }
        let refused = refusals(model.build().unwrap(), all).await;
        assert!(refused.is_empty(), "{refused:#?}");
    }
}
