//! How a response ends, and what it used.

use orch_core::{Counted, Error, ErrorKind};

use super::*;
use crate::pricing::{Billing, ServiceTier};

#[test]
fn only_a_terminal_event_ends_an_answer() {
    let mut events = sse(&[created(), text_delta("half")]);
    let error = events.pop().unwrap().unwrap_err();
    assert_eq!(error.class(), Class::Transient);
    assert!(matches!(error.kind(), ErrorKind::Provider(said) if said.message.contains("ended before")), "{error:?}");
    assert_eq!(ok(events), [start(), text("half")]);
    assert_eq!(last_error(decode_sse(b"", &WIRE)).class(), Class::Transient);
}

#[test]
fn done_ends_no_response() {
    let bytes = stream(&[created(), text_delta("half")]) + "data: [DONE]\n\n";
    assert_eq!(last_error(decode_sse(bytes.as_bytes(), &WIRE)).class(), Class::Transient);
    let bytes = stream(&[created(), completed(&json!({}))]) + "data: [DONE]\n\n";
    assert_eq!(ok(decode_sse(bytes.as_bytes(), &WIRE)), [start(), end(FinishReason::Stop)]);
}

#[test]
fn what_follows_the_end_is_not_read() {
    let error = json!({ "type": "error", "code": "server_error", "message": "m" });
    for after in [completed(&json!({})), error, text_delta("more")] {
        assert_eq!(ok(sse(&[created(), completed(&json!({})), after])), [start(), end(FinishReason::Stop)]);
    }
}

#[test]
fn an_incomplete_response_says_why() {
    for (reason, finish) in [
        (json!("max_output_tokens"), FinishReason::Length),
        (json!("content_filter"), FinishReason::ContentFilter),
        (json!("max_messages"), FinishReason::Other("max_messages".into())),
        (json!("steered"), FinishReason::Other("steered".into())),
        (json!(null), FinishReason::Other("incomplete".into())),
    ] {
        let response =
            json!({ "id": "resp_1", "model": "m", "status": "incomplete", "incomplete_details": { "reason": reason } });
        let streamed = sse(&[created(), json!({ "type": "response.incomplete", "response": response })]);
        assert_eq!(ok(streamed), [start(), end(finish.clone())]);
        assert_eq!(ok(whole(&response)), [start(), end(finish)]);
    }
}

#[test]
fn of_the_codes_of_a_failed_response_three_may_pass_and_the_rest_is_the_requests_fault() {
    for (code, class) in [
        ("server_error", Class::Transient),
        ("rate_limit_exceeded", Class::Throttled),
        ("vector_store_timeout", Class::Transient),
        ("invalid_prompt", Class::Permanent),
        ("bio_policy", Class::Permanent),
        ("data_residency_mismatch", Class::Permanent),
        ("image_too_large", Class::Permanent),
        ("a_code_of_next_year", Class::Permanent),
    ] {
        let response =
            json!({ "id": "resp_1", "model": "m", "status": "failed", "error": { "code": code, "message": "no" } });
        for events in [sse(&[created(), json!({ "type": "response.failed", "response": response })]), whole(&response)]
        {
            let error = last_error(events);
            assert_eq!((error.class(), error.not_executed()), (class, false), "{code}");
            assert!(error.to_string().contains(&format!("({code}): no")), "{error}");
        }
    }
}

#[test]
fn a_failed_response_keeps_its_usage() {
    let response = json!({ "status": "failed", "error": { "code": "server_error", "message": "m" },
        "usage": { "input_tokens": 9, "output_tokens": 2 } });
    let events = sse(&[created(), text_delta("half"), json!({ "type": "response.failed", "response": response })]);
    let used = |event: &Result<ChatEvent, Error>| matches!(event, Ok(ChatEvent::Usage(usage)) if usage.tokens() == 11);
    assert!(events.iter().any(used), "{events:?}");
    assert!(events.last().is_some_and(Result::is_err));
}

#[test]
fn the_error_event_is_flat() {
    for (code, class) in [
        (json!("server_error"), Class::Transient),
        (json!("rate_limit_exceeded"), Class::Throttled),
        (json!("insufficient_quota"), Class::Quota),
        (json!("invalid_request_error"), Class::Permanent),
        (json!("invalid_prompt"), Class::Permanent),
        (json!("a_code_of_next_year"), Class::Permanent),
        (json!(null), Class::Transient),
    ] {
        let event = json!({ "type": "error", "code": code, "message": "so it is", "param": null });
        for events in [sse(&[created(), text_delta("half"), event.clone()]), whole(&event)] {
            let error = last_error(events);
            assert_eq!(error.class(), class, "{code}");
            assert!(error.to_string().contains("so it is"), "{error}");
        }
    }
    let nested = json!({ "type": "error", "error": { "type": "overloaded_error", "message": "busy" } });
    assert_eq!(last_error(sse(&[nested])).class(), Class::Transient);
}

#[test]
fn a_body_that_is_an_error_is_that_error() {
    let error = last_error(whole(&json!({ "error": { "code": "rate_limit_exceeded", "message": "slow" } })));
    assert_eq!(error.class(), Class::Throttled);
}

#[test]
fn no_body_with_an_error_is_an_answer() {
    let failure = json!({ "code": "rate_limit_exceeded", "message": "why" });
    let completed = json!({ "status": "completed", "output": output(), "error": failure });
    for (body, class) in [
        (json!({ "error": failure, "output": null }), Class::Throttled),
        (json!({ "status": 500, "error": "why" }), Class::Transient),
        (json!({ "status": 500, "error": failure, "output": {} }), Class::Throttled),
        (json!({ "status": "incomplete", "error": failure }), Class::Throttled),
        (completed.clone(), Class::Throttled),
    ] {
        let error = last_error(whole(&body));
        assert_eq!(error.class(), class, "{body}");
        assert!(error.to_string().contains("why"), "{error}");
    }
    let streamed = sse(&[created(), json!({ "type": "response.completed", "response": completed })]);
    assert_eq!(last_error(streamed).class(), Class::Throttled);
    let fine = json!({ "id": "resp_1", "model": "m", "status": "completed", "output": [], "error": null });
    assert_eq!(ok(whole(&fine)), [start(), end(FinishReason::Stop)]);
}

#[test]
fn a_response_that_was_cancelled_or_not_waited_for_is_no_answer() {
    let status = |status: &str| last_error(whole(&json!({ "status": status, "output": [] })));
    assert_eq!(status("cancelled").class(), Class::Transient);
    for waiting in ["queued", "in_progress"] {
        assert_eq!(status(waiting).class(), Class::BadOutput);
    }
}

#[test]
fn usage_comes_with_the_end_and_its_parts_are_parts() {
    let usage = json!({
        "input_tokens": 90, "output_tokens": 0, "total_tokens": 90,
        "input_tokens_details": { "cached_tokens": 64, "cache_write_tokens": 2,
            "cache_write_tokens_details": { "ttl_30m_tokens": 2, "ttl_12h_tokens": 0 } },
        "output_tokens_details": { "reasoning_tokens": 0 },
    });
    let events = ok(sse(&[created(), completed(&json!({ "usage": usage }))]));
    let Some(ChatEvent::Usage(found)) = events.get(1) else { panic!("{events:?}") };
    assert_eq!(
        (found.input_tokens, found.cached_input_tokens),
        (Some(Counted::reported(90)), Some(Counted::reported(64)))
    );
    assert_eq!((found.output_tokens, found.reasoning_tokens), (Some(Counted::reported(0)), Some(Counted::reported(0))));
    assert_eq!(found.cache_write_tokens, Some(Counted::reported(2)));
}

#[test]
fn a_llama_cpp_stream_is_read() {
    let begun = json!({ "id": "resp_B7", "object": "response", "status": "in_progress" });
    let events = ok(sse(&[
        json!({ "type": "response.created", "response": begun }),
        json!({ "type": "response.in_progress", "response": begun }),
        json!({ "type": "response.output_text.delta", "item_id": "msg_2", "delta": "#q" }),
        json!({ "type": "response.output_text.done", "item_id": "msg_2", "text": "#q" }),
        json!({ "type": "response.completed", "timings": { "cache_n": 0 }, "response": {
            "id": "resp_B7", "status": "completed", "model": "tiny-random",
            "output": [{ "type": "message", "id": "msg_2", "content": [{ "type": "output_text", "text": "#q" }] }],
            "usage": { "input_tokens": 90, "output_tokens": 1, "input_tokens_details": { "cached_tokens": 0 } } } }),
    ]));
    let texts: Vec<_> = events.iter().filter(|event| matches!(event, ChatEvent::Text(_))).collect();
    assert_eq!(texts, [&text("#q")]);
    assert_eq!(events.last(), Some(&end(FinishReason::Stop)));
}

#[test]
fn the_tier_that_served_the_call_is_said_when_it_is_not_the_usual_one() {
    let priority = ChatEvent::Billing(Billing::standard().with_tier(ServiceTier::Priority));
    let events = |tier: Value| ok(sse(&[created(), completed(&json!({ "service_tier": tier }))]));
    assert_eq!(events(json!("priority")), [start(), priority, end(FinishReason::Stop)]);
    for usual in [json!("default"), json!(null)] {
        assert_eq!(events(usual), [start(), end(FinishReason::Stop)]);
    }
}

#[test]
fn a_last_event_without_a_response_is_unusable_and_no_empty_answer() {
    for kind in ["response.completed", "response.incomplete"] {
        for response in [json!(null), json!([]), json!("done")] {
            let error = last_error(sse(&[created(), json!({ "type": kind, "response": response })]));
            assert_eq!(error.class(), Class::BadOutput, "{kind} {response}: {error}");
        }
        assert_eq!(last_error(sse(&[created(), json!({ "type": kind })])).class(), Class::BadOutput);
    }
    let failed = last_error(sse(&[created(), json!({ "type": "response.failed" })]));
    assert_eq!(failed.class(), Class::Transient);
}
