//! From the wire's JSON to events: no clock, no network.

use std::collections::HashSet;

use orch_core::Error;
use serde::Deserialize;

use super::answer::{Content, Event, Item, Response};
use super::calls::{Calls, Which};
use crate::chat::{ChatEvent, FinishReason};
use crate::wire::{
    Begin, Bill, Decode, Failure, Items, Loose, Numeric, Perhaps, Speaker, Step, as_text, quick, too_many_items,
};

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
        match quick::<Event<'_>>(data).filter(|event| as_text(&event.kind).is_some_and(|kind| kind != "error")) {
            Some(event) => self.event(event, data, emit)?,
            None => self.strange(data, emit)?,
        }
        Ok(if self.ended { Step::Done } else { Step::More })
    }

    fn whole(&mut self, body: &str, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        if let Some(response) = quick::<Response<'_>>(body).filter(is_response) {
            return self.response(response, emit);
        }
        let json = self.speaker.json(body)?;
        if json["output"].is_array() || json["status"].is_string() {
            let response =
                Response::deserialize(&json).map_err(|error| self.speaker.unusable(&error.to_string(), body))?;
            return self.response(response, emit);
        }
        Err(match Failure::find_closed(&json) {
            Some(failure) => self.speaker.failed(failure, None),
            None => self.speaker.unusable("the answer is no response", body),
        })
    }

    /// The response is completed, or incomplete for a reason.
    fn has_ended(&self) -> bool {
        self.ended
    }
}

fn is_response(response: &Response<'_>) -> bool {
    response.output.is_list || as_text(&response.status).is_some()
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

    /// An event that may report a failure, or is none.
    fn strange(&mut self, data: &str, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        let Some(json) = self.speaker.event_with(data, Failure::find_closed)? else { return Ok(()) };
        let event = Event::deserialize(&json).map_err(|error| self.speaker.unusable(&error.to_string(), data))?;
        self.event(event, data, emit)
    }

    /// A whole response. One without a status is completed.
    fn response(&mut self, response: Response<'_>, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        let status = as_text(&response.status).unwrap_or("completed").to_owned();
        self.end(&status, response, emit)
    }

    /// One event. Events of other types are about tools that the provider runs itself, or are newer than this wire.
    fn event(&mut self, mut event: Event<'_>, data: &str, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        let kind = event.kind.take();
        let Some((about, step)) = as_text(&kind).and_then(|kind| kind.rsplit_once('.')) else { return Ok(()) };
        let which = Which { place: event.output_index.count(), item: as_text(&event.item_id) };
        match (about, step) {
            ("response", "created" | "queued" | "in_progress") => {
                self.start(&event.response.0.unwrap_or_default(), emit);
            }
            ("response", "completed" | "incomplete" | "failed") => {
                // A failure need not say more; an answer must.
                if step != "failed" && event.response.0.is_none() {
                    return Err(self.speaker.unusable("the last event has no response", data));
                }
                let response = event.response.0.map(|response| *response).unwrap_or_default();
                return self.end(step, response, emit);
            }
            ("response.output_item", "added" | "done") => {
                let item = event.item.0.map(|item| *item).unwrap_or_default();
                self.calls.item(item, which.place, emit);
            }
            ("response.function_call_arguments" | "response.custom_tool_call_input", "delta") => {
                let text = self.speaker.text(event.delta, "delta")?;
                self.calls.arguments(which, text.into_owned(), emit);
            }
            ("response.function_call_arguments", "done") => self.calls.whole_arguments(which, event.arguments, emit),
            ("response.custom_tool_call_input", "done") => self.calls.whole_arguments(which, event.input, emit),
            _ => return self.part(about, step, event, emit),
        }
        Ok(())
    }

    /// An event about a part of what is said.
    fn part(
        &mut self,
        about: &str,
        step: &str,
        event: Event<'_>,
        emit: &mut impl FnMut(ChatEvent),
    ) -> Result<(), Error> {
        let (kind, whole) = match about {
            "response.output_text" => (Kind::Text, event.text),
            "response.refusal" => (Kind::Refusal, event.refusal),
            "response.reasoning_text" => (Kind::Reasoning, event.text),
            "response.reasoning_summary_text" => (Kind::Summary, event.text),
            _ => return Ok(()),
        };
        let place = if kind == Kind::Summary { &event.summary_index } else { &event.content_index };
        let number = |of: &Numeric| of.count().unwrap_or_default();
        let part = Part { kind, item: number(&event.output_index), part: number(place) };
        match step {
            "delta" => {
                let text = self.speaker.text(event.delta, "delta")?;
                self.say(part, text.into_owned(), emit);
            }
            // A whole part counts if none of its pieces has come.
            "done" if !self.said.contains(&part) => self.say_whole(part, whole, emit),
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, response: &Response<'_>, emit: &mut impl FnMut(ChatEvent)) {
        self.begin.begin(as_text(&response.model), as_text(&response.id), emit);
    }

    fn say_whole(&mut self, part: Part, said: Option<Loose<'_>>, emit: &mut impl FnMut(ChatEvent)) {
        if let Some(Loose::Text(text)) = said {
            self.say(part, text.into_owned(), emit);
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
    fn end(&mut self, status: &str, mut response: Response<'_>, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        self.start(&response, emit);
        self.bill.tier(as_text(&response.service_tier), emit);
        if let Some(usage) = &response.usage.0 {
            emit(ChatEvent::Usage(usage.usage(self.reports_cost)));
        }
        self.output(std::mem::take(&mut response.output), emit)?;
        if let Some(error) = response.error.as_ref().filter(|error| error.is_object()) {
            return Err(self.speaker.failed(Failure::of_closed_list(error), None));
        }
        let reason = match status {
            "completed" if self.calls.is_empty() => FinishReason::Stop,
            "completed" => FinishReason::ToolCalls,
            "incomplete" => {
                incomplete(response.incomplete_details.0.as_ref().and_then(|details| as_text(&details.reason)))
            }
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
    fn output(&mut self, output: Items<Perhaps<Item<'_>>>, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error> {
        let said: HashSet<Kind> = self.said.iter().map(|part| part.kind).collect();
        let called = !self.calls.is_empty();
        for (place, item) in (0_u64..).zip(output.list) {
            let item = item.0.unwrap_or_default();
            match as_text(&item.kind) {
                Some("message") => self.parts(place, item.content, &said, emit)?,
                Some("reasoning") => {
                    self.parts(place, item.content, &said, emit)?;
                    self.parts(place, item.summary, &said, emit)?;
                }
                _ if !called => self.calls.item(item, Some(place), emit),
                _ => {}
            }
        }
        if output.more { Err(too_many_items("/output")) } else { Ok(()) }
    }

    fn parts(
        &mut self,
        item: u64,
        parts: Items<Perhaps<Content<'_>>>,
        said: &HashSet<Kind>,
        emit: &mut impl FnMut(ChatEvent),
    ) -> Result<(), Error> {
        for (part, content) in (0_u64..).zip(parts.list) {
            let content = content.0.unwrap_or_default();
            let (kind, text) = match as_text(&content.kind) {
                Some("output_text") => (Kind::Text, content.text),
                Some("refusal") => (Kind::Refusal, content.refusal),
                Some("reasoning_text") => (Kind::Reasoning, content.text),
                Some("summary_text") => (Kind::Summary, content.text),
                _ => continue,
            };
            if !said.contains(&kind) {
                self.say_whole(Part { kind, item, part }, text, emit);
            }
        }
        if parts.more { Err(too_many_items("/output/content")) } else { Ok(()) }
    }
}

fn incomplete(reason: Option<&str>) -> FinishReason {
    match reason {
        Some("max_output_tokens") => FinishReason::Length,
        Some("content_filter") => FinishReason::ContentFilter,
        other => FinishReason::Other(other.unwrap_or("incomplete").into()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Responses;
    use crate::wire::testing::any_events;

    proptest! {
        /// The quick way is only quicker: over any JSON it says what the way over a tree of values says.
        #[test]
        fn one_pass_over_the_text_says_what_a_tree_of_values_says(
            events in any_events(&[
                "error", "response.created", "response.completed", "response.output_item.added", "response.output_item.done",
                "response.output_text.delta", "response.output_text.done", "response.function_call_arguments.delta",
                "response.function_call_arguments.done", "response.failed", "message", "function_call", "output_text",
            ])
        ) {
            let wire = Responses::new(crate::compatible::Dialect::OPENROUTER);
            let (mut quick, mut slow) = (Decoder::new(Speaker::of(&wire), true, None), Decoder::new(Speaker::of(&wire), true, None));
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
