//! From the wire's JSON to events: no clock, no network.

use orch_core::Error;
use serde::Deserialize;
use serde_json::Value;

use super::answer::{Answer, Call, Piece};
use crate::chat::{ChatEvent, FinishReason, ToolCallPiece};
use crate::compatible::{CHAT, usage};
use crate::wire::{Begin, Bill, DONE, Decode, Failure, Speaker, Step, json_text};

/// Reads one answer, whole or chunk by chunk.
pub struct Decoder<'a> {
    speaker: Speaker<'a>,
    /// Whether `usage.cost` is an amount of dollars.
    reports_cost: bool,
    begin: Begin<'a>,
    bill: Bill,
    ended: bool,
}

impl Decode for Decoder<'_> {
    fn frame(&mut self, data: &str, emit: &mut impl FnMut(ChatEvent)) -> Result<Step, Error> {
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

    fn whole(&mut self, body: &str, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        self.answer(body, emit)?;
        self.done(emit)
    }

    /// The model has said why it stopped.
    fn has_ended(&self) -> bool {
        self.ended
    }
}

impl<'a> Decoder<'a> {
    pub(super) fn new(speaker: Speaker<'a>, reports_cost: bool, request_id: Option<&'a str>) -> Self {
        Self { speaker, reports_cost, begin: Begin::new(request_id), bill: Bill::default(), ended: false }
    }

    fn done(&mut self, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        if !self.begin.has_begun() {
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
        let json = self.speaker.read(text)?;
        let answer = Answer::deserialize(&json).map_err(|error| self.speaker.unusable(&error.to_string(), text))?;
        self.events(answer, emit)
    }

    fn events(&mut self, answer: Answer, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        // The first choice is the answer; nobody asked for more.
        let choice = answer.choices.into_iter().find(|choice| choice.index == 0);
        if choice.is_some() {
            self.begin.begin(answer.model.as_deref(), answer.id.as_deref(), emit);
        }
        self.bill.tier(answer.service_tier.as_ref().and_then(Value::as_str), emit);
        if let Some(wire) = answer.usage.filter(|usage| !usage.is_null()) {
            emit(ChatEvent::Usage(usage(&wire, &CHAT, self.reports_cost)));
        }
        let Some(mut choice) = choice else { return Ok(()) };
        let reason = choice.finish_reason.take().filter(|reason| !reason.is_empty() && !self.ended);
        pieces(choice.into_piece(), emit);
        match reason.as_deref() {
            Some("error") => {
                let failure = Failure::unexplained("the provider ended the answer with an error");
                Err(self.speaker.failed(failure, None))
            }
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
    ToolCallPiece {
        index: call.index.unwrap_or_else(|| u32::try_from(position).unwrap_or(u32::MAX)),
        id: some(call.id),
        name: some(call.function.name),
        arguments: call.function.arguments.map(json_text).unwrap_or_default(),
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
