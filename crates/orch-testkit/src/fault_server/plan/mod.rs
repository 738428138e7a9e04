//! From an answer to what is done on the connection: no network, no clock.

mod body;
mod framing;

use std::time::Duration;

use self::body::Body;
use self::framing::Framing;
use super::answer::{Answer, At, Break, Content};
use super::failure::reason;
use super::wire::Asked;

/// How much of an endless body is sent at once.
const FILL: usize = 16 << 10;

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

/// What breaks off at the points that have a position.
fn breaks(answer: &Answer, position: impl Fn(At) -> Option<usize>) -> Vec<(usize, Act)> {
    let act = |action: Break| match action {
        Break::Cut => Act::Cut,
        Break::Stall => Act::Stall,
        Break::Pause(wait) => Act::Pause(wait),
    };
    answer.breaks.iter().filter_map(|(at, action)| Some((position(*at)?, act(*action)))).collect()
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

#[cfg(test)]
mod tests;
