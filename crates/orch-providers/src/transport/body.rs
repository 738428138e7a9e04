use std::error::Error as StdError;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use http_body_util::BodyDataStream;
use orch_core::{Error, ErrorKind, ProviderFailure};
use tokio::time::{Instant, timeout_at};

use super::client::Incoming;
use super::guard::TooLong;

/// What some servers put before their JSON, which may not stand there.
const BOM: &[u8] = "\u{feff}".as_bytes();

/// What a server sends after its headers.
pub(crate) type Body = BodyDataStream<Incoming>;

/// Why a body could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The connection broke.
    #[error("the connection broke: {}", chain(.0.as_ref()))]
    Broken(Box<dyn StdError + Send + Sync>),
    /// A cap was reached.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// It is not UTF-8.
    #[error("the body is not UTF-8")]
    NotUtf8,
}

impl BodyError {
    /// The failure of a call to `provider`: a broken connection is transient, what cannot be read is unusable.
    pub(crate) fn into_error(self, provider: &str) -> Error {
        match self {
            Self::Broken(_) => unreachable(provider, self.to_string()).with_source(self),
            Self::TooLong(_) | Self::NotUtf8 => Error::bad_output("", self.to_string()),
        }
    }
}

/// A whole body as text, up to the cap and without a byte order mark.
pub(crate) async fn read_text<S, E>(mut body: S, cap: usize) -> Result<String, BodyError>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    let mut bytes = BytesMut::new();
    while let Some(chunk) = body.next().await {
        bytes.extend_from_slice(&chunk.map_err(|error| BodyError::Broken(error.into()))?);
        if bytes.len() > cap {
            return Err(TooLong::body(cap).into());
        }
    }
    if bytes.starts_with(BOM) {
        bytes.advance(BOM.len());
    }
    String::from_utf8(bytes.into()).map_err(|_| BodyError::NotUtf8)
}

/// As much of a body as arrives in time, up to the cap: for an error's body, which should not hide the error.
pub(crate) async fn read_beginning<S, E>(mut body: S, cap: usize, wait: Duration) -> String
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    let mut bytes = BytesMut::new();
    let until = Instant::now() + wait;
    while bytes.len() < cap
        && let Ok(Some(Ok(chunk))) = timeout_at(until, body.next()).await
    {
        bytes.extend_from_slice(&chunk[..chunk.len().min(cap - bytes.len())]);
    }
    String::from_utf8_lossy(bytes.strip_prefix(BOM).unwrap_or(&bytes)).into_owned()
}

/// A failure without an answer: nothing says that the server was not asked.
pub(super) fn unreachable(provider: &str, message: String) -> Error {
    Error::new(ErrorKind::Provider(ProviderFailure::new(provider, message)))
}

/// An error and what caused it, in one line.
pub(super) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    line
}

/// The first `chars` characters of a text.
pub(crate) fn beginning(text: &str, chars: usize) -> &str {
    text.char_indices().nth(chars).map_or(text, |(end, _)| &text[..end])
}
