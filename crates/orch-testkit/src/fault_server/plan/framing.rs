use super::body::Body;
use crate::fault_server::answer::{Answer, Content};

/// How HTTP tells where the body ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

impl Framing {
    pub(super) fn of(answer: &Answer, body: &Body) -> Self {
        if answer.until_close {
            Self::UntilClose
        } else if body.frames.is_some() || matches!(answer.content, Content::Fill { .. }) {
            Self::Chunked
        } else {
            Self::Length(body.bytes.len())
        }
    }

    pub(super) fn header(self) -> Option<(&'static str, String)> {
        match self {
            Self::Length(bytes) => Some(("content-length", bytes.to_string())),
            Self::Chunked => Some(("transfer-encoding", "chunked".into())),
            Self::UntilClose => None,
        }
    }

    pub(super) fn chunk(self, bytes: &[u8]) -> Vec<u8> {
        if self != Self::Chunked || bytes.is_empty() {
            return bytes.to_vec();
        }
        [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
    }

    pub(super) fn end(self) -> Vec<u8> {
        if self == Self::Chunked { b"0\r\n\r\n".to_vec() } else { Vec::new() }
    }
}
