//! From an answer to what is done on the connection: no network, no clock.

use std::time::Duration;

use super::answer::{Answer, At, Break, Content};
use super::failure::reason;
use super::frame::{Frame, Role, after_pieces, piece};
use super::wire::{self, Asked, Wire};

/// How much of an endless body is sent at once.
const FILL: usize = 16 << 10;
const BOM: &str = "\u{feff}";

/// One step of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Act {
    Send(Vec<u8>),
    Pause(Duration),
    /// Nothing more until the client leaves.
    Stall,
    /// The connection is closed.
    Cut,
    /// The same bytes again and again.
    Fill {
        bytes: Vec<u8>,
        times: u64,
    },
}

/// What is done for one request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) acts: Vec<Act>,
    /// Whether the connection serves another request.
    pub(super) keep_alive: bool,
}

/// The plan of an answer; `now` is the time since the Unix epoch.
pub(super) fn plan(answer: &Answer, mut asked: Asked, now: Duration) -> Plan {
    asked.wire = answer.wire.unwrap_or(asked.wire);
    asked.stream = answer.stream.unwrap_or(asked.stream);
    let body = Body::of(answer, &asked);
    let framing = Framing::of(answer, &body);
    let mut acts = breaks(answer, |at| (at == At::Start).then_some(0)).into_iter().map(|(_, act)| act).collect();
    push(&mut acts, Act::Send(head(answer, &asked, &body, framing, now)));
    if let Content::Fill { bytes } = answer.content {
        let times = bytes.div_ceil(FILL as u64);
        push(&mut acts, Act::Send(framing.chunk(&body.bytes)));
        push(&mut acts, Act::Fill { bytes: framing.chunk(&[b'x'; FILL]), times });
    } else {
        let mut sent = 0;
        for (end, act) in body.cuts(answer) {
            if end > sent {
                push(&mut acts, Act::Send(framing.chunk(&body.bytes[sent..end])));
                sent = end;
            }
            acts.extend(act);
        }
    }
    push(&mut acts, Act::Send(framing.end()));
    // What comes after a cut or a stall never happens.
    let last = acts.iter().position(|act| matches!(act, Act::Cut | Act::Stall)).map_or(acts.len(), |at| at + 1);
    acts.truncate(last);
    Plan { acts, keep_alive: !answer.closes && framing != Framing::UntilClose }
}

fn push(acts: &mut Vec<Act>, act: Act) {
    if act != Act::Send(Vec::new()) {
        acts.push(act);
    }
}

/// A body, and where its events are.
struct Body {
    bytes: Vec<u8>,
    /// The bytes before the first event.
    before: usize,
    /// Where each event ends.
    ends: Vec<usize>,
    /// The events; none in a whole answer.
    frames: Option<Vec<Frame>>,
    content_type: &'static str,
}

impl Body {
    fn of(answer: &Answer, asked: &Asked) -> Self {
        const JSON: &str = "application/json";
        const EVENTS: &str = "text/event-stream";
        let content_type = if asked.stream { EVENTS } else { JSON };
        match (&answer.content, asked.stream) {
            (Content::Reply(reply), true) => Self::stream(answer, asked, wire::stream(reply, asked)),
            (Content::Reported(failure), true) => Self::stream(answer, asked, vec![wire::failed(failure, asked, 0)]),
            (Content::Reply(reply), false) => Self::whole(answer, wire::whole(reply, asked).as_bytes(), JSON),
            (Content::Reported(failure), false) => Self::whole(answer, wire::reported(failure, asked).as_bytes(), JSON),
            (Content::Failure(failure), _) => {
                let id = asked.request_id();
                let body = failure.body(asked.wire, answer.request_id.then_some(&id));
                Self::whole(answer, body.as_bytes(), failure.content_type())
            }
            (Content::Raw(bytes), _) => Self::whole(answer, bytes, content_type),
            (Content::Fill { .. }, stream) => Self::whole(answer, if stream { b"data: " } else { b"\"" }, content_type),
        }
    }

    fn whole(answer: &Answer, content: &[u8], content_type: &'static str) -> Self {
        let mut bytes = beginning(answer, "\n").into_bytes();
        let before = bytes.len();
        bytes.extend_from_slice(content);
        Self { ends: vec![bytes.len()], before, bytes, frames: None, content_type }
    }

    fn stream(answer: &Answer, asked: &Asked, frames: Vec<Frame>) -> Self {
        let end = answer.line_end.as_str();
        let heartbeat = match asked.wire {
            Wire::Messages => format!("event: ping{end}data: {{\"type\": \"ping\"}}{end}{end}"),
            Wire::Chat | Wire::Responses => format!(": keep-alive{end}{end}"),
        };
        let mut bytes = beginning(answer, &heartbeat).into_bytes();
        let before = bytes.len();
        let mut ends = Vec::new();
        for frame in &frames {
            if answer.unknown_events {
                bytes.extend(unknown(asked.wire).bytes(answer.line_end));
            }
            bytes.extend(frame.bytes(answer.line_end));
            ends.push(bytes.len());
        }
        Self { bytes, before, ends, frames: Some(frames), content_type: "text/event-stream" }
    }

    /// Where a piece of the bytes ends, in order, and what is done there.
    fn cuts(&self, answer: &Answer) -> Vec<(usize, Option<Act>)> {
        let mut cuts: Vec<_> = self.ends.iter().map(|end| (*end, None)).collect();
        cuts.push((self.before, None));
        if let Some(size) = answer.split {
            cuts.retain(|(end, _)| *end == self.bytes.len());
            cuts.extend((size..self.bytes.len()).step_by(size).map(|end| (end, None)));
        }
        cuts.extend(breaks(answer, |at| self.position(at)).into_iter().map(|(end, act)| (end, Some(act))));
        cuts.sort_by_key(|(end, _)| *end);
        cuts
    }

    /// How many bytes come before this point; none before the body.
    fn position(&self, at: At) -> Option<usize> {
        let Some(frames) = &self.frames else {
            return match at {
                At::Start => None,
                At::Head => Some(0),
                At::End => Some(self.bytes.len()),
                At::Events(_) | At::Pieces(_) | At::InPiece(_) => Some(self.middle(0)),
            };
        };
        match at {
            At::Start => None,
            At::Head => Some(0),
            At::Events(count) => Some(self.after(count)),
            At::Pieces(count) => Some(self.after(after_pieces(frames, count))),
            At::InPiece(number) => Some(self.middle(piece(frames, number))),
            At::End => Some(self.bytes.len()),
        }
    }

    fn after(&self, events: usize) -> usize {
        match events.checked_sub(1) {
            None => self.before,
            Some(last) => self.ends.get(last).copied().unwrap_or(self.bytes.len()),
        }
    }

    fn middle(&self, event: usize) -> usize {
        self.after(event).midpoint(self.after(event + 1))
    }
}

/// The byte order mark and the heartbeats.
fn beginning(answer: &Answer, heartbeat: &str) -> String {
    let bom = if answer.bom { BOM } else { "" };
    format!("{bom}{}", heartbeat.repeat(answer.heartbeats))
}

fn unknown(wire: Wire) -> Frame {
    let event = (wire != Wire::Chat).then_some("response.unheard_of");
    Frame::new(event, r#"{"type":"response.unheard_of","object":"unheard_of"}"#, Role::Other)
}

/// What breaks off at the points that have a position.
fn breaks(answer: &Answer, position: impl Fn(At) -> Option<usize>) -> Vec<(usize, Act)> {
    let act = |action: Break| match action {
        Break::Cut => Act::Cut,
        Break::Stall => Act::Stall,
        Break::Pause(wait) => Act::Pause(wait),
    };
    answer.breaks.iter().filter_map(|(at, action)| Some((position(*at)?, act(*action)))).collect()
}

/// How HTTP tells where the body ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

impl Framing {
    fn of(answer: &Answer, body: &Body) -> Self {
        if answer.until_close {
            Self::UntilClose
        } else if body.frames.is_some() || matches!(answer.content, Content::Fill { .. }) {
            Self::Chunked
        } else {
            Self::Length(body.bytes.len())
        }
    }

    fn header(self) -> Option<(&'static str, String)> {
        match self {
            Self::Length(bytes) => Some(("content-length", bytes.to_string())),
            Self::Chunked => Some(("transfer-encoding", "chunked".into())),
            Self::UntilClose => None,
        }
    }

    fn chunk(self, bytes: &[u8]) -> Vec<u8> {
        if self != Self::Chunked || bytes.is_empty() {
            return bytes.to_vec();
        }
        [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
    }

    fn end(self) -> Vec<u8> {
        if self == Self::Chunked { b"0\r\n\r\n".to_vec() } else { Vec::new() }
    }
}

fn head(answer: &Answer, asked: &Asked, body: &Body, framing: Framing, now: Duration) -> Vec<u8> {
    let mut headers: Vec<(&str, String)> = Vec::new();
    let content_type = answer.content_type.as_deref().unwrap_or(body.content_type);
    if !content_type.is_empty() {
        headers.push(("content-type", content_type.to_owned()));
    }
    headers.extend(framing.header());
    if answer.closes || framing == Framing::UntilClose {
        headers.push(("connection", "close".into()));
    }
    if answer.request_id {
        headers.push((asked.wire.request_id_header(), asked.request_id()));
    }
    if let Content::Failure(failure) = &answer.content {
        headers.extend(failure.hints.iter().flat_map(|hint| hint.headers(asked.wire, now)));
    }
    headers.extend(answer.headers.iter().map(|(name, value)| (name.as_str(), value.clone())));
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {} {}\r\n{lines}\r\n", answer.status, reason(answer.status)).into_bytes()
}
