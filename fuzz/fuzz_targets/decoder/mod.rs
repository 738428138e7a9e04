//! What holds for the decoder of every wire, whatever comes.

use bytes::Bytes;
use orch_core::Error;
use orch_providers::{ChatEvent, Wire, decode_json, decode_sse, decode_sse_chunks};

type Events = Vec<Result<ChatEvent, Error>>;

/// The first byte says how the rest is cut. Nothing panics, an error is the last thing, and where the bytes are cut
/// changes nothing; the same bytes as a whole answer are an answer or one error.
pub fn hold(data: &[u8], wire: &impl Wire) {
    let Some((size, body)) = data.split_first() else { return };
    let whole = decode_sse(body, wire);
    assert!(whole.iter().rev().skip(1).all(Result::is_ok), "an error is the last: {whole:?}");
    let chunks = body.chunks(usize::from(*size).max(1)).map(Bytes::copy_from_slice);
    assert_eq!(said(&whole), said(&decode_sse_chunks(chunks, wire)));
    let ended = whole.iter().any(|event| matches!(event, Ok(ChatEvent::End { .. })));
    assert!(ended || whole.last().is_some_and(Result::is_err), "an answer without an end: {whole:?}");
    if let Ok(text) = std::str::from_utf8(body) {
        let answer = decode_json(text, wire);
        assert!(answer.iter().rev().skip(1).all(Result::is_ok), "an error is the last: {answer:?}");
    }
}

pub fn said(events: &Events) -> Vec<String> {
    events.iter().map(|event| format!("{event:?}")).collect()
}
