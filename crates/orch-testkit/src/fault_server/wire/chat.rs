use serde_json::{Value, json};

use super::super::answer::{Finish, Kind, Reply};
use super::super::frame::{Frame, Role};
use super::{Asked, CALL, CREATED};

pub(super) fn whole(reply: &Reply, asked: &Asked) -> Value {
    let text = reply.pieces.concat();
    let message = match &reply.kind {
        Kind::Text => json!({ "role": "assistant", "content": text, "refusal": null }),
        Kind::Refusal => json!({ "role": "assistant", "content": null, "refusal": text }),
        Kind::ToolCall(name) => json!({
            "role": "assistant", "content": null, "refusal": null,
            "tool_calls": [{ "id": CALL, "type": "function", "function": { "name": name, "arguments": text } }],
        }),
    };
    let mut answer = json!({
        "id": asked.id("chatcmpl-"), "object": "chat.completion", "created": CREATED, "model": asked.model,
        "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": reason(reply) }],
    });
    if let Some(counts) = reply.usage {
        answer["usage"] = usage(counts);
    }
    answer
}

pub(super) fn stream(reply: &Reply, asked: &Asked) -> Vec<Frame> {
    let chunk = |choices: Value, role: Role| {
        let data = json!({
            "id": asked.id("chatcmpl-"), "object": "chat.completion.chunk", "created": CREATED, "model": asked.model,
            "choices": choices,
        });
        Frame::new(None, data.to_string(), role)
    };
    let delta = |delta: Value, role: Role| {
        chunk(json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": null }]), role)
    };
    let mut frames = Vec::new();
    match &reply.kind {
        Kind::Text => frames.push(delta(json!({ "role": "assistant", "content": "" }), Role::Other)),
        Kind::Refusal => frames.push(delta(json!({ "role": "assistant", "content": null }), Role::Other)),
        Kind::ToolCall(name) => {
            let call =
                json!({ "index": 0, "id": CALL, "type": "function", "function": { "name": name, "arguments": "" } });
            frames.push(delta(json!({ "role": "assistant", "content": null, "tool_calls": [call] }), Role::Other));
        }
    }
    frames.extend(reply.pieces.iter().map(|piece| {
        let piece = match &reply.kind {
            Kind::Text => json!({ "content": piece }),
            Kind::Refusal => json!({ "refusal": piece }),
            Kind::ToolCall(_) => json!({ "tool_calls": [{ "index": 0, "function": { "arguments": piece } }] }),
        };
        delta(piece, Role::Piece)
    }));
    let end = json!([{ "index": 0, "delta": {}, "logprobs": null, "finish_reason": reason(reply) }]);
    frames.push(chunk(end, Role::End));
    if let Some(counts) = reply.usage.filter(|_| asked.include_usage) {
        let mut data: Value = json!({
            "id": asked.id("chatcmpl-"), "object": "chat.completion.chunk", "created": CREATED, "model": asked.model,
            "choices": [],
        });
        data["usage"] = usage(counts);
        frames.push(Frame::new(None, data.to_string(), Role::Other));
    }
    frames.push(Frame::new(None, "[DONE]", Role::End));
    frames
}

fn reason(reply: &Reply) -> Option<&'static str> {
    (reply.ends > 0).then_some(match (reply.finish, &reply.kind) {
        (Finish::Length, _) => "length",
        (Finish::ContentFilter, _) => "content_filter",
        (Finish::Done, Kind::ToolCall(_)) => "tool_calls",
        (Finish::Done, Kind::Text | Kind::Refusal) => "stop",
    })
}

fn usage((input, output): (u64, u64)) -> Value {
    json!({
        "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output,
        "prompt_tokens_details": { "cached_tokens": 0 }, "completion_tokens_details": { "reasoning_tokens": 0 },
    })
}
