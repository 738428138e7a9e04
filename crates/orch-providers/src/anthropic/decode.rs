//! From the wire's JSON to events: no clock, no network.

use orch_core::Error;
use serde::Deserialize;
use serde_json::Value;

use super::answer::{Block, Delta, Event, Message, StopDetails};
use super::usage::{Counters, Report};
use crate::chat::{ChatEvent, FinishReason, MAX_CALLS, ToolCallPiece, too_many_calls};
use crate::wire::{Begin, Bill, Decode, Failure, Loose, Perhaps, Speaker, Step, as_text, quick, too_many_items};

/// Reads one message, whole or event by event.
pub struct Decoder<'a> {
    speaker: Speaker<'a>,
    begin: Begin<'a>,
    counters: Counters,
    bill: Bill,
    calls: Vec<Call>,
    reason: Option<FinishReason>,
    ended: bool,
}

/// A block that calls a tool.
#[derive(Debug)]
struct Call {
    /// The number of the block, not of the call.
    block: u64,
    /// The input with which the block began, until pieces of it have come.
    input: Option<Value>,
}

impl Decode for Decoder<'_> {
    fn frame(&mut self, data: &str, emit: &mut impl FnMut(ChatEvent)) -> Result<Step, Error> {
        match quick::<Event<'_>>(data).filter(|event| as_text(&event.kind).is_some_and(|kind| kind != "error")) {
            Some(event) => self.event(event, emit)?,
            None => self.strange(data, emit)?,
        }
        Ok(if self.ended { Step::Done } else { Step::More })
    }

    fn whole(&mut self, body: &str, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        if let Some(message) = quick::<Message<'_>>(body).filter(|message| message.content.is_list) {
            return self.message(message, emit);
        }
        let json = self.speaker.json(body)?;
        if json["content"].is_array() {
            let message =
                Message::deserialize(&json).map_err(|error| self.speaker.unusable(&error.to_string(), body))?;
            return self.message(message, emit);
        }
        Err(match Failure::find(&json) {
            Some(failure) => self.speaker.failed(failure, None),
            None => self.speaker.unusable("the answer is no message", body),
        })
    }

    /// `message_stop` has come.
    fn has_ended(&self) -> bool {
        self.ended
    }
}

impl<'a> Decoder<'a> {
    pub(super) fn new(speaker: Speaker<'a>, request_id: Option<&'a str>) -> Self {
        let (begin, counters, bill) = (Begin::new(request_id), Counters::default(), Bill::default());
        Self { speaker, begin, counters, bill, calls: Vec::new(), reason: None, ended: false }
    }

    /// An event that may report a failure, or is none.
    fn strange(&mut self, data: &str, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        let Some(json) = self.speaker.event(data)? else { return Ok(()) };
        let event = Event::deserialize(&json).map_err(|error| self.speaker.unusable(&error.to_string(), data))?;
        self.event(event, emit)
    }

    /// A whole message.
    fn message(&mut self, mut message: Message<'_>, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        let content = std::mem::take(&mut message.content);
        self.start(&message, emit);
        for (number, block) in (0..).zip(content.list) {
            self.block(number, block.0.unwrap_or_default(), emit)?;
            self.close(Some(number), emit);
        }
        if content.more {
            return Err(too_many_items("/content"));
        }
        self.stop_reason(message.stop_reason.as_ref(), &message.stop_details, emit);
        self.end(emit);
        Ok(())
    }

    /// One event. A server may leave out the first, or send others that are newer than this wire.
    fn event(&mut self, event: Event<'_>, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        let block = event.index.count();
        match as_text(&event.kind).unwrap_or_default() {
            "message_start" => self.start(&event.message.0.unwrap_or_default(), emit),
            "content_block_start" => {
                self.block(
                    block.unwrap_or_default(),
                    event.content_block.0.map(|block| *block).unwrap_or_default(),
                    emit,
                )?;
            }
            "content_block_delta" => {
                self.delta(block.unwrap_or_default(), event.delta.0.unwrap_or_default(), emit)?;
            }
            "content_block_stop" => self.close(block, emit),
            "message_delta" => {
                let delta = event.delta.0.unwrap_or_default();
                self.stop_reason(delta.stop_reason.as_ref(), &delta.stop_details, emit);
                self.usage(event.usage.0.as_deref(), emit);
            }
            "message_stop" => self.end(emit),
            "ping" => emit(ChatEvent::Heartbeat),
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, message: &Message<'_>, emit: &mut impl FnMut(ChatEvent)) {
        self.begin.begin(as_text(&message.model), as_text(&message.id), emit);
        self.usage(message.usage.0.as_ref(), emit);
    }

    fn usage(&mut self, report: Option<&Report<'_>>, emit: &mut impl FnMut(ChatEvent)) {
        if let Some(report) = report {
            self.counters.update(report);
            self.bill.set(self.counters.billing(), emit);
            emit(ChatEvent::Usage(self.counters.usage()));
        }
    }

    /// The beginning of a block, or all of it.
    fn block(&mut self, number: u64, block: Block<'_>, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        match as_text(&block.kind).unwrap_or_default() {
            "tool_use" if self.calls.len() >= MAX_CALLS => return Err(too_many_calls()),
            "tool_use" => {
                let said = |field| as_text(field).filter(|text| !text.is_empty()).map(str::to_owned);
                let (id, name) = (said(&block.id), said(&block.name));
                self.calls.push(Call { block: number, input: Some(block.input.unwrap_or_default()) });
                self.piece(self.calls.len() - 1, id, name, String::new(), emit);
            }
            "text" => self.say(ChatEvent::Text, block.text, "text", emit)?,
            "thinking" => self.say(ChatEvent::Reasoning, block.thinking, "thinking", emit)?,
            _ => {}
        }
        Ok(())
    }

    /// More of a block. Citations and signatures are not kept, nor what belongs to tools that the provider runs.
    fn delta(&mut self, number: u64, delta: Delta<'_>, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        match as_text(&delta.kind).unwrap_or_default() {
            "text_delta" => self.say(ChatEvent::Text, delta.text, "text", emit)?,
            "thinking_delta" => self.say(ChatEvent::Reasoning, delta.thinking, "thinking", emit)?,
            "input_json_delta" => {
                let input = self.speaker.text(delta.partial_json, "partial_json")?;
                if let Some(index) = self.calls.iter().rposition(|call| call.block == number)
                    && !input.is_empty()
                {
                    self.calls[index].input = None;
                    self.piece(index, None, None, input.into_owned(), emit);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The end of a block, or of all: a call of which no piece of the input has come has the input it began with.
    fn close(&mut self, block: Option<u64>, emit: &mut impl FnMut(ChatEvent)) {
        for index in 0..self.calls.len() {
            let call = &mut self.calls[index];
            if block.is_none_or(|block| block == call.block)
                && let Some(input) = call.input.take()
            {
                let arguments = if input.is_object() { input.to_string() } else { "{}".to_owned() };
                self.piece(index, None, None, arguments, emit);
            }
        }
    }

    fn stop_reason(
        &mut self,
        reason: Option<&Loose<'_>>,
        details: &Perhaps<StopDetails<'_>>,
        emit: &mut impl FnMut(ChatEvent),
    ) {
        let Some(reason) = reason.and_then(Loose::as_str) else { return };
        let before = self.reason.replace(finish(reason));
        let details = details.0.as_ref();
        let words = details.and_then(|details| as_text(&details.explanation).or(as_text(&details.category)));
        if let Some(words) = words.filter(|_| before != self.reason) {
            emit(ChatEvent::Refusal(words.to_owned()));
        }
    }

    fn end(&mut self, emit: &mut impl FnMut(ChatEvent)) {
        self.begin.begin(None, None, emit);
        self.close(None, emit);
        self.ended = true;
        emit(ChatEvent::End { reason: self.reason.take().unwrap_or_default() });
    }

    fn say(
        &mut self,
        event: fn(String) -> ChatEvent,
        said: Option<Loose<'_>>,
        field: &str,
        emit: &mut impl FnMut(ChatEvent),
    ) -> Result<(), Error> {
        let text = self.speaker.text(said, field)?;
        if !text.is_empty() {
            self.begin.begin(None, None, emit);
            emit(event(text.into_owned()));
        }
        Ok(())
    }

    fn piece(
        &mut self,
        index: usize,
        id: Option<String>,
        name: Option<String>,
        arguments: String,
        emit: &mut impl FnMut(ChatEvent),
    ) {
        self.begin.begin(None, None, emit);
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        emit(ChatEvent::ToolCall(ToolCallPiece { index, id, name, arguments }));
    }
}

fn finish(reason: &str) -> FinishReason {
    match reason {
        "end_turn" | "stop_sequence" => FinishReason::Stop,
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "tool_use" => FinishReason::ToolCalls,
        // The provider's classifiers stepped in; what the model itself declines in words ends its turn.
        "refusal" => FinishReason::ContentFilter,
        "pause_turn" => FinishReason::Paused,
        other => FinishReason::Other(other.into()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Messages;
    use crate::wire::testing::any_events;

    proptest! {
        /// The quick way is only quicker: over any JSON it says what the way over a tree of values says.
        #[test]
        fn one_pass_over_the_text_says_what_a_tree_of_values_says(
            events in any_events(&[
                "error", "message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta",
                "text_delta", "input_json_delta", "tool_use", "text",
            ])
        ) {
            let wire = Messages::new(crate::anthropic::ApiVersion::default());
            let (mut quick, mut slow) = (Decoder::new(Speaker::of(&wire), None), Decoder::new(Speaker::of(&wire), None));
            for event in &events {
                let text = event.to_string();
                let (mut said, mut again) = (Vec::new(), Vec::new());
                let failed = quick.frame(&text, &mut |event| said.push(event)).err();
                let fails = slow.strange(&text, &mut |event| again.push(event)).err();
                prop_assert_eq!(said, again, "{}", text);
                prop_assert_eq!(format!("{failed:?}"), format!("{fails:?}"), "{}", text);
            }
        }
    }
}
