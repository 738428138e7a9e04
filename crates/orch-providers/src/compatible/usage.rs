//! What a call has used, as OpenAI's wires tell it: each in words of its own.

use orch_core::{Counted, Usage, Usd};
use serde::Deserialize;

use crate::wire::{Numeric, Perhaps};

/// Counters under the names of one wire. Cached and reasoning tokens are parts of the input and the output; a strange
/// counter is not worth an answer.
macro_rules! counters {
    ($(#[$doc:meta])* $name:ident: $input:literal, $output:literal, $input_parts:literal, $output_parts:literal) => {
        $(#[$doc])*
        #[derive(Debug, Default, Deserialize)]
        #[serde(default)]
        pub(crate) struct $name {
            #[serde(rename = $input)]
            input: Numeric,
            #[serde(rename = $output)]
            output: Numeric,
            #[serde(rename = $input_parts)]
            input_parts: Perhaps<Parts>,
            #[serde(rename = $output_parts)]
            output_parts: Perhaps<Parts>,
            cost_in_usd_ticks: Numeric,
            cost: Numeric,
        }

        impl $name {
            /// What the provider reported: a zero is a zero, an absent counter is absent.
            ///
            /// A cost in the provider's own figure is taken in ticks of 1e-10 dollars, and in dollars if the dialect
            /// says that they are dollars.
            pub(crate) fn usage(&self, reports_cost: bool) -> Usage {
                let (input, output) = (self.input_parts.0.as_ref(), self.output_parts.0.as_ref());
                let ticks = self.cost_in_usd_ticks.count().map(|ticks| Usd::from_nanos(ticks.div_ceil(10)));
                let dollars = || self.cost.amount().filter(|_| reports_cost).and_then(Usd::from_dollars);
                Usage::new()
                    .input(reported(&self.input))
                    .cached_input(input.and_then(|parts| reported(&parts.cached_tokens)))
                    .cache_write(input.and_then(|parts| reported(&parts.cache_write_tokens)))
                    .output(reported(&self.output))
                    .reasoning(output.and_then(|parts| reported(&parts.reasoning_tokens)))
                    .cost(ticks.or_else(dollars).map(Counted::reported))
            }
        }
    };
}

#[cfg(feature = "openai")]
counters! {
    /// Chat Completions.
    ChatUsage: "prompt_tokens", "completion_tokens", "prompt_tokens_details", "completion_tokens_details"
}

#[cfg(feature = "responses")]
counters! {
    /// Responses.
    ResponsesUsage: "input_tokens", "output_tokens", "input_tokens_details", "output_tokens_details"
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Parts {
    cached_tokens: Numeric,
    cache_write_tokens: Numeric,
    reasoning_tokens: Numeric,
}

fn reported(counter: &Numeric) -> Option<Counted<u64>> {
    counter.count().map(Counted::reported)
}

#[cfg(all(test, feature = "openai", feature = "responses"))]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn chat(wire: &Value, reports_cost: bool) -> Usage {
        ChatUsage::deserialize(wire).expect("any JSON is read").usage(reports_cost)
    }

    #[test]
    fn parts_are_parts_and_a_reported_zero_is_kept() {
        let found = chat(
            &json!({
                "prompt_tokens": 53, "completion_tokens": 0, "total_tokens": 53,
                "prompt_tokens_details": { "cached_tokens": 52, "cache_write_tokens": 1 },
                "completion_tokens_details": { "reasoning_tokens": 0 },
            }),
            false,
        );
        assert_eq!(found.input_tokens, Some(Counted::reported(53)));
        assert_eq!(found.output_tokens, Some(Counted::reported(0)));
        assert_eq!(found.cached_input_tokens, Some(Counted::reported(52)));
        assert_eq!(found.cache_write_tokens, Some(Counted::reported(1)));
        assert_eq!(found.reasoning_tokens, Some(Counted::reported(0)));
        assert_eq!(found.cost, None);
    }

    #[test]
    fn what_is_absent_or_no_count_is_unknown() {
        for wire in [
            json!({}),
            json!({ "prompt_tokens_details": 7 }),
            json!({ "prompt_tokens": -1, "completion_tokens": "many" }),
        ] {
            assert!(chat(&wire, true).is_unknown(), "{wire}");
        }
    }

    #[test]
    fn a_cost_is_read_where_its_unit_is_known() {
        let cost = |wire: Value, reports_cost| chat(&wire, reports_cost).cost.map(|cost| cost.value);
        assert_eq!(cost(json!({ "cost_in_usd_ticks": 11 }), false), Some(Usd::from_nanos(2)));
        assert_eq!(cost(json!({ "cost": 0.000_25 }), true), Some(Usd::from_nanos(250_000)));
        assert_eq!(cost(json!({ "cost": 0.000_25 }), false), None);
        assert_eq!(cost(json!({ "cost": -1.0 }), true), None);
    }

    #[test]
    fn responses_have_the_same_counters_under_other_names() {
        let responses = json!({
            "input_tokens": 53, "output_tokens": 7, "total_tokens": 60,
            "input_tokens_details": { "cached_tokens": 52, "cache_write_tokens": 1,
                "cache_write_tokens_details": { "ttl_30m_tokens": 1, "ttl_12h_tokens": 0 } },
            "output_tokens_details": { "reasoning_tokens": 3 },
        });
        let same = json!({
            "prompt_tokens": 53, "completion_tokens": 7,
            "prompt_tokens_details": { "cached_tokens": 52, "cache_write_tokens": 1 },
            "completion_tokens_details": { "reasoning_tokens": 3 },
        });
        let responses = ResponsesUsage::deserialize(&responses).unwrap();
        assert_eq!(responses.usage(false), chat(&same, false));
    }
}
