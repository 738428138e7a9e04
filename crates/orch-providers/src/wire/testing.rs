//! What the wires' tests share.

use orch_core::Error;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;

use super::{Wire, decode_json, decode_sse};
use crate::chat::{ChatEvent, FinishReason, ToolCallPiece};

pub(crate) type Events = Vec<Result<ChatEvent, Error>>;

/// The events of an answer that is whole.
pub(crate) fn ok(events: Events) -> Vec<ChatEvent> {
    events.into_iter().map(Result::unwrap).collect()
}

pub(crate) fn last_error(events: Events) -> Error {
    events.into_iter().next_back().expect("there is an event").expect_err("the last is an error")
}

pub(crate) fn text(text: &str) -> ChatEvent {
    ChatEvent::Text(text.to_owned())
}

pub(crate) fn reasoning(text: &str) -> ChatEvent {
    ChatEvent::Reasoning(text.to_owned())
}

pub(crate) fn end(reason: FinishReason) -> ChatEvent {
    ChatEvent::End { reason }
}

pub(crate) fn piece(index: u32, id: Option<&str>, name: Option<&str>, arguments: &str) -> ChatEvent {
    let (id, name) = (id.map(Into::into), name.map(Into::into));
    ChatEvent::ToolCall(ToolCallPiece { index, id, name, arguments: arguments.into() })
}

/// What holds for every wire, whatever comes: nothing panics, noise is no answer, an error is the last thing, and a
/// recorded stream that is cut anywhere is whole or an error. `words` are the wire's own, for events of no sense.
pub(crate) fn hold_whatever_comes<W: Wire>(wire: &W, recorded: &str, words: &[&'static str]) {
    let decode = |bytes: &[u8]| {
        let events = decode_sse(bytes, wire);
        assert!(events.iter().rev().skip(1).all(Result::is_ok), "an error is the last: {events:?}");
        let _ = decode_json(&String::from_utf8_lossy(bytes), wire);
        events
    };
    proptest!(|(bytes in proptest::collection::vec(any::<u8>(), 0..300))| {
        prop_assert!(decode(&bytes).last().is_some_and(Result::is_err), "noise is no answer");
    });
    proptest!(|(cut in any::<Index>())| {
        let events = decode(&recorded.as_bytes()[..cut.index(recorded.len())]);
        let ended = events.iter().any(|event| matches!(event, Ok(ChatEvent::End { .. })));
        prop_assert_eq!(ended, events.last().is_some_and(Result::is_ok));
    });
    proptest!(|(changes in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..6))| {
        let mut bytes = recorded.as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        decode(&bytes);
    });
    proptest!(|(events in any_events(words))| {
        let stream: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
        decode(stream.as_bytes());
        for event in &events {
            let _ = decode_json(&event.to_string(), wire);
        }
    });
}

/// Lists of events that nobody would send: any JSON with the fields of the wires in all places, and of any type.
pub(crate) fn any_events(words: &[&'static str]) -> impl Strategy<Value = Vec<Value>> + use<> {
    const FIELDS: [&str; 32] = [
        "type",
        "response",
        "item",
        "message",
        "content",
        "content_block",
        "delta",
        "index",
        "output_index",
        "item_id",
        "id",
        "text",
        "arguments",
        "partial_json",
        "usage",
        "output",
        "status",
        "error",
        "stop_reason",
        "input",
        "output_tokens",
        "model",
        "name",
        "reason",
        "incomplete_details",
        "stop_details",
        "code",
        "choices",
        "tool_calls",
        "function",
        "finish_reason",
        "service_tier",
    ];
    let words: Vec<&'static str> = words.to_vec();
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        select(words.clone()).prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
    ];
    let object = |value: BoxedStrategy<Value>| {
        proptest::collection::vec((select(FIELDS.to_vec()), value), 0..6)
            .prop_map(|fields| fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Value>())
    };
    let json = leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from), object(inner.boxed())]
    });
    let event = (select(words), json).prop_map(|(kind, mut event)| {
        if let Some(event) = event.as_object_mut() {
            event.insert("type".to_owned(), kind.into());
        }
        event
    });
    proptest::collection::vec(event, 0..12)
}
