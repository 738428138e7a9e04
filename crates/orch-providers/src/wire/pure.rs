//! The decoders without a network.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::{FutureExt, Stream, stream};
use orch_core::Error;

use super::failure::Speaker;
use super::{Decode, Step, Wire};
use crate::chat::ChatEvent;
use crate::transport::{Caps, Events};

/// The events of a recorded stream: the body of an answer that came as `text/event-stream`.
///
/// The last item is an error when the stream is broken, says so itself, or ends before the answer does. No input
/// panics. The caps are those of a call: 32 MiB in all, 1 MiB for one event.
///
#[cfg_attr(
    feature = "openai",
    doc = r##"```
use orch_providers::{ChatCompletions, ChatEvent, Dialect, decode_sse};

let recorded = "data: {\"choices\":[{\"delta\":{\"content\":\"Oslo\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
let events = decode_sse(recorded.as_bytes(), &ChatCompletions::new(Dialect::COMPATIBLE));
assert!(events.iter().any(|event| matches!(event, Ok(ChatEvent::Text(text)) if text == "Oslo")));
```"##
)]
#[must_use]
pub fn decode_sse<W: Wire>(body: &[u8], wire: &W) -> Vec<Result<ChatEvent, Error>> {
    decode_sse_chunks([Bytes::copy_from_slice(body)], wire)
}

/// The events of a recorded stream whose body came in these chunks: the same as those of the whole body, wherever it
/// is cut.
#[must_use]
pub fn decode_sse_chunks<W: Wire>(chunks: impl IntoIterator<Item = Bytes>, wire: &W) -> Vec<Result<ChatEvent, Error>> {
    let chunks = stream::iter(chunks.into_iter().map(Ok::<_, Infallible>));
    collect(|emit| decode_stream(chunks, wire, emit))
}

/// The events of a recorded answer that was not streamed; the last item may be an error.
#[must_use]
pub fn decode_json<W: Wire>(body: &str, wire: &W) -> Vec<Result<ChatEvent, Error>> {
    collect(|mut emit| wire.decoder(Speaker::of(wire), None).whole(body, &mut emit))
}

fn collect(decode: impl FnOnce(&mut dyn FnMut(ChatEvent)) -> Result<(), Error>) -> Vec<Result<ChatEvent, Error>> {
    let mut events = Vec::new();
    let decoded = decode(&mut |event| events.push(Ok(event)));
    events.extend(decoded.err().map(Err));
    events
}

fn decode_stream<W: Wire>(
    chunks: impl Stream<Item = Result<Bytes, Infallible>> + Unpin,
    wire: &W,
    mut emit: &mut dyn FnMut(ChatEvent),
) -> Result<(), Error> {
    let mut frames = Events::new(chunks, Caps::default());
    let speaker = Speaker::of(wire);
    let mut decoder = wire.decoder(speaker, None);
    while let Some(frame) = frames.next().now_or_never().flatten() {
        if speaker.frame(&mut decoder, frame, &mut emit)? == Step::Done {
            return Ok(());
        }
    }
    speaker.end_of_body(&decoder)
}
