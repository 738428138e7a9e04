use super::{Act, breaks};
use crate::fault_server::answer::{Answer, At, Content};
use crate::fault_server::frame::{Frame, Role, after_pieces, piece};
use crate::fault_server::wire::{self, Asked, Wire};

const BOM: &str = "\u{feff}";

/// A body, and where its events are.
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    /// The bytes before the first event.
    before: usize,
    /// Where each event ends.
    ends: Vec<usize>,
    /// The events; none in a whole answer.
    pub(super) frames: Option<Vec<Frame>>,
    pub(super) content_type: &'static str,
}

impl Body {
    pub(super) fn of(answer: &Answer, asked: &Asked) -> Self {
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
    pub(super) fn cuts(&self, answer: &Answer) -> Vec<(usize, Option<Act>)> {
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
