//! The decoder without a network.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::{FutureExt, stream};
use orch_core::Error;

use super::decode::{Decoder, Step};
use super::failure::Wire;
use crate::chat::ChatEvent;
use crate::compatible::Dialect;
use crate::transport::{Caps, Events};

/// The events of a recorded stream: the body of an answer to a request with `"stream": true`.
///
/// The last item is an error when the stream is broken, says so itself, or ends before the answer does. The caps are
/// those of a call: 32 MiB in all, 1 MiB for one event.
///
/// ```
/// use orch_providers::{ChatEvent, Dialect, openai};
///
/// let recorded = "data: {\"choices\":[{\"delta\":{\"content\":\"Oslo\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
/// let events = openai::decode_sse(recorded.as_bytes(), &Dialect::COMPATIBLE);
/// assert!(events.iter().any(|event| matches!(event, Ok(ChatEvent::Text(text)) if text == "Oslo")));
/// ```
#[must_use]
pub fn decode_sse(body: &[u8], dialect: &Dialect) -> Vec<Result<ChatEvent, Error>> {
    let mut events = Vec::new();
    if let Err(error) = decode_stream(body, dialect, &mut |event| events.push(Ok(event))) {
        events.push(Err(error));
    }
    events
}

/// The events of a recorded answer that was not streamed; the last item may be an error.
#[must_use]
pub fn decode_json(body: &str, dialect: &Dialect) -> Vec<Result<ChatEvent, Error>> {
    let mut events = Vec::new();
    let mut decoder = Decoder::new(Wire::of(dialect), None);
    if let Err(error) = decoder.whole(body, &mut |event| events.push(Ok(event))) {
        events.push(Err(error));
    }
    events
}

fn decode_stream(body: &[u8], dialect: &Dialect, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
    let bytes = Bytes::copy_from_slice(body);
    let mut frames = Events::new(stream::iter([Ok::<_, Infallible>(bytes)]), Caps::default());
    let mut decoder = Decoder::new(Wire::of(dialect), None);
    while let Some(frame) = frames.next().now_or_never().flatten() {
        let data = frame.map_err(|error| error.into_error(dialect.name))?;
        if decoder.frame(&data, emit)? == Step::Done {
            return Ok(());
        }
    }
    decoder.end_of_body()
}
