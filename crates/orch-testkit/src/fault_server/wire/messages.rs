use serde_json::{Value, json};

use super::super::answer::{Finish, Kind, Reply};
use super::super::frame::{Frame, Role};
use super::{Asked, CALL};

pub(super) fn whole(reply: &Reply, asked: &Asked) -> Value {
    let text = reply.pieces.concat();
    let block = match &reply.kind {
        Kind::Text | Kind::Refusal => json!({ "type": "text", "text": text }),
        Kind::ToolCall(name) => {
            let input: Value = serde_json::from_str(&text).unwrap_or_default();
            json!({ "type": "tool_use", "id": CALL, "name": name, "input": input })
        }
    };
    let mut answer = message(asked, &json!([block]), reason(reply));
    if let Some((input, output)) = reply.usage {
        answer["usage"] = usage(input, output);
    }
    answer
}

pub(super) fn stream(reply: &Reply, asked: &Asked) -> Vec<Frame> {
    let frame = |data: Value, role: Role| {
        let event = data["type"].as_str().map(str::to_owned);
        Frame { event, data: data.to_string(), role }
    };
    let mut start = message(asked, &json!([]), None);
    let mut delta = json!({
        "type": "message_delta", "delta": { "stop_reason": reason(reply), "stop_sequence": null },
    });
    if let Some((input, output)) = reply.usage {
        // Both are totals: the first is of the moment when the answer began.
        start["usage"] = usage(input, 1);
        delta["usage"] = json!({ "output_tokens": output });
    }
    let block = match &reply.kind {
        Kind::Text | Kind::Refusal => json!({ "type": "text", "text": "" }),
        Kind::ToolCall(name) => json!({ "type": "tool_use", "id": CALL, "name": name, "input": {} }),
    };
    let mut frames = vec![
        frame(json!({ "type": "message_start", "message": start }), Role::Other),
        frame(json!({ "type": "content_block_start", "index": 0, "content_block": block }), Role::Other),
    ];
    frames.extend(reply.pieces.iter().map(|piece| {
        let delta = match &reply.kind {
            Kind::Text | Kind::Refusal => json!({ "type": "text_delta", "text": piece }),
            Kind::ToolCall(_) => json!({ "type": "input_json_delta", "partial_json": piece }),
        };
        frame(json!({ "type": "content_block_delta", "index": 0, "delta": delta }), Role::Piece)
    }));
    frames.push(frame(json!({ "type": "content_block_stop", "index": 0 }), Role::Other));
    frames.push(frame(delta, Role::End));
    frames.push(frame(json!({ "type": "message_stop" }), Role::End));
    frames
}

fn usage(input: u64, output: u64) -> Value {
    json!({
        "input_tokens": input, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
        "output_tokens": output, "service_tier": "standard",
    })
}

fn message(asked: &Asked, content: &Value, reason: Option<&str>) -> Value {
    json!({
        "id": asked.id("msg_"), "type": "message", "role": "assistant", "model": asked.model, "content": content,
        "stop_reason": reason, "stop_sequence": null, "stop_details": null, "container": null,
    })
}

fn reason(reply: &Reply) -> Option<&'static str> {
    (reply.ends > 0).then_some(match (reply.finish, &reply.kind) {
        (Finish::Length, _) => "max_tokens",
        (Finish::ContentFilter, _) | (Finish::Done, Kind::Refusal) => "refusal",
        (Finish::Done, Kind::ToolCall(_)) => "tool_use",
        (Finish::Done, Kind::Text) => "end_turn",
    })
}
