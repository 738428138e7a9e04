//! The wires: how each says the same answer.

mod chat;
mod messages;
mod responses;

use serde_json::Value;

use super::answer::Reply;
use super::failure::Failure;
use super::frame::{Frame, Role, after_pieces};

/// When every answer was made, in seconds since the Unix epoch.
const CREATED: u64 = 1_790_000_000;
/// The id of every tool call.
const CALL: &str = "call_1";

/// A wire: the paths, requests and answers of one kind of API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// OpenAI Chat Completions: paths that end in `/chat/completions`.
    Chat,
    /// OpenAI Responses: paths that end in `/responses`.
    Responses,
    /// Anthropic Messages: paths that end in `/messages`.
    Messages,
}

impl Wire {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Chat, Self::Responses, Self::Messages];

    /// The path that its vendor serves it at, such as `/v1/messages`.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Responses => "/v1/responses",
            Self::Messages => "/v1/messages",
        }
    }

    /// The header that carries the provider's id of a request.
    #[must_use]
    pub fn request_id_header(self) -> &'static str {
        match self {
            Self::Chat | Self::Responses => "x-request-id",
            Self::Messages => "request-id",
        }
    }

    /// The wire whose path this is, without its query.
    pub(super) fn at(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|wire| path.ends_with(wire.path().trim_start_matches("/v1")))
    }
}

/// What a wire must know of the request.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) wire: Wire,
    pub(super) stream: bool,
    /// Which request of the server it is.
    pub(super) number: usize,
    pub(super) model: String,
    /// Whether a Chat Completions stream should report its usage.
    pub(super) include_usage: bool,
}

impl Asked {
    pub(super) fn of(wire: Wire, number: usize, body: &Value) -> Self {
        let flag = |pointer: &str| body.pointer(pointer).and_then(Value::as_bool).unwrap_or_default();
        Self {
            wire,
            stream: flag("/stream"),
            number,
            model: body["model"].as_str().unwrap_or("fault-server").to_owned(),
            include_usage: flag("/stream_options/include_usage"),
        }
    }

    pub(super) fn request_id(&self) -> String {
        format!("req-{}", self.number)
    }

    fn id(&self, prefix: &str) -> String {
        format!("{prefix}{}", self.number)
    }
}

/// A whole answer.
pub(super) fn whole(reply: &Reply, asked: &Asked) -> String {
    if let Some(failure) = &reply.failure {
        return reported(&failure.failure, asked);
    }
    match asked.wire {
        Wire::Chat => chat::whole(reply, asked),
        Wire::Responses => responses::whole(reply, asked),
        Wire::Messages => messages::whole(reply, asked),
    }
    .to_string()
}

/// A failure as a whole answer under status 200.
pub(super) fn reported(failure: &Failure, asked: &Asked) -> String {
    if asked.wire == Wire::Responses && failure.is_of_response() {
        return responses::failed(failure, asked).to_string();
    }
    failure.body(asked.wire, Some(&asked.request_id()))
}

/// The events of a stream.
pub(super) fn stream(reply: &Reply, asked: &Asked) -> Vec<Frame> {
    let mut frames = match asked.wire {
        Wire::Chat => chat::stream(reply, asked),
        Wire::Responses => responses::stream(reply, asked),
        Wire::Messages => messages::stream(reply, asked),
    };
    let last = frames.last().cloned();
    frames = frames
        .into_iter()
        .flat_map(|frame| {
            let times = if frame.role == Role::End { reply.ends } else { 1 };
            std::iter::repeat_n(frame, times)
        })
        .collect();
    if let Some(broken) = &reply.failure {
        frames.truncate(after_pieces(&frames, broken.pieces));
        frames.push(failed(&broken.failure, asked, frames.len()));
        frames.extend(last.filter(|_| broken.then_done).map(|last| done(asked.wire, last)));
    }
    frames
}

/// A failure as the event of this number of a stream.
pub(super) fn failed(failure: &Failure, asked: &Asked, number: usize) -> Frame {
    let (event, data) = match asked.wire {
        Wire::Responses if failure.is_vendors() => {
            let (event, data) = responses::failed_event(failure, asked, number);
            (Some(event), data.to_string())
        }
        Wire::Messages => (Some("error"), failure.body(asked.wire, Some(&asked.request_id()))),
        Wire::Chat | Wire::Responses => (None, failure.body(asked.wire, None)),
    };
    // A body may end in a line break; an event's data may not.
    Frame::new(event, data.trim_end(), Role::Other)
}

/// What ends a stream on this wire: Responses has no event for it that would not say that the answer is whole.
fn done(wire: Wire, last: Frame) -> Frame {
    if wire == Wire::Responses { Frame::new(None, "[DONE]", Role::End) } else { last }
}
