use std::error::Error as StdError;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use sseer::EventStream;
use sseer::errors::EventStreamError;

use super::body::BodyError;
use super::guard::{Caps, Guard};

/// The events of a body: the data of each, in order. The first error is the last thing that comes.
///
/// An event that the body ends in the middle of is dropped, as the standard says.
pub(crate) struct Events<S> {
    frames: EventStream<Guarded<S>>,
    failed: bool,
}

impl<S, E> Events<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    pub(crate) fn new(bytes: S, caps: Caps) -> Self {
        Self { frames: EventStream::new(Guarded { bytes, guard: Guard::new(caps) }), failed: false }
    }

    /// The data of the next event.
    pub(crate) async fn next(&mut self) -> Option<Result<impl Deref<Target = str>, BodyError>> {
        if self.failed {
            return None;
        }
        let event = self.frames.next().await?;
        self.failed = event.is_err();
        Some(match event {
            Ok(event) => Ok(event.data),
            Err(EventStreamError::Transport(error)) => Err(error),
            Err(EventStreamError::Utf8Error(_)) => Err(BodyError::NotUtf8),
        })
    }
}

/// Bytes that the guard has let pass.
struct Guarded<S> {
    bytes: S,
    guard: Guard,
}

impl<S, E> Stream for Guarded<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { bytes, guard } = &mut *self;
        bytes.poll_next_unpin(cx).map(|chunk| {
            Some(match chunk? {
                Ok(chunk) => guard.admit(&chunk).map(|()| chunk).map_err(BodyError::from),
                Err(error) => Err(BodyError::Broken(error.into())),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{FutureExt, stream};
    use proptest::prelude::*;

    use super::*;

    fn events(chunks: impl IntoIterator<Item = Bytes>) -> Vec<Result<String, String>> {
        let chunks: Vec<Result<Bytes, Infallible>> = chunks.into_iter().map(Ok).collect();
        let mut events = Events::new(stream::iter(chunks), Caps { body: Some(1_000), event: 100 });
        let mut found = Vec::new();
        while let Some(event) = events.next().now_or_never().expect("nothing is waited for") {
            found.push(event.map(|data| data.to_owned()).map_err(|error| error.to_string()));
        }
        found
    }

    fn whole(text: impl Into<Bytes>) -> Vec<Result<String, String>> {
        events([text.into()])
    }

    fn cut(bytes: &[u8], sizes: &[usize]) -> Vec<Bytes> {
        let mut rest = bytes;
        let mut chunks = Vec::new();
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, after) = rest.split_at((*size).clamp(1, rest.len()));
            chunks.push(Bytes::copy_from_slice(chunk));
            rest = after;
        }
        chunks
    }

    fn ok(texts: &[&str]) -> Vec<Result<String, String>> {
        texts.iter().map(|text| Ok((*text).to_owned())).collect()
    }

    #[test]
    fn the_standards_forms_are_read() {
        for end in ["\n", "\r\n", "\r"] {
            let stream =
                ["\u{feff}: a comment", "data:one", "", "event: x", "id: 7", "data: two", "data: lines", "", ""];
            assert_eq!(whole(stream.join(end)), ok(&["one", "two\nlines"]), "{end:?}");
        }
        assert_eq!(whole("data\n\n"), ok(&[""]));
        assert_eq!(whole(": only comments\n\n: and blank lines\n\n\n"), ok(&[]));
    }

    #[test]
    fn an_event_that_the_body_ends_in_is_dropped() {
        assert_eq!(whole("data: whole\n\ndata: half"), ok(&["whole"]));
        assert_eq!(whole("data: whole\n\ndata: half\n"), ok(&["whole"]));
        assert_eq!(whole(""), ok(&[]));
    }

    #[test]
    fn invalid_utf8_ends_the_stream() {
        let found = whole(&b"data: good\n\ndata: \xff\n\ndata: later\n\n"[..]);
        assert_eq!(found, [Ok("good".to_owned()), Err("the body is not UTF-8".to_owned())]);
    }

    #[test]
    fn a_line_beyond_its_cap_ends_the_stream() {
        let found = whole(format!("data: {}", "x".repeat(200)));
        assert_eq!(found, [Err("an event of the stream is longer than 100 bytes".to_owned())]);
    }

    proptest! {
        #[test]
        fn however_the_bytes_are_cut_the_data_comes_back(
            texts in proptest::collection::vec("[a-zäß€🦀 :]{0,8}", 0..6),
            end in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
            bom in prop_oneof![Just(""), Just("\u{feff}")],
            sizes in proptest::collection::vec(1_usize..9, 1..5),
        ) {
            let written = texts.iter().map(|text| format!(": note{end}data: {text}{end}{end}"));
            let stream = format!("{bom}{}", written.collect::<String>());
            let expected: Vec<_> = texts.iter().cloned().map(Ok).collect();
            prop_assert_eq!(&events(cut(stream.as_bytes(), &[1])), &expected);
            prop_assert_eq!(&events(cut(stream.as_bytes(), &sizes)), &expected);
        }

        #[test]
        fn any_bytes_in_any_cuts_give_the_same_events_without_panic(
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'\n'), Just(b'\r'), Just(b':')], 0..200),
            sizes in proptest::collection::vec(1_usize..9, 1..5),
        ) {
            prop_assert_eq!(whole(bytes.clone()), events(cut(&bytes, &sizes)));
        }
    }
}
