//! From the wire's JSON to events: no clock, no network.

use std::collections::HashSet;

use orch_core::Error;
use serde_json::Value;

use super::calls::Calls;
use crate::chat::{ChatEvent, FinishReason};
use crate::compatible::{RESPONSES, usage};
use crate::wire::{Begin, Bill, Decode, Failure, Speaker, Step, number, string, take};

/// Reads one response, whole or event by event.
///
/// A server may say a thing piece by piece, whole, or both: what has been said is not repeated.
pub struct Decoder<'a> {
    speaker: Speaker<'a>,
    /// Whether `usage.cost` is an amount of dollars.
    reports_cost: bool,
    begin: Begin<'a>,
    bill: Bill,
    /// Which parts of which items have been said.
    said: HashSet<Part>,
    calls: Calls,
    ended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Text,
    Refusal,
    Reasoning,
    Summary,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Part {
    kind: Kind,
    item: u64,
    part: u64,
}

impl Decode for Decoder<'_> {
    fn frame(&mut self, data: &str, emit: &mut impl FnMut(ChatEvent)) -> Result<Step, Error> {
        if let Some(mut event) = self.speaker.event_with(data, Failure::find_closed)? {
            let kind = take(&mut event, "type");
            self.event(kind.as_str().unwrap_or_default(), event, emit)?;
        }
        Ok(if self.ended { Step::Done } else { Step::More })
    }

    fn whole(&mut self, body: &str, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        let response = self.speaker.json(body)?;
        if response["output"].is_array() || response["status"].is_string() {
            let status = string(&response, "status").unwrap_or("completed").to_owned();
            return self.end(&status, response, emit);
        }
        Err(match Failure::find_closed(&response) {
            Some(failure) => self.speaker.failed(failure, None),
            None => self.speaker.unusable("the answer is no response", body),
        })
    }

    /// The response is completed, or incomplete for a reason.
    fn has_ended(&self) -> bool {
        self.ended
    }
}

impl<'a> Decoder<'a> {
    pub(super) fn new(speaker: Speaker<'a>, reports_cost: bool, request_id: Option<&'a str>) -> Self {
        let begin = Begin::new(request_id);
        Self {
            speaker,
            reports_cost,
            begin,
            bill: Bill::default(),
            said: HashSet::new(),
            calls: Calls::default(),
            ended: false,
        }
    }

    /// One event. Events of other types are about tools that the provider runs itself, or are newer than this wire.
    fn event(&mut self, kind: &str, mut event: Value, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        let Some((about, step)) = kind.rsplit_once('.') else { return Ok(()) };
        match (about, step) {
            ("response", "created" | "queued" | "in_progress") => self.start(&event["response"], emit),
            ("response", "completed" | "incomplete" | "failed") => {
                let response = take(&mut event, "response");
                // A failure need not say more; an answer must.
                if step != "failed" && !response.is_object() {
                    return Err(self.speaker.unusable("the last event has no response", &event.to_string()));
                }
                return self.end(step, response, emit);
            }
            ("response.output_item", "added" | "done") => {
                self.calls.item(&event["item"], number(&event, "output_index"), emit);
            }
            ("response.function_call_arguments", "delta") | ("response.custom_tool_call_input", "delta") => {
                let text = self.speaker.text(&mut event, "delta")?;
                self.calls.arguments(&event, text, emit);
            }
            ("response.function_call_arguments", "done") => self.calls.whole_arguments(&mut event, "arguments", emit),
            ("response.custom_tool_call_input", "done") => self.calls.whole_arguments(&mut event, "input", emit),
            ("response.output_text", "delta") => self.delta(Kind::Text, &mut event, emit)?,
            ("response.output_text", "done") => self.done(Kind::Text, &mut event, "text", emit),
            ("response.refusal", "delta") => self.delta(Kind::Refusal, &mut event, emit)?,
            ("response.refusal", "done") => self.done(Kind::Refusal, &mut event, "refusal", emit),
            ("response.reasoning_text", "delta") => self.delta(Kind::Reasoning, &mut event, emit)?,
            ("response.reasoning_text", "done") => self.done(Kind::Reasoning, &mut event, "text", emit),
            ("response.reasoning_summary_text", "delta") => self.delta(Kind::Summary, &mut event, emit)?,
            ("response.reasoning_summary_text", "done") => self.done(Kind::Summary, &mut event, "text", emit),
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, response: &Value, emit: &mut impl FnMut(ChatEvent)) {
        self.begin.begin(string(response, "model"), string(response, "id"), emit);
    }

    /// A piece of a part.
    fn delta(&mut self, kind: Kind, event: &mut Value, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        let text = self.speaker.text(event, "delta")?;
        self.say(Part::of(kind, event), text, emit);
        Ok(())
    }

    /// A whole part, which counts if none of its pieces has come.
    fn done(&mut self, kind: Kind, event: &mut Value, field: &str, emit: &mut impl FnMut(ChatEvent)) {
        let part = Part::of(kind, event);
        if let Value::String(text) = take(event, field)
            && !self.said.contains(&part)
        {
            self.say(part, text, emit);
        }
    }

    fn say(&mut self, part: Part, text: String, emit: &mut impl FnMut(ChatEvent)) {
        if text.is_empty() {
            return;
        }
        self.said.insert(part);
        emit(match part.kind {
            Kind::Text => ChatEvent::Text(text),
            Kind::Refusal => ChatEvent::Refusal(text),
            Kind::Reasoning | Kind::Summary => ChatEvent::Reasoning(text),
        });
    }

    /// The whole response: its usage, what it says that has not been said, and how it ended. One with an error has
    /// failed, whatever its status says.
    fn end(&mut self, status: &str, mut response: Value, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        self.start(&response, emit);
        self.bill.tier(string(&response, "service_tier"), emit);
        if response["usage"].is_object() {
            emit(ChatEvent::Usage(usage(&response["usage"], &RESPONSES, self.reports_cost)));
        }
        self.output(take(&mut response, "output"), emit);
        if response["error"].is_object() {
            return Err(self.speaker.failed(Failure::of_closed_list(&response["error"]), None));
        }
        let reason = match status {
            "completed" if self.calls.is_empty() => FinishReason::Stop,
            "completed" => FinishReason::ToolCalls,
            "incomplete" => incomplete(response.pointer("/incomplete_details/reason").and_then(Value::as_str)),
            "queued" | "in_progress" => {
                return Err(Error::bad_output("/status", format!("`{status}`: the response was not waited for")));
            }
            other => {
                let failure = Failure::unexplained(&format!("the response is {other}"));
                return Err(self.speaker.failed(failure, None));
            }
        };
        self.ended = true;
        emit(ChatEvent::End { reason });
        Ok(())
    }

    /// What a whole response says. The places of its items need not be those of the stream, so a kind of which any
    /// piece has come is left out as a whole.
    fn output(&mut self, mut output: Value, emit: &mut impl FnMut(ChatEvent)) {
        let said: HashSet<Kind> = self.said.iter().map(|part| part.kind).collect();
        let called = !self.calls.is_empty();
        for (place, item) in (0_u64..).zip(output.as_array_mut().into_iter().flatten()) {
            match string(item, "type") {
                Some("message") => self.parts(place, take(item, "content"), &said, emit),
                Some("reasoning") => {
                    self.parts(place, take(item, "content"), &said, emit);
                    self.parts(place, take(item, "summary"), &said, emit);
                }
                _ if !called => self.calls.item(item, Some(place), emit),
                _ => {}
            }
        }
    }

    fn parts(&mut self, item: u64, mut parts: Value, said: &HashSet<Kind>, emit: &mut impl FnMut(ChatEvent)) {
        for (part, content) in (0_u64..).zip(parts.as_array_mut().into_iter().flatten()) {
            let (kind, field) = match string(content, "type") {
                Some("output_text") => (Kind::Text, "text"),
                Some("refusal") => (Kind::Refusal, "refusal"),
                Some("reasoning_text") => (Kind::Reasoning, "text"),
                Some("summary_text") => (Kind::Summary, "text"),
                _ => continue,
            };
            if let Value::String(text) = take(content, field)
                && !said.contains(&kind)
            {
                self.say(Part { kind, item, part }, text, emit);
            }
        }
    }
}

impl Part {
    fn of(kind: Kind, event: &Value) -> Self {
        let part = if kind == Kind::Summary { "summary_index" } else { "content_index" };
        let number = |field| number(event, field).unwrap_or_default();
        Self { kind, item: number("output_index"), part: number(part) }
    }
}

fn incomplete(reason: Option<&str>) -> FinishReason {
    match reason {
        Some("max_output_tokens") => FinishReason::Length,
        Some("content_filter") => FinishReason::ContentFilter,
        other => FinishReason::Other(other.unwrap_or("incomplete").into()),
    }
}
