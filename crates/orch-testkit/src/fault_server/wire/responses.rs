use serde_json::{Value, json};

use super::super::answer::{Finish, Kind, Reply};
use super::super::failure::Failure;
use super::super::frame::{Frame, Role};
use super::{Asked, CALL, CREATED};

pub(super) fn whole(reply: &Reply, asked: &Asked) -> Value {
    let status = if reply.ends == 0 { "in_progress" } else { status(reply) };
    let mut answer = response(asked, status, &json!([item(reply, "completed", &reply.pieces.concat())]));
    if reply.finish != Finish::Done {
        answer["incomplete_details"] = json!({ "reason": reason(reply) });
    }
    if let Some((input, output)) = reply.usage {
        answer["usage"] = json!({
            "input_tokens": input, "input_tokens_details": { "cached_tokens": 0, "cache_write_tokens": 0 },
            "output_tokens": output, "output_tokens_details": { "reasoning_tokens": 0 },
            "total_tokens": input + output,
        });
    }
    answer
}

/// A response that says itself that it failed.
pub(super) fn failed(failure: &Failure, asked: &Asked) -> Value {
    let mut answer = response(asked, "failed", &json!([]));
    let error = failure.error(asked.wire);
    let code = error.get("code").filter(|code| !code.is_null()).or_else(|| error.get("type"));
    answer["error"] = json!({ "code": code, "message": error.get("message") });
    answer
}

/// The event of a failure: flat, unless the response itself failed.
pub(super) fn failed_event(failure: &Failure, asked: &Asked, number: usize) -> (&'static str, Value) {
    if failure.is_of_response() {
        let kind = "response.failed";
        return (kind, json!({ "type": kind, "sequence_number": number, "response": failed(failure, asked) }));
    }
    let mut error = failure.error(asked.wire);
    let kind = error.insert("type".into(), "error".into());
    if error.get("code").is_none_or(Value::is_null) {
        error.insert("code".into(), kind.into());
    }
    error.insert("sequence_number".into(), number.into());
    ("error", error.into())
}

pub(super) fn stream(reply: &Reply, asked: &Asked) -> Vec<Frame> {
    let begun = response(asked, "in_progress", &json!([]));
    let item = |status: &str, text: &str| item(reply, status, text);
    let mut events = vec![
        (json!({ "type": "response.created", "response": begun }), Role::Other),
        (json!({ "type": "response.in_progress", "response": begun }), Role::Other),
        (
            json!({ "type": "response.output_item.added", "output_index": 0, "item": item("in_progress", "") }),
            Role::Other,
        ),
    ];
    events.extend(in_item(reply));
    let whole_item = item("completed", &reply.pieces.concat());
    events.push((json!({ "type": "response.output_item.done", "output_index": 0, "item": whole_item }), Role::Other));
    let end = format!("response.{}", status(reply));
    events.push((json!({ "type": end, "response": whole(reply, asked) }), Role::End));
    events.into_iter().enumerate().map(|(number, (event, role))| numbered(event, number, role)).collect()
}

/// The events of the answer's one item.
fn in_item(reply: &Reply) -> Vec<(Value, Role)> {
    let (name, field) = match &reply.kind {
        Kind::Text => ("output_text", "text"),
        Kind::Refusal => ("refusal", "refusal"),
        Kind::ToolCall(_) => ("function_call_arguments", "arguments"),
    };
    let has_parts = !matches!(reply.kind, Kind::ToolCall(_));
    let event = |what: &str, field: &str, value: Value| {
        let kind = format!("response.{what}");
        let mut event = json!({ "type": kind, "item_id": "item_1", "output_index": 0, field: value });
        if has_parts {
            event["content_index"] = 0.into();
        }
        if what.starts_with("output_text") {
            event["logprobs"] = json!([]);
        }
        event
    };
    let part =
        |what: &str, text: &str| has_parts.then(|| (event(what, "part", content(&reply.kind, text)), Role::Other));
    let text = reply.pieces.concat();
    let mut events = Vec::from_iter(part("content_part.added", ""));
    let delta = format!("{name}.delta");
    events.extend(reply.pieces.iter().map(|piece| (event(&delta, "delta", piece.as_str().into()), Role::Piece)));
    events.push((event(&format!("{name}.done"), field, text.as_str().into()), Role::Other));
    events.extend(part("content_part.done", &text));
    events
}

fn numbered(mut event: Value, number: usize, role: Role) -> Frame {
    event["sequence_number"] = number.into();
    let name = event["type"].as_str().map(str::to_owned);
    Frame { event: name, data: event.to_string(), role }
}

fn response(asked: &Asked, status: &str, output: &Value) -> Value {
    json!({
        "id": asked.id("resp_"), "object": "response", "created_at": CREATED, "status": status, "error": null,
        "incomplete_details": null, "model": asked.model, "output": output, "parallel_tool_calls": true,
        "tool_choice": "auto", "tools": [], "usage": null, "instructions": null, "metadata": {}, "temperature": 1,
        "top_p": 1,
    })
}

fn item(reply: &Reply, status: &str, text: &str) -> Value {
    if let Kind::ToolCall(name) = &reply.kind {
        return json!({
            "id": "item_1", "type": "function_call", "status": status, "call_id": CALL, "name": name,
            "arguments": text,
        });
    }
    let begun = status == "in_progress";
    let content = if begun { json!([]) } else { json!([content(&reply.kind, text)]) };
    json!({ "id": "item_1", "type": "message", "status": status, "role": "assistant", "content": content })
}

fn content(kind: &Kind, text: &str) -> Value {
    match kind {
        Kind::Refusal => json!({ "type": "refusal", "refusal": text }),
        Kind::Text | Kind::ToolCall(_) => {
            json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
        }
    }
}

fn status(reply: &Reply) -> &'static str {
    if reply.finish == Finish::Done { "completed" } else { "incomplete" }
}

fn reason(reply: &Reply) -> &'static str {
    if reply.finish == Finish::Length { "max_output_tokens" } else { "content_filter" }
}
