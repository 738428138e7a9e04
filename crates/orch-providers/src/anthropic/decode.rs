//! From the wire's JSON to events: no clock, no network.

use orch_core::Error;
use serde_json::Value;

use super::usage::Counters;
use crate::chat::{ChatEvent, FinishReason, MAX_CALLS, ToolCallPiece, too_many_calls};
use crate::wire::{Begin, Bill, Decode, Failure, Speaker, Step, number, string, take};

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
        if let Some(event) = self.speaker.event(data)? {
            self.event(event, emit)?;
        }
        Ok(if self.ended { Step::Done } else { Step::More })
    }

    fn whole(&mut self, body: &str, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        let mut message = self.speaker.json(body)?;
        if let Value::Array(blocks) = take(&mut message, "content") {
            self.start(&message, emit);
            for (number, block) in (0..).zip(blocks) {
                self.block(number, block, emit)?;
                self.close(Some(number), emit);
            }
            self.stop_reason(&message, emit);
            self.end(emit);
            return Ok(());
        }
        Err(match Failure::find(&message) {
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

    /// One event. A server may leave out the first, or send others that are newer than this wire.
    fn event(&mut self, mut event: Value, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        let block = number(&event, "index");
        match string(&event, "type").unwrap_or_default() {
            "message_start" => self.start(&event["message"], emit),
            "content_block_start" => self.block(block.unwrap_or_default(), take(&mut event, "content_block"), emit)?,
            "content_block_delta" => self.delta(block.unwrap_or_default(), take(&mut event, "delta"), emit)?,
            "content_block_stop" => self.close(block, emit),
            "message_delta" => {
                self.stop_reason(&event["delta"], emit);
                self.usage(&event["usage"], emit);
            }
            "message_stop" => self.end(emit),
            "ping" => emit(ChatEvent::Heartbeat),
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, message: &Value, emit: &mut impl FnMut(ChatEvent)) {
        self.begin.begin(string(message, "model"), string(message, "id"), emit);
        self.usage(&message["usage"], emit);
    }

    fn usage(&mut self, usage: &Value, emit: &mut impl FnMut(ChatEvent)) {
        if usage.is_object() {
            self.counters.update(usage);
            self.bill.set(self.counters.billing(), emit);
            emit(ChatEvent::Usage(self.counters.usage()));
        }
    }

    /// The beginning of a block, or all of it.
    fn block(&mut self, number: u64, mut block: Value, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        match string(&block, "type").unwrap_or_default() {
            "tool_use" if self.calls.len() >= MAX_CALLS => return Err(too_many_calls()),
            "tool_use" => {
                let said = |field| string(&block, field).filter(|text| !text.is_empty()).map(str::to_owned);
                let (id, name) = (said("id"), said("name"));
                self.calls.push(Call { block: number, input: Some(take(&mut block, "input")) });
                self.piece(self.calls.len() - 1, id, name, String::new(), emit);
            }
            "text" => self.say(ChatEvent::Text, &mut block, "text", emit)?,
            "thinking" => self.say(ChatEvent::Reasoning, &mut block, "thinking", emit)?,
            _ => {}
        }
        Ok(())
    }

    /// More of a block. Citations and signatures are not kept, nor what belongs to tools that the provider runs.
    fn delta(&mut self, number: u64, mut delta: Value, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        match string(&delta, "type").unwrap_or_default() {
            "text_delta" => self.say(ChatEvent::Text, &mut delta, "text", emit)?,
            "thinking_delta" => self.say(ChatEvent::Reasoning, &mut delta, "thinking", emit)?,
            "input_json_delta" => {
                let input = self.speaker.text(&mut delta, "partial_json")?;
                if let Some(index) = self.calls.iter().rposition(|call| call.block == number)
                    && !input.is_empty()
                {
                    self.calls[index].input = None;
                    self.piece(index, None, None, input, emit);
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

    fn stop_reason(&mut self, around: &Value, emit: &mut impl FnMut(ChatEvent)) {
        let Some(reason) = string(around, "stop_reason") else { return };
        let before = self.reason.replace(finish(reason));
        let details = &around["stop_details"];
        let words = string(details, "explanation").or(string(details, "category"));
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
        around: &mut Value,
        field: &str,
        emit: &mut impl FnMut(ChatEvent),
    ) -> Result<(), Error> {
        let text = self.speaker.text(around, field)?;
        if !text.is_empty() {
            self.begin.begin(None, None, emit);
            emit(event(text));
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
