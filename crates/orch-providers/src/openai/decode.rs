//! From the wire's JSON to events: no clock, no network.

use std::borrow::Cow;

use orch_core::Error;
use serde::Deserialize;
use serde_json::Value;

use super::answer::{Answer, Call, Function, Piece};
use crate::chat::{ChatEvent, FinishReason, ToolCallPiece, too_many_calls};
use crate::wire::{Begin, Bill, DONE, Decode, Failure, Loose, Speaker, Step, Text, as_text, string};

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
        match Answer::plain(text) {
            Some(answer) => self.events(answer, emit),
            None => self.strange(text, emit),
        }
    }

    /// An answer that may report a failure, or is none.
    fn strange(&mut self, text: &str, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        let json = self.speaker.read(text)?;
        let answer = Answer::deserialize(&json).map_err(|error| self.speaker.unusable(&error.to_string(), text))?;
        self.events(answer, emit)
    }

    fn events(&mut self, mut answer: Answer<'_>, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        let choice = answer.choice();
        if choice.is_some() {
            let (model, id) = (answer.model.as_ref().map(Text::as_str), answer.id.as_ref().map(Text::as_str));
            self.begin.begin(model, id, emit);
        }
        self.bill.tier(as_text(&answer.service_tier), emit);
        if let Some(usage) = answer.usage.0 {
            emit(ChatEvent::Usage(usage.usage(self.reports_cost)));
        }
        let Some(mut choice) = choice else { return Ok(()) };
        let reason = choice.finish_reason.take().filter(|reason| !reason.0.is_empty() && !self.ended);
        self.pieces(choice.into_piece(), emit)?;
        match reason.as_deref().map(Text::as_str) {
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

    fn pieces(&self, piece: Piece<'_>, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        // Two names for the same thing; a server that sends both repeats itself.
        let reasoning = piece.reasoning_content.or(piece.reasoning);
        say(reasoning.map(|text| text.0), ChatEvent::Reasoning, emit);
        match piece.content {
            Some(Loose::Text(text)) => say(Some(text), ChatEvent::Text, emit),
            Some(Loose::Json(json)) => match &*json {
                Value::Array(parts) => parts.iter().for_each(|part| said_in(part, emit)),
                Value::Null => {}
                _ => return Err(self.speaker.unusable("`content` is neither a text nor a list", &json.to_string())),
            },
            None => {}
        }
        say(piece.refusal.map(|text| text.0), ChatEvent::Refusal, emit);
        let Some(calls) = piece.tool_calls else { return Ok(()) };
        if !calls.is_list {
            return Err(self.speaker.unusable("`tool_calls` is not a list", ""));
        }
        for (position, call) in calls.list.into_iter().enumerate() {
            emit(ChatEvent::ToolCall(tool_call(position, call)));
        }
        if calls.more { Err(too_many_calls()) } else { Ok(()) }
    }
}

fn say(text: Option<Cow<'_, str>>, event: fn(String) -> ChatEvent, emit: &mut impl FnMut(ChatEvent)) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        emit(event(text.into_owned()));
    }
}

/// A part of a content that is a list, as Mistral's reasoning models write it: text, or a list of thoughts. Parts of
/// other types, such as references, are left out.
fn said_in(part: &Value, emit: &mut impl FnMut(ChatEvent)) {
    match string(part, "type") {
        Some("text") => say(string(part, "text").map(Cow::from), ChatEvent::Text, emit),
        Some("thinking") => {
            for thought in part["thinking"].as_array().into_iter().flatten() {
                say(string(thought, "text").map(Cow::from), ChatEvent::Reasoning, emit);
            }
        }
        _ => {}
    }
}

fn tool_call(position: usize, call: Call<'_>) -> ToolCallPiece {
    let some = |text: Option<Text<'_>>| text.map(|text| text.0.into_owned()).filter(|text| !text.is_empty());
    let Function { name, arguments } = call.function.unwrap_or_default();
    ToolCallPiece {
        index: call.index.unwrap_or_else(|| u32::try_from(position).unwrap_or(u32::MAX)),
        id: some(call.id),
        name: some(name),
        arguments: arguments.map(Loose::into_text).unwrap_or_default(),
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::compatible::Dialect;
    use crate::openai::ChatCompletions;
    use crate::wire::testing::any_events;

    type Read = fn(&mut Decoder<'_>, &str, &mut Vec<ChatEvent>) -> Result<(), Error>;

    /// What a fresh decoder makes of a text.
    fn read(text: &str, read: Read) -> (Vec<ChatEvent>, Option<String>) {
        let wire = ChatCompletions::new(Dialect::OPENROUTER);
        let (mut decoder, mut events) = (Decoder::new(Speaker::of(&wire), true, None), Vec::new());
        let failed = read(&mut decoder, text, &mut events).err();
        (events, failed.map(|error| format!("{error:?}")))
    }

    proptest! {
        /// The quick way is only quicker: over any JSON it says what the way over a tree of values says.
        #[test]
        fn one_pass_over_the_text_says_what_a_tree_of_values_says(events in any_events(&["error", "text", "thinking"])) {
            for event in &events {
                let text = event.to_string();
                let quick = read(&text, |decoder, text, events| decoder.answer(text, &mut |event| events.push(event)));
                let slow = read(&text, |decoder, text, events| decoder.strange(text, &mut |event| events.push(event)));
                prop_assert_eq!(quick, slow, "{}", text);
            }
        }
    }

    #[test]
    fn what_may_report_a_failure_is_not_read_quickly() {
        for plain in [r#"{"choices":[]}"#, r#"{"error":null,"object":"chat.completion","choices":null}"#] {
            assert!(Answer::plain(plain).is_some(), "{plain}");
        }
        for strange in [
            r#"{"error":"no"}"#,
            r#"{"error":{}}"#,
            r#"{"choices":[{"error":{}}]}"#,
            r#"{"detail":"overloaded"}"#,
            r#"{"object":"error"}"#,
            r#"{"type":"error"}"#,
            r#"{"model":7}"#,
            "[]",
            "[{}]",
            "7",
        ] {
            assert!(Answer::plain(strange).is_none(), "{strange}");
        }
    }
}
