use std::sync::Arc;
use std::time::Duration;

use crate::fault_server::failure::Failure;

#[derive(Clone, Debug)]
pub(in crate::fault_server) enum Content {
    Reply(Reply),
    /// With its own status.
    Failure(Failure),
    /// Under status 200.
    Reported(Failure),
    Raw(Arc<[u8]>),
    /// A body that is nothing but the beginning of one value, of this length.
    Fill {
        bytes: u64,
    },
}

/// A model's answer.
#[derive(Clone, Debug)]
pub(in crate::fault_server) struct Reply {
    pub(in crate::fault_server) kind: Kind,
    pub(in crate::fault_server) pieces: Vec<String>,
    pub(in crate::fault_server) finish: Finish,
    pub(in crate::fault_server) usage: Option<(u64, u64)>,
    pub(in crate::fault_server) ends: usize,
    pub(in crate::fault_server) failure: Option<InStream>,
}

#[derive(Clone, Debug)]
pub(in crate::fault_server) enum Kind {
    Text,
    Refusal,
    /// The name of the tool; the pieces are its arguments.
    ToolCall(String),
}

/// A failure after some pieces of an answer.
#[derive(Clone, Debug)]
pub(in crate::fault_server) struct InStream {
    pub(in crate::fault_server) pieces: usize,
    pub(in crate::fault_server) failure: Failure,
    pub(in crate::fault_server) then_done: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::fault_server) enum Break {
    Cut,
    Stall,
    Pause(Duration),
}

/// A point in an answer.
///
/// Events are those of the answer; heartbeats before them are not counted. A whole answer has no events: there
/// [`Start`](Self::Start), [`Head`](Self::Head) and [`End`](Self::End) mean the same, and every other point is the
/// middle of the body. A point beyond the last event is the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// Before the first byte.
    Start,
    /// After the headers.
    Head,
    /// After so many events, 0 being before the first.
    Events(usize),
    /// After so many pieces of content, whatever the wire sends around them; 0 is right before the first.
    Pieces(usize),
    /// In the middle of the event with this piece of content; 0 is the first.
    InPiece(usize),
    /// After the last event, before the body is ended as HTTP wants it.
    End,
}

/// Why the model stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Finish {
    /// It was done: with its text, with a refusal, or with the call of a tool.
    #[default]
    Done,
    /// The answer reached its most tokens.
    Length,
    /// The provider's filter cut the answer.
    ContentFilter,
}

/// How the lines of a stream end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineEnd {
    /// `\n`, as nearly everybody does.
    #[default]
    Lf,
    /// `\r\n`.
    CrLf,
    /// `\r`, which the standard allows.
    Cr,
}
