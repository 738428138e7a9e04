//! From the wire's JSON to events: no clock, no network.

use orch_core::Error;
use serde::Deserialize;
use serde_json::Value;

use super::failure::{Failure, Wire};
use super::usage::usage;
use super::wire::{Answer, Call, Piece};
use crate::chat::{ChatEvent, FinishReason, ToolCallPiece};

/// What ends a stream. Not a proof of success: some servers send it after an error, too.
const DONE: &str = "[DONE]";

/// Reads one answer, whole or chunk by chunk.
pub(super) struct Decoder<'a> {
    wire: Wire<'a>,
    /// The provider's id of the request, if a header had it.
    request_id: Option<&'a str>,
    started: bool,
    ended: bool,
}

/// Whether more of a stream is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    More,
    Done,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(wire: Wire<'a>, request_id: Option<&'a str>) -> Self {
        Self { wire, request_id, started: false, ended: false }
    }

    /// One event of a stream.
    pub(super) fn frame(&mut self, data: &str, emit: &mut impl FnMut(ChatEvent)) -> Result<Step, Error> {
        let data = data.trim();
        if data.starts_with(DONE) {
            self.done(emit)?;
            return Ok(Step::Done);
        }
        if !data.is_empty() {
            self.answer(data, emit)?;
        }
        Ok(Step::More)
    }

    /// A whole answer.
    pub(super) fn whole(&mut self, body: &str, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        self.answer(body, emit)?;
        self.done(emit)
    }

    /// What a stream that has ended without [`DONE`] was worth: whole if the model had said why it stopped.
    pub(super) fn end_of_body(&self) -> Result<(), Error> {
        if self.ended { Ok(()) } else { Err(self.wire.broken("the stream ended before the answer did")) }
    }

    /// Whether the model has said why it stopped, so that only the usage can be lost.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    fn done(&mut self, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        if !self.started {
            return Err(Error::bad_output("/choices", "the answer has no choice"));
        }
        if !self.ended {
            self.end(FinishReason::Stop, emit);
        }
        Ok(())
    }

    fn end(&mut self, reason: FinishReason, emit: &mut impl FnMut(ChatEvent)) {
        self.ended = true;
        emit(ChatEvent::End { reason });
    }

    fn answer(&mut self, text: &str, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        let json: Value = serde_json::from_str(text).map_err(|_| self.wire.unusable("the answer is not JSON", text))?;
        if let Some(failure) = Failure::find(&json) {
            return Err(self.wire.failed(failure, None));
        }
        let answer = Answer::deserialize(&json).map_err(|error| self.wire.unusable(&error.to_string(), text))?;
        self.events(answer, emit)
    }

    fn events(&mut self, answer: Answer, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        // The first choice is the answer; nobody asked for more.
        let choice = answer.choices.into_iter().find(|choice| choice.index == 0);
        if choice.is_some() && !self.started {
            self.started = true;
            let request_id = self.request_id.map(Into::into).or_else(|| answer.id.map(Into::into));
            emit(ChatEvent::Start { model: answer.model.map(Into::into), request_id });
        }
        if let Some(wire) = answer.usage.filter(|usage| !usage.is_null()) {
            emit(ChatEvent::Usage(usage(&wire, self.wire.dialect.reports_cost)));
        }
        let Some(mut choice) = choice else { return Ok(()) };
        let reason = choice.finish_reason.take().filter(|reason| !reason.is_empty() && !self.ended);
        pieces(choice.into_piece(), emit);
        match reason.as_deref() {
            Some("error") => Err(self.wire.failed(Failure::unexplained(), None)),
            Some(reason) => {
                self.end(finish(reason), emit);
                Ok(())
            }
            None => Ok(()),
        }
    }
}

fn pieces(piece: Piece, emit: &mut impl FnMut(ChatEvent)) {
    // Two names for the same thing; a server that sends both repeats itself.
    let reasoning = piece.reasoning_content.or(piece.reasoning);
    for (text, event) in [
        (reasoning, ChatEvent::Reasoning as fn(String) -> ChatEvent),
        (piece.content, ChatEvent::Text),
        (piece.refusal, ChatEvent::Refusal),
    ] {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            emit(event(text));
        }
    }
    for (position, call) in piece.tool_calls.into_iter().enumerate() {
        emit(ChatEvent::ToolCall(tool_call(position, call)));
    }
}

fn tool_call(position: usize, call: Call) -> ToolCallPiece {
    let some = |text: Option<String>| text.filter(|text| !text.is_empty());
    let arguments = match call.function.arguments {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text,
        Some(json) => json.to_string(),
    };
    ToolCallPiece {
        index: call.index.unwrap_or_else(|| u32::try_from(position).unwrap_or(u32::MAX)),
        id: some(call.id),
        name: some(call.function.name),
        arguments,
    }
}

fn finish(reason: &str) -> FinishReason {
    match reason {
        "stop" => FinishReason::Stop,
        "length" => FinishReason::Length,
        "tool_calls" | "function_call" => FinishReason::ToolCalls,
        "content_filter" => FinishReason::ContentFilter,
        other => FinishReason::Other(other.into()),
    }
}
