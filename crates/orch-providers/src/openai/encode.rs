use orch_core::Error;
use serde_json::{Map, Value, json};

use super::ChatCompletions;
use crate::chat::{ChatRequest, Message, ResponseFormat, Role};
use crate::wire::Wire;

/// The seed is cut to 31 bits, since servers disagree on more: seeds below 2,147,483,648 arrive as they are.
impl Wire for ChatCompletions {
    fn encode(&self, request: &ChatRequest, model: &str) -> Result<Value, Error> {
        let dialect = &self.0.dialect;
        let mut body = Map::new();
        body.insert("model".into(), request.model().unwrap_or(model).into());
        body.insert("messages".into(), request.messages().iter().map(message).collect());
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                body.insert(name.into(), value);
            }
        };
        set("temperature", request.temperature().map(Value::from));
        set("top_p", request.top_p().map(Value::from));
        set("seed", request.seed().map(|seed| Value::from(seed & 0x7fff_ffff)));
        set(dialect.max_tokens, request.max_tokens().map(Value::from));
        set("stop", (!request.stop().is_empty()).then(|| json!(request.stop())));
        set("response_format", response_format(request.response_format()));
        set("stream", request.stream().then_some(Value::Bool(true)));
        set("stream_options", request.stream().then(|| json!({ "include_usage": true })));
        body.extend(request.extras().clone());
        Ok(Value::Object(body))
    }
}

fn response_format(format: &ResponseFormat) -> Option<Value> {
    match format {
        ResponseFormat::Text => None,
        ResponseFormat::JsonSchema { name, schema, strict } => Some(json!({
            "type": "json_schema",
            "json_schema": { "name": name, "strict": strict, "schema": schema },
        })),
    }
}

fn message(message: &Message) -> Value {
    let mut wire = Map::new();
    wire.insert("role".into(), role(message.role()).into());
    let text = message.text();
    let called = !message.tool_calls().is_empty();
    wire.insert("content".into(), if called && text.is_empty() { Value::Null } else { text.into() });
    if called {
        let calls = message.tool_calls().iter().map(|call| {
            json!({ "id": call.id, "type": "function", "function": { "name": call.name, "arguments": call.arguments } })
        });
        wire.insert("tool_calls".into(), calls.collect());
    }
    if let Some(id) = message.tool_call_id() {
        wire.insert("tool_call_id".into(), id.into());
    }
    Value::Object(wire)
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

    use super::*;
    use crate::chat::ToolCall;
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
            .with_max_tokens(5)
            .with_extra("max_tokens", 9)
            .with_extra("priority", 1)
            .with_stream(false);
        let body = encode(&request, "m", &Dialect::VLLM);
        assert_eq!((&body["max_tokens"], &body["priority"]), (&json!(9), &json!(1)));
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
}
