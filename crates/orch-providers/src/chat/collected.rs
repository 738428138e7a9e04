//! The pieces of an answer put together: no clock, no context.

use orch_core::{Counted, Error, Usage};

use super::{ChatEvent, ChatResponse, ToolCall, ToolCallPiece};
use crate::pricing::{Billing, Price};
use crate::tokens;

/// The most tool calls of an answer. No model makes so many, and every piece looks for its call among them.
pub(crate) const MAX_CALLS: usize = 1_024;

/// An answer with more calls than [`MAX_CALLS`].
pub(crate) fn too_many_calls() -> Error {
    Error::bad_output("/tool_calls", format!("the answer has more than {MAX_CALLS} tool calls"))
}

/// What has arrived of an answer.
#[derive(Debug, Default)]
pub(super) struct Collected {
    response: ChatResponse,
    /// The index that the provider gave each of the response's tool calls.
    call_indices: Vec<u32>,
    /// Whether a call was left out because there were [`MAX_CALLS`].
    too_many_calls: bool,
    billing: Billing,
    began: bool,
    output_bytes: usize,
}

impl Collected {
    pub(super) fn apply(&mut self, event: ChatEvent) {
        self.began |= !matches!(event, ChatEvent::Heartbeat | ChatEvent::Limits(_) | ChatEvent::Billing(_));
        let response = &mut self.response;
        match event {
            ChatEvent::Start { model, request_id } => {
                response.model = model.or(response.model.take());
                response.request_id = request_id.or(response.request_id.take());
            }
            ChatEvent::Text(text) => {
                self.output_bytes += text.len();
                append(&mut response.text, text);
            }
            ChatEvent::Refusal(text) => {
                self.output_bytes += text.len();
                append(response.refusal.get_or_insert_default(), text);
            }
            ChatEvent::Reasoning(text) => {
                self.output_bytes += text.len();
                append(response.reasoning.get_or_insert_default(), text);
            }
            ChatEvent::ToolCall(piece) => self.add_to_call(piece),
            ChatEvent::Usage(usage) => replace(&mut response.usage, &usage),
            ChatEvent::Billing(billing) => self.billing = billing,
            ChatEvent::Limits(limits) => response.limits = Some(limits),
            ChatEvent::Heartbeat => {}
            ChatEvent::End { reason } => {
                response.finish.get_or_insert(reason);
            }
        }
    }

    fn add_to_call(&mut self, piece: ToolCallPiece) {
        self.output_bytes += piece.arguments.len() + piece.name.as_ref().map_or(0, String::len);
        let known = self.call_of(&piece);
        self.too_many_calls |= known.is_none() && self.call_indices.len() >= MAX_CALLS;
        if self.too_many_calls {
            return;
        }
        let position = known.unwrap_or_else(|| {
            self.call_indices.push(piece.index);
            self.response.tool_calls.push(ToolCall::default());
            self.call_indices.len() - 1
        });
        let call = &mut self.response.tool_calls[position];
        call.id = piece.id.unwrap_or_else(|| std::mem::take(&mut call.id));
        call.name = piece.name.unwrap_or_else(|| std::mem::take(&mut call.name));
        append(&mut call.arguments, piece.arguments);
    }

    /// The last call of the piece's index, unless the piece begins another: some servers give all calls one index, and
    /// tell them apart by their ids alone. Others give each piece of a call another id, but its name only once.
    fn call_of(&self, piece: &ToolCallPiece) -> Option<usize> {
        let begins = piece.id.as_ref().filter(|_| piece.name.is_some());
        let continues = |call: &ToolCall| begins.is_none_or(|id| call.id.is_empty() || *id == call.id);
        let mut known = self.call_indices.iter().zip(&self.response.tool_calls);
        known.rposition(|(index, call)| *index == piece.index && continues(call))
    }

    /// Why the answer is unusable although it has ended.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.too_many_calls { Err(too_many_calls()) } else { Ok(()) }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.response.finish.is_some()
    }

    pub(super) fn has_begun(&self) -> bool {
        self.began
    }

    /// What has arrived, with what it used.
    pub(super) fn response(&self, input_tokens: u64, price: Option<&Price>) -> ChatResponse {
        ChatResponse { usage: self.usage(input_tokens, price), ..self.response.clone() }
    }

    /// What the provider reported; counters that it left out are estimated, or at least so much if the answer is
    /// not whole. Unknown before the provider has begun.
    pub(super) fn usage(&self, input_tokens: u64, price: Option<&Price>) -> Usage {
        let mut usage = self.response.usage.clone();
        if !self.began {
            return usage;
        }
        let count = if self.has_ended() { Counted::estimated } else { Counted::lower_bound };
        usage.input_tokens.get_or_insert(Counted::estimated(input_tokens));
        usage.output_tokens.get_or_insert(count(tokens::in_bytes(self.output_bytes)));
        if usage.cost.is_none() {
            usage.cost = price.and_then(|price| price.cost_of(&usage, self.billing));
        }
        usage
    }
}

/// Without a copy when it is the first piece.
fn append(text: &mut String, piece: String) {
    if text.is_empty() {
        *text = piece;
    } else {
        text.push_str(&piece);
    }
}

fn replace(known: &mut Usage, newer: &Usage) {
    known.input_tokens = newer.input_tokens.or(known.input_tokens);
    known.cached_input_tokens = newer.cached_input_tokens.or(known.cached_input_tokens);
    known.cache_write_tokens = newer.cache_write_tokens.or(known.cache_write_tokens);
    known.output_tokens = newer.output_tokens.or(known.output_tokens);
    known.reasoning_tokens = newer.reasoning_tokens.or(known.reasoning_tokens);
    known.cost = newer.cost.or(known.cost);
}

#[cfg(test)]
mod tests {
    use orch_core::Usd;

    use super::*;
    use crate::chat::FinishReason;
    use crate::pricing::ServiceTier;

    fn collected(events: impl IntoIterator<Item = ChatEvent>) -> Collected {
        let mut collected = Collected::default();
        events.into_iter().for_each(|event| collected.apply(event));
        collected
    }

    fn text(piece: &str) -> ChatEvent {
        ChatEvent::Text(piece.to_owned())
    }

    fn piece(index: u32, id: Option<&str>, name: Option<&str>, arguments: &str) -> ChatEvent {
        let (id, name) = (id.map(Into::into), name.map(Into::into));
        ChatEvent::ToolCall(ToolCallPiece { index, id, name, arguments: arguments.to_owned() })
    }

    const END: ChatEvent = ChatEvent::End { reason: FinishReason::Stop };

    #[test]
    fn interleaved_tool_calls_are_put_together_by_their_index() {
        let events = [
            piece(3, Some("a"), Some("sum"), ""),
            piece(0, Some("b"), Some("max"), "{"),
            piece(3, None, None, "[1,"),
            piece(0, None, None, "}"),
            piece(3, None, None, "2]"),
        ];
        let response = collected(events).response(0, None);
        let calls: Vec<_> = response.tool_calls.iter().map(|c| (&*c.id, &*c.name, &*c.arguments)).collect();
        assert_eq!(calls, [("a", "sum", "[1,2]"), ("b", "max", "{}")]);
    }

    fn ids_and_arguments(collected: &Collected) -> Vec<(&str, &str)> {
        collected.response.tool_calls.iter().map(|call| (&*call.id, &*call.arguments)).collect()
    }

    #[test]
    fn parallel_calls_of_one_index_are_told_apart_by_their_ids() {
        let events = [
            piece(0, Some("a"), Some("sum"), "{\"x\":"),
            piece(0, None, None, "1}"),
            piece(0, Some("b"), Some("sum"), "{\"x\":"),
            piece(0, None, None, "2"),
            piece(0, Some("b"), Some("sum"), "}"),
        ];
        assert_eq!(ids_and_arguments(&collected(events)), [("a", "{\"x\":1}"), ("b", "{\"x\":2}")]);
    }

    #[test]
    fn an_id_that_comes_late_or_changes_without_a_name_begins_no_call() {
        let late = [piece(0, None, Some("sum"), "{"), piece(0, Some("a"), Some("sum"), "}")];
        assert_eq!(ids_and_arguments(&collected(late)), [("a", "{}")]);
        let changing = [piece(0, Some("a"), Some("sum"), "{"), piece(0, Some("b"), None, "}")];
        assert_eq!(ids_and_arguments(&collected(changing)), [("b", "{}")]);
    }

    #[test]
    fn an_answer_may_have_so_many_calls_and_no_more() {
        let calls = |count: usize| (0..u32::try_from(count).unwrap()).map(|index| piece(index, None, Some("f"), "{}"));
        assert!(collected(calls(MAX_CALLS)).check().is_ok());
        let beyond = collected(calls(MAX_CALLS * 2));
        let error = beyond.check().unwrap_err().to_string();
        assert!(error.contains("/tool_calls") && error.contains("1024"), "{error}");
        assert_eq!(beyond.response.tool_calls.len(), MAX_CALLS);
    }

    #[test]
    fn nothing_counts_as_used_before_the_provider_has_begun() {
        assert!(collected([ChatEvent::Heartbeat]).usage(100, Some(&Price::free())).is_unknown());
    }

    #[test]
    fn a_broken_answer_used_at_least_what_arrived_and_a_whole_one_about_that() {
        let broken = collected([text("four"), text("more")]).usage(10, None);
        assert_eq!(broken.input_tokens, Some(Counted::estimated(10)));
        assert_eq!(broken.output_tokens, Some(Counted::lower_bound(2)));
        let whole = collected([text("four"), text("more"), END]).usage(10, None);
        assert_eq!(whole.output_tokens, Some(Counted::estimated(2)));
    }

    #[test]
    fn a_reported_zero_is_kept_and_not_replaced_by_an_estimate() {
        let reported = Usage::new().output(Counted::reported(0));
        let usage = collected([text("something"), ChatEvent::Usage(reported), END]).usage(10, None);
        assert_eq!(usage.output_tokens, Some(Counted::reported(0)));
    }

    #[test]
    fn later_counters_replace_earlier_ones_and_absent_ones_change_nothing() {
        let events = [
            ChatEvent::Usage(Usage::new().input(Counted::reported(7)).output(Counted::reported(1))),
            ChatEvent::Usage(Usage::new().output(Counted::reported(5))),
            END,
        ];
        let usage = collected(events).usage(10, None);
        assert_eq!(usage, Usage::new().input(Counted::reported(7)).output(Counted::reported(5)));
    }

    #[test]
    fn the_tier_that_served_the_call_decides_its_price() {
        let price = Price::per_million(1.0, 0.0).unwrap();
        let price = price.in_tier(ServiceTier::Flex, &Price::per_million(0.5, 0.0).unwrap());
        let served = Billing::standard().with_tier(ServiceTier::Flex);
        let usage = Usage::new().input(Counted::reported(10)).output(Counted::reported(0));
        let events = [ChatEvent::Billing(served), text("x"), ChatEvent::Usage(usage), END];
        let cost = collected(events).usage(1, Some(&price)).cost;
        assert_eq!(cost, Some(Counted::estimated(Usd::from_nanos(5_000))));
    }

    #[test]
    fn the_providers_own_cost_beats_the_price() {
        let reported = Usage::new().cost(Counted::reported(Usd::from_nanos(3)));
        let usage = collected([text("x"), ChatEvent::Usage(reported), END]).usage(1, Some(&Price::free()));
        assert_eq!(usage.cost, Some(Counted::reported(Usd::from_nanos(3))));
        let priced = collected([text("x"), END]).usage(1, Some(&Price::free()));
        assert_eq!(priced.cost, Some(Counted::estimated(Usd::ZERO)));
    }
}
