mod parts;

use std::time::Duration;

use serde_json::Value;

pub use self::parts::{At, Finish, LineEnd};
pub(super) use self::parts::{Break, Content, InStream, Kind, Reply};
use super::failure::Failure;
use super::wire::Wire;

/// What the server does with one request.
///
/// An answer is in the words of the wire that the request came on, and streamed if the request's body says
/// `"stream": true`. Its faults are added to it and fit together: `Answer::text("héllo").split(1).cut(At::Pieces(1))`.
#[derive(Clone, Debug)]
#[must_use]
pub struct Answer {
    pub(super) content: Content,
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) content_type: Option<String>,
    pub(super) wire: Option<Wire>,
    pub(super) stream: Option<bool>,
    pub(super) request_id: bool,
    pub(super) closes: bool,
    pub(super) until_close: bool,
    pub(super) heartbeats: usize,
    pub(super) unknown_events: bool,
    pub(super) bom: bool,
    pub(super) line_end: LineEnd,
    pub(super) split: Option<usize>,
    pub(super) breaks: Vec<(At, Break)>,
}

/// What the answer is.
impl Answer {
    fn new(content: Content, status: u16) -> Self {
        Self {
            content,
            status,
            headers: Vec::new(),
            content_type: None,
            wire: None,
            stream: None,
            request_id: true,
            closes: false,
            until_close: false,
            heartbeats: 0,
            unknown_events: false,
            bom: false,
            line_end: LineEnd::Lf,
            split: None,
            breaks: Vec::new(),
        }
    }

    fn reply(kind: Kind, pieces: impl IntoIterator<Item = String>) -> Self {
        let reply = Reply {
            kind,
            pieces: pieces.into_iter().collect(),
            finish: Finish::Done,
            usage: Some((11, 7)),
            ends: 1,
            failure: None,
        };
        Self::new(Content::Reply(reply), 200)
    }

    /// The model says this; in a stream, a word a piece.
    pub fn text(text: &str) -> Self {
        Self::reply(Kind::Text, text.split_inclusive(' ').map(str::to_owned))
    }

    /// The model says this; in a stream, in these pieces.
    pub fn pieces<T: Into<String>>(pieces: impl IntoIterator<Item = T>) -> Self {
        Self::reply(Kind::Text, pieces.into_iter().map(Into::into))
    }

    /// The model says this JSON; in a stream, in two pieces.
    pub fn json(value: &Value) -> Self {
        Self::reply(Kind::Text, halves(&value.to_string()))
    }

    /// The model calls a tool; in a stream, the arguments come in two pieces.
    pub fn tool_call(name: impl Into<String>, arguments: &Value) -> Self {
        Self::reply(Kind::ToolCall(name.into()), halves(&arguments.to_string()))
    }

    /// The model refuses in these words; in a stream, a word a piece.
    pub fn refusal(text: &str) -> Self {
        Self::reply(Kind::Refusal, text.split_inclusive(' ').map(str::to_owned))
    }

    /// A failure under status 200: as the only event of a stream, or as the whole body.
    pub fn reported(failure: Failure) -> Self {
        Self::new(Content::Reported(failure), 200)
    }

    /// These bytes as the body, under status 200.
    pub fn raw(body: impl Into<Vec<u8>>) -> Self {
        Self::new(Content::Raw(body.into().into()), 200)
    }

    /// No body at all, under status 200.
    pub fn empty() -> Self {
        Self::raw([])
    }

    /// A body of about so many bytes that is the beginning of one value: one line without an end in a stream, one
    /// text without an end in a whole answer. The server makes it as it goes, so a few gigabytes are fine: it stops
    /// when the client leaves.
    pub fn endless(bytes: u64) -> Self {
        Self::new(Content::Fill { bytes }, 200)
    }

    /// The connection is closed before the answer's first byte.
    pub fn hang_up() -> Self {
        Self::empty().cut(At::Start)
    }

    /// The request is read and never answered.
    pub fn silence() -> Self {
        Self::empty().stall(At::Start)
    }
}

/// What is wrong with the model's answer. These change nothing in an answer that is no model's.
impl Answer {
    /// Sets the tokens of the input and of the output that the answer reports; default 11 and 7.
    pub fn usage(self, input: u64, output: u64) -> Self {
        self.edit(|reply| reply.usage = Some((input, output)))
    }

    /// Reports no usage.
    pub fn without_usage(self) -> Self {
        self.edit(|reply| reply.usage = None)
    }

    /// Sets why the model stopped.
    pub fn finish(self, finish: Finish) -> Self {
        self.edit(|reply| reply.finish = finish)
    }

    /// Nothing says that the model has stopped, neither its reason nor the end of the stream.
    pub fn without_end(self) -> Self {
        self.edit(|reply| reply.ends = 0)
    }

    /// Everything that says that the model has stopped comes twice in a stream.
    pub fn with_two_ends(self) -> Self {
        self.edit(|reply| reply.ends = 2)
    }

    /// After so many pieces of content comes this failure instead of the rest. In a whole answer it is all there is.
    pub fn fail_after(self, pieces: usize, failure: Failure) -> Self {
        self.edit(|reply| reply.failure = Some(InStream { pieces, failure, then_done: false }))
    }

    /// Ends the stream after a [failure](Self::fail_after) in the same way as after success, as some servers do:
    /// `[DONE]`, or `message_stop`.
    pub fn done_after_failure(self) -> Self {
        self.edit(|reply| {
            if let Some(failure) = &mut reply.failure {
                failure.then_done = true;
            }
        })
    }

    fn edit(mut self, change: impl FnOnce(&mut Reply)) -> Self {
        if let Content::Reply(reply) = &mut self.content {
            change(reply);
        }
        self
    }
}

/// How it is sent.
impl Answer {
    /// Sets the status; default 200, or the failure's.
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the content type, right or wrong; an empty one sends none. Default: that of a stream or of JSON.
    pub fn content_type(mut self, value: impl Into<String>) -> Self {
        self.content_type = Some(value.into());
        self
    }

    /// Sends no id of the request. By default it is `req-1` for the first request of the server, and so on.
    pub fn without_request_id(mut self) -> Self {
        self.request_id = false;
        self
    }

    /// Speaks this wire. Default: that of the request's path, and Chat Completions where the path has none.
    pub fn wire(mut self, wire: Wire) -> Self {
        self.wire = Some(wire);
        self
    }

    /// Streams, or does not, whatever the request asks for.
    pub fn stream(mut self, stream: bool) -> Self {
        self.stream = Some(stream);
        self
    }

    /// Sends so many signs of life before the first event: comments, `ping` events on the Messages wire, blank lines
    /// before a whole answer.
    pub fn heartbeats(mut self, count: usize) -> Self {
        self.heartbeats = count;
        self
    }

    /// Sends an event of a type that nobody knows before each event of a stream. They are not counted as events.
    pub fn unknown_events(mut self) -> Self {
        self.unknown_events = true;
        self
    }

    /// Begins the body with a byte order mark.
    pub fn bom(mut self) -> Self {
        self.bom = true;
        self
    }

    /// Sets how the lines of a stream end.
    pub fn line_end(mut self, line_end: LineEnd) -> Self {
        self.line_end = line_end;
        self
    }

    /// Sends the body of a stream in HTTP chunks of so many bytes (at least 1), wherever that cuts an event or a
    /// character. Default: an event a chunk.
    pub fn split(mut self, bytes: usize) -> Self {
        self.split = Some(bytes.max(1));
        self
    }

    /// Closes the connection at this point.
    pub fn cut(self, at: At) -> Self {
        self.interrupt(at, Break::Cut)
    }

    /// Sends nothing more from this point on, until the client leaves or the server is dropped.
    pub fn stall(self, at: At) -> Self {
        self.interrupt(at, Break::Stall)
    }

    /// Waits at this point; at [`At::Start`] that is a slow first byte.
    pub fn pause(self, at: At, wait: Duration) -> Self {
        self.interrupt(at, Break::Pause(wait))
    }

    /// Closes the connection after the answer, and says so in a header.
    pub fn close(mut self) -> Self {
        self.closes = true;
        self
    }

    /// Sends a body that ends with the connection, without a length and without chunks: a client cannot tell a cut
    /// from an end.
    pub fn until_close(mut self) -> Self {
        self.until_close = true;
        self
    }

    fn interrupt(mut self, at: At, action: Break) -> Self {
        self.breaks.push((at, action));
        self
    }
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Self {
        let status = failure.status;
        Self::new(Content::Failure(failure), status)
    }
}

fn halves(text: &str) -> [String; 2] {
    let middle = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
    [text[..middle].to_owned(), text[middle..].to_owned()]
}
