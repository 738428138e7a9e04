//! What the wires' tests share.

use proptest::prelude::*;
use serde_json::Value;

/// Lists of events that nobody would send: any JSON with the words of a wire in all places, and of any type.
pub(crate) fn any_events(words: &[&'static str]) -> impl Strategy<Value = Vec<Value>> + use<> {
    let words: Vec<&'static str> = words.to_vec();
    let fields = [
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
        "input_tokens",
        "model",
        "name",
        "reason",
        "incomplete_details",
        "stop_details",
        "code",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        proptest::sample::select(words.clone()).prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
    ];
    let object = move |value: BoxedStrategy<Value>| {
        proptest::collection::vec((proptest::sample::select(fields.to_vec()), value), 0..6)
            .prop_map(|fields| fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Value>())
    };
    let json = leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from), object(inner.boxed())]
    });
    let event = (proptest::sample::select(words), json).prop_map(|(kind, mut event)| {
        if let Some(event) = event.as_object_mut() {
            event.insert("type".to_owned(), kind.into());
        }
        event
    });
    proptest::collection::vec(event, 0..12)
}
