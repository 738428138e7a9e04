use orch_core::{Counted, Usage, Usd};
use serde_json::Value;

use crate::wire::tokens;

/// Where a wire's counters stand, as JSON Pointers. Cached and reasoning tokens are parts of the input and the output.
pub(crate) struct Counters {
    input: &'static str,
    cached: &'static str,
    written: &'static str,
    output: &'static str,
    reasoning: &'static str,
}

/// Chat Completions.
#[cfg(feature = "openai")]
pub(crate) const CHAT: Counters = Counters {
    input: "/prompt_tokens",
    cached: "/prompt_tokens_details/cached_tokens",
    written: "/prompt_tokens_details/cache_write_tokens",
    output: "/completion_tokens",
    reasoning: "/completion_tokens_details/reasoning_tokens",
};

/// Responses.
#[cfg(feature = "responses")]
pub(crate) const RESPONSES: Counters = Counters {
    input: "/input_tokens",
    cached: "/input_tokens_details/cached_tokens",
    written: "/input_tokens_details/cache_write_tokens",
    output: "/output_tokens",
    reasoning: "/output_tokens_details/reasoning_tokens",
};

/// What the provider reported: a zero is a zero, an absent counter is absent.
///
/// A cost in the provider's own figure is taken in ticks of 1e-10 dollars, and in dollars if the dialect says that they
/// are dollars.
pub(crate) fn usage(wire: &Value, at: &Counters, reports_cost: bool) -> Usage {
    let ticks = wire.get("cost_in_usd_ticks").and_then(Value::as_u64).map(|ticks| Usd::from_nanos(ticks.div_ceil(10)));
    let dollars = || wire.get("cost").filter(|_| reports_cost).and_then(Value::as_f64).and_then(Usd::from_dollars);
    Usage::new()
        .input(tokens(wire, at.input))
        .cached_input(tokens(wire, at.cached))
        .cache_write(tokens(wire, at.written))
        .output(tokens(wire, at.output))
        .reasoning(tokens(wire, at.reasoning))
        .cost(ticks.or_else(dollars).map(Counted::reported))
}

#[cfg(all(test, feature = "openai", feature = "responses"))]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parts_are_parts_and_a_reported_zero_is_kept() {
        let found = usage(
            &json!({
                "prompt_tokens": 53, "completion_tokens": 0, "total_tokens": 53,
                "prompt_tokens_details": { "cached_tokens": 52, "cache_write_tokens": 1 },
                "completion_tokens_details": { "reasoning_tokens": 0 },
            }),
            &CHAT,
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
        for wire in [json!({}), json!(null), json!({ "prompt_tokens": -1, "completion_tokens": "many" })] {
            assert!(usage(&wire, &CHAT, true).is_unknown(), "{wire}");
        }
    }

    #[test]
    fn a_cost_is_read_where_its_unit_is_known() {
        let cost = |wire: Value, reports_cost| usage(&wire, &CHAT, reports_cost).cost.map(|cost| cost.value);
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
        let chat = json!({
            "prompt_tokens": 53, "completion_tokens": 7,
            "prompt_tokens_details": { "cached_tokens": 52, "cache_write_tokens": 1 },
            "completion_tokens_details": { "reasoning_tokens": 3 },
        });
        assert_eq!(usage(&responses, &RESPONSES, false), usage(&chat, &CHAT, false));
    }
}
