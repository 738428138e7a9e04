//! How a message ends, and what it used.

use orch_core::{Counted, ErrorKind, Usage};

use super::*;
use crate::pricing::{Billing, ServiceTier};

fn used(usage: Value) -> Value {
    let mut event = message_start();
    event["message"]["usage"] = usage;
    event
}

fn last_usage(events: Events) -> Usage {
    let usages = ok(events).into_iter().filter_map(|event| match event {
        ChatEvent::Usage(usage) => Some(usage),
        _ => None,
    });
    usages.last().expect("there is a usage")
}

#[test]
fn only_message_stop_ends_an_answer() {
    for after in [vec![], vec![block_stop(0)], vec![block_stop(0), message_delta("end_turn")]] {
        let events = [vec![message_start(), text_delta("half")], after].concat();
        let mut events = sse(&events);
        let error = events.pop().unwrap().unwrap_err();
        assert_eq!(error.class(), Class::Transient);
        assert!(
            matches!(error.kind(), ErrorKind::Provider(said) if said.message.contains("ended before")),
            "{error:?}"
        );
        assert_eq!(ok(events), [start(), text("half")]);
    }
}

#[test]
fn done_is_no_word_of_this_wire() {
    let bytes = stream(&[message_start(), text_delta("half"), message_delta("end_turn")]) + "data: [DONE]\n\n";
    assert_eq!(last_error(decode_sse(bytes.as_bytes(), &WIRE)).class(), Class::Transient);
}

#[test]
fn what_follows_the_end_is_not_read() {
    let error = json!({ "type": "error", "error": { "type": "api_error", "message": "m" } });
    for after in [message_stop(), error, text_delta("more")] {
        assert_eq!(ok(sse(&[message_start(), message_stop(), after])), [start(), end(FinishReason::Stop)]);
    }
}

#[test]
fn every_stop_reason_has_a_meaning() {
    for (reason, finish) in [
        ("end_turn", FinishReason::Stop),
        ("stop_sequence", FinishReason::Stop),
        ("max_tokens", FinishReason::Length),
        ("model_context_window_exceeded", FinishReason::Length),
        ("tool_use", FinishReason::ToolCalls),
        ("pause_turn", FinishReason::Paused),
        ("a_reason_of_next_year", FinishReason::Other("a_reason_of_next_year".into())),
    ] {
        let message = json!({ "id": "msg_1", "model": "m", "content": [], "stop_reason": reason });
        let streamed = sse(&[message_start(), message_delta(reason), message_stop()]);
        assert_eq!(ok(streamed), [start(), end(finish.clone())]);
        assert_eq!(ok(whole(&message)), [start(), end(finish)]);
    }
}

#[test]
fn a_refusal_is_the_providers_filter_and_says_why_as_far_as_it_is_known() {
    for (details, words) in [
        (
            json!({ "type": "refusal", "category": "cyber", "explanation": "I will not." }),
            vec![ChatEvent::Refusal("I will not.".into())],
        ),
        (
            json!({ "type": "refusal", "category": "cyber", "explanation": null }),
            vec![ChatEvent::Refusal("cyber".into())],
        ),
        (json!(null), vec![]),
    ] {
        let mut delta = message_delta("refusal");
        delta["delta"]["stop_details"] = details.clone();
        let message =
            json!({ "id": "msg_1", "model": "m", "content": [], "stop_reason": "refusal", "stop_details": details });
        let expected = [vec![start()], words, vec![end(FinishReason::ContentFilter)]].concat();
        assert_eq!(ok(sse(&[message_start(), delta.clone(), delta, message_stop()])), expected);
        assert_eq!(ok(whole(&message)), expected);
    }
}

#[test]
fn usage_is_cumulative_so_the_last_counts_and_nothing_is_added_up() {
    let mut delta = message_delta("end_turn");
    delta["usage"] = json!({ "output_tokens": 15 });
    let mut later = message_delta("end_turn");
    later["usage"] = json!({ "input_tokens": 12, "output_tokens": 17 });
    let first = used(json!({ "input_tokens": 11, "output_tokens": 1 }));
    let usage = |events: &[Value]| last_usage(sse(events));
    let counted = |input, output| Usage::new().input(Counted::reported(input)).output(Counted::reported(output));
    assert_eq!(usage(&[first.clone(), delta.clone(), message_stop()]), counted(11, 15));
    assert_eq!(usage(&[first, delta, later, message_stop()]), counted(12, 17));
}

#[test]
fn cached_tokens_are_added_to_the_input_and_thinking_is_a_part_of_the_output() {
    let mut delta = message_delta("end_turn");
    delta["usage"] = json!({ "output_tokens": 9, "output_tokens_details": { "thinking_tokens": 4 } });
    let usage = last_usage(sse(&[
        used(json!({ "input_tokens": 10, "cache_creation_input_tokens": 200, "cache_read_input_tokens": 3_000,
            "cache_creation": { "ephemeral_5m_input_tokens": 150, "ephemeral_1h_input_tokens": 50 },
            "output_tokens": 1, "service_tier": "standard", "server_tool_use": null })),
        delta,
        message_stop(),
    ]));
    assert_eq!(usage.input_tokens, Some(Counted::reported(3_210)));
    assert_eq!(
        (usage.cached_input_tokens, usage.cache_write_tokens),
        (Some(Counted::reported(3_000)), Some(Counted::reported(200)))
    );
    assert_eq!((usage.output_tokens, usage.reasoning_tokens), (Some(Counted::reported(9)), Some(Counted::reported(4))));
}

#[test]
fn what_was_written_to_the_cache_may_be_told_by_lifetime_alone() {
    let lifetimes = json!({ "ephemeral_5m_input_tokens": 150, "ephemeral_1h_input_tokens": 50 });
    let message = used(json!({ "input_tokens": 10, "cache_creation": lifetimes }));
    let usage = last_usage(sse(&[message, message_stop()]));
    assert_eq!(
        (usage.input_tokens, usage.cache_write_tokens),
        (Some(Counted::reported(210)), Some(Counted::reported(200)))
    );
    assert_eq!(usage.output_tokens, None);
}

#[test]
fn an_error_in_the_stream_is_classified_by_its_type() {
    for (kind, class) in [
        ("overloaded_error", Class::Transient),
        ("api_error", Class::Transient),
        ("timeout_error", Class::Transient),
        ("rate_limit_error", Class::Throttled),
        ("billing_error", Class::Quota),
        ("authentication_error", Class::Auth),
        ("permission_error", Class::Auth),
        ("invalid_request_error", Class::Permanent),
        ("request_too_large", Class::Permanent),
        ("not_found_error", Class::Permanent),
    ] {
        let event = json!({ "type": "error", "error": { "type": kind, "message": "so it is" }, "request_id": "req_1" });
        for events in [sse(&[message_start(), text_delta("half"), event.clone()]), whole(&event)] {
            let error = last_error(events);
            assert_eq!((error.class(), error.not_executed()), (class, false), "{kind}");
            assert!(error.to_string().ends_with(&format!("({kind}): so it is [request req_1]")), "{error}");
        }
    }
}

#[test]
fn tier_speed_and_what_stays_in_the_cache_for_an_hour_decide_the_price() {
    let bills = |usage: Value| {
        let events = ok(sse(&[used(usage.clone()), used(usage), message_stop()])).into_iter();
        let bills = events.filter_map(|event| match event {
            ChatEvent::Billing(billing) => Some(billing),
            _ => None,
        });
        bills.collect::<Vec<_>>()
    };
    let standard = Billing::standard();
    assert_eq!(bills(json!({ "input_tokens": 1, "service_tier": "standard" })), []);
    assert_eq!(bills(json!({ "service_tier": "priority" })), [standard.with_tier(ServiceTier::Priority)]);
    assert_eq!(bills(json!({ "service_tier": "standard", "speed": "fast" })), [standard.with_tier(ServiceTier::Fast)]);
    let written = json!({ "cache_creation": { "ephemeral_5m_input_tokens": 9, "ephemeral_1h_input_tokens": 50 } });
    assert_eq!(bills(written), [standard.with_cache_write_1h(50)]);
}
