//! From a request to the wire's JSON.

use orch_core::Error;
use serde_json::Value;

use super::ChatCompletions;
use crate::chat::{
    ChatRequest, ContentPart, Message, ReasoningEffort, Reference, ResponseFormat, Role, ToolCall, ToolChoice,
    ToolDefinition,
};
use crate::wire::{Body, Json, Wire, known, notes, object, parts};

/// The seed is cut to 31 bits, since servers disagree on more: seeds below 2,147,483,648 arrive as they are. Images go
/// by URL alone, files by id or as a `data:` URL.
impl Wire for ChatCompletions {}

impl ChatCompletions {
    pub(super) fn write<'a>(&self, request: &'a ChatRequest, model: &'a str) -> Result<Json<'a>, Error> {
        let dialect = &self.0.dialect;
        let messages = request.messages().iter().enumerate().map(|(at, said)| message(at, said));
        let mut body = Body::new(request, model);
        body.set("messages", Some(messages.collect::<Result<Vec<_>, _>>()?));
        body.set("temperature", request.temperature());
        body.set("top_p", request.top_p());
        body.set("seed", request.seed().map(|seed| seed & 0x7fff_ffff));
        body.set(dialect.max_tokens, request.max_tokens());
        body.set_unless_empty("stop", request.stop().iter().map(String::as_str).collect());
        body.set("response_format", response_format(request.response_format()));
        body.set_unless_empty("tools", request.tools().iter().map(tool).collect());
        body.set("tool_choice", tool_choice(request.tool_choice()));
        body.set("reasoning_effort", request.reasoning_effort().map(ReasoningEffort::as_str));
        body.set(dialect.user, request.user_id());
        body.set_unless_empty("metadata", notes(request.metadata()));
        body.set("stream", request.stream().then_some(true));
        body.set("stream_options", request.stream().then(|| object([("include_usage", true.into())])));
        body.finish(request)
    }
}

fn response_format(format: &ResponseFormat) -> Option<Json<'_>> {
    match format {
        ResponseFormat::Text => None,
        ResponseFormat::JsonSchema { name, schema, strict } => {
            let schema = Json::Held(schema);
            let schema = object([("name", (&**name).into()), ("strict", (*strict).into()), ("schema", schema)]);
            Some(object([("type", "json_schema".into()), ("json_schema", schema)]))
        }
    }
}

fn tool(tool: &ToolDefinition) -> Json<'_> {
    let function = known([
        ("name", Some(tool.name().into())),
        ("description", tool.description().map(Json::from)),
        ("parameters", Some(Json::Held(tool.schema()))),
        ("strict", tool.strict().then_some(true.into())),
    ]);
    object([("type", "function".into()), ("function", function)])
}

fn tool_choice(choice: &ToolChoice) -> Option<Json<'_>> {
    Some(match choice {
        ToolChoice::Auto => return None,
        ToolChoice::None => "none".into(),
        ToolChoice::Required => "required".into(),
        ToolChoice::Tool(name) => {
            object([("type", "function".into()), ("function", object([("name", (&**name).into())]))])
        }
    })
}

fn message(at: usize, message: &Message) -> Result<Json<'_>, Error> {
    let calls: Json<'_> = message.tool_calls().iter().map(tool_call).collect();
    let content = if message.is_text() {
        let text = message.text();
        if text.is_empty() && !calls.is_empty() { Json::Made(Value::Null) } else { text.into() }
    } else {
        parts(message, at, |part| self::part(part, message.role()))?.into()
    };
    Ok(known([
        ("role", Some(role(message.role()).into())),
        ("content", Some(content)),
        ("tool_calls", (!calls.is_empty()).then_some(calls)),
        ("tool_call_id", message.tool_call_id().map(Json::from)),
    ]))
}

fn tool_call(call: &ToolCall) -> Json<'_> {
    let function = object([("name", call.name.as_str().into()), ("arguments", call.arguments.as_str().into())]);
    object([("id", call.id.as_str().into()), ("type", "function".into()), ("function", function)])
}

fn part(part: &ContentPart, role: Role) -> Result<Json<'_>, &'static str> {
    match part {
        ContentPart::Text { text } => Ok(object([("type", "text".into()), ("text", (&**text).into())])),
        _ if role != Role::User => Err("the Chat Completions wire takes images and files from the user alone"),
        ContentPart::Image { source: Reference::Url(url) } => {
            Ok(object([("type", "image_url".into()), ("image_url", object([("url", (&**url).into())]))]))
        }
        ContentPart::Image { source: Reference::Id(_) } => {
            Err("the Chat Completions wire takes no image by its id: give its URL")
        }
        ContentPart::File { source, name } => {
            let (field, source) = match source {
                Reference::Id(id) => ("file_id", id),
                Reference::Url(url) if url.starts_with("data:") => ("file_data", url),
                Reference::Url(_) => {
                    return Err("the Chat Completions wire takes no file by its URL: send it inside one (`data:`)");
                }
            };
            let file = known([(field, Some((&**source).into())), ("filename", name.as_deref().map(Json::from))]);
            Ok(object([("type", "file".into()), ("file", file)]))
        }
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}

#[cfg(test)]
mod tests {
    use orch_core::CallContext;
    use serde_json::json;

    use super::*;
    use crate::compatible::Dialect;

    fn encode(request: &ChatRequest, model: &str, dialect: &Dialect) -> Value {
        ChatCompletions::new(*dialect).encode(request, model).unwrap()
    }

    #[test]
    fn every_setting_has_its_field() {
        let request = ChatRequest::user("hi")
            .with_model("big")
            .with_temperature(0.5)
            .with_top_p(0.9)
            .with_max_tokens(64)
            .with_stop("END")
            .with_json_schema("vote", json!({ "type": "object" }))
            .with_context(CallContext::new().with_seed(u64::MAX));
        assert_eq!(
            encode(&request, "small", &Dialect::OPENAI),
            json!({
                "model": "big",
                "messages": [{ "role": "user", "content": "hi" }],
                "temperature": 0.5,
                "top_p": 0.9,
                "seed": 2_147_483_647,
                "max_completion_tokens": 64,
                "stop": ["END"],
                "response_format": {
                    "type": "json_schema",
                    "json_schema": { "name": "vote", "strict": true, "schema": { "type": "object" } },
                },
                "stream": true,
                "stream_options": { "include_usage": true },
            })
        );
    }

    #[test]
    fn extra_fields_go_over_ours() {
        let request = ChatRequest::user("hi")
            .with_temperature(0.5)
            .with_extra("temperature", 0.9)
            .with_extra("priority", 1)
            .with_stream(false);
        let body = encode(&request, "m", &Dialect::VLLM);
        assert_eq!((&body["temperature"], &body["priority"]), (&json!(0.9), &json!(1)));
    }

    #[test]
    fn a_conversation_with_a_tool_keeps_its_ids() {
        let call = ToolCall { id: "c1".into(), name: "add".into(), arguments: "{}".into() };
        let request = ChatRequest::new([
            Message::system("be brief"),
            Message::assistant("").with_tool_calls([call]),
            Message::tool("c1", "3"),
        ]);
        let function = json!({ "name": "add", "arguments": "{}" });
        assert_eq!(
            encode(&request, "m", &Dialect::COMPATIBLE)["messages"],
            json!([
                { "role": "system", "content": "be brief" },
                { "role": "assistant", "content": null, "tool_calls": [{ "id": "c1", "type": "function", "function": function }] },
                { "role": "tool", "content": "3", "tool_call_id": "c1" },
            ])
        );
    }

    #[test]
    fn tools_effort_user_and_notes_have_their_fields() {
        let weather = ToolDefinition::new("get_weather", json!({ "type": "object" })).with_description("now");
        let request = ChatRequest::user("hi")
            .with_tool(weather.clone())
            .with_tool(weather.with_strict(true))
            .with_tool_choice(ToolChoice::Tool("get_weather".into()))
            .with_reasoning_effort(ReasoningEffort::XHigh)
            .with_user("u1")
            .with_metadata("run", "7")
            .with_stream(false);
        let function = json!({ "name": "get_weather", "description": "now", "parameters": { "type": "object" } });
        let mut strict = function.clone();
        strict["strict"] = json!(true);
        let mut expected = json!({
            "model": "m",
            "messages": [{ "role": "user", "content": "hi" }],
            "tools": [{ "type": "function", "function": function }, { "type": "function", "function": strict }],
            "tool_choice": { "type": "function", "function": { "name": "get_weather" } },
            "reasoning_effort": "xhigh",
            "user": "u1",
            "metadata": { "run": "7" },
        });
        assert_eq!(encode(&request, "m", &Dialect::LLAMA_CPP), expected);
        let user = expected.as_object_mut().unwrap().remove("user").unwrap();
        expected["safety_identifier"] = user;
        assert_eq!(encode(&request, "m", &Dialect::OPENAI), expected);
        for (choice, word) in [(ToolChoice::None, "none"), (ToolChoice::Required, "required")] {
            assert_eq!(encode(&request.clone().with_tool_choice(choice), "m", &Dialect::OPENAI)["tool_choice"], word);
        }
    }

    #[test]
    fn images_go_by_url_and_files_by_id_or_inside_a_url() {
        let message = Message::user("look")
            .with_part(ContentPart::image_url("https://example.com/a.png"))
            .with_part(ContentPart::file_id("file-1"))
            .with_part(ContentPart::file_url("data:application/pdf;base64,AA==").named("a.pdf"));
        let parts = encode(&ChatRequest::new([message]), "m", &Dialect::OPENAI)["messages"][0]["content"].clone();
        let data = json!({ "file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf" });
        assert_eq!(
            parts,
            json!([
                { "type": "text", "text": "look" },
                { "type": "image_url", "image_url": { "url": "https://example.com/a.png" } },
                { "type": "file", "file": { "file_id": "file-1" } },
                { "type": "file", "file": data },
            ])
        );
    }

    #[test]
    fn what_this_wire_cannot_send_is_refused_by_its_place() {
        let image = ContentPart::image_url("https://example.com/a.png");
        for message in [
            Message::user("look").with_part(ContentPart::Image { source: Reference::Id("file-1".into()) }),
            Message::user("look").with_part(ContentPart::file_url("https://example.com/a.pdf")),
            Message::assistant("look").with_part(image.clone()),
            Message::tool("c1", "look").with_part(image),
        ] {
            let request = ChatRequest::new([Message::user("hi"), message]);
            let error = ChatCompletions::new(Dialect::OPENAI).encode(&request, "m").unwrap_err();
            assert!(error.to_string().contains("`/messages/1/parts/1`: the Chat Completions wire"), "{error}");
        }
    }
}
