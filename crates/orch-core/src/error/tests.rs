use std::error::Error as StdError;
use std::time::Duration;

use serde_json::json;
use tower::BoxError;

use super::{Class, Error, ErrorKind, ErrorRecord, ProviderFailure, Stopped, TimeoutPhase};
use crate::{
    Amount, AskedBy, AttemptRecord, BudgetKind, Counted, Effect, LimitHint, Output, Target, Usage, Usd, Verdict, Wait,
};

/// One error of every kind.
fn every_kind() -> Vec<Error> {
    let target = || Target::new("openai");
    let key = || "analysis-123".into();
    let causes = || vec![Error::tool_execution("first"), Error::new(ErrorKind::DeadlineExceeded)];
    let kinds = vec![
        ErrorKind::ToolExecution { message: "no".into() },
        ErrorKind::BudgetExceeded {
            budget: BudgetKind::Cost,
            limit: Amount::Cost(Usd::from_nanos(5)),
            actual: Amount::Cost(Usd::from_nanos(7)),
            level: "run".into(),
        },
        ErrorKind::Conflict { key: key() },
        ErrorKind::InProgress { key: key() },
        ErrorKind::OutcomeUnknown { key: key() },
        ErrorKind::LeaseLost { key: key() },
        ErrorKind::StoreUnavailable { reason: "down".into() },
        ErrorKind::CircuitOpen { target: target() },
        ErrorKind::RateLimited { target: target() },
        ErrorKind::Overloaded { target: target() },
        ErrorKind::Timeout { phase: TimeoutPhase::FirstChunk, after: Some(Duration::from_millis(1_500)) },
        ErrorKind::DeadlineExceeded,
        ErrorKind::Cancelled,
        ErrorKind::UnknownTool { name: "sumarize".into(), did_you_mean: Some("summarize".into()) },
        ErrorKind::InvalidRequest { pointer: "/k".into(), reason: "0 is below 1".into() },
        ErrorKind::NoPlan { reasons: vec!["no rule matched".into()] },
        ErrorKind::ReplicatesFailed { causes: causes() },
        ErrorKind::FallbacksFailed { causes: causes() },
        ErrorKind::StreamBroken { reason: "reset".into() },
        ErrorKind::BadOutput { pointer: "/items".into(), reason: "not a list".into() },
        ErrorKind::Unpriced { model: "m-1".into() },
        ErrorKind::Provider(
            ProviderFailure::new("openai", "too long")
                .status(400)
                .code("context_length_exceeded")
                .request_id("req-1")
                .context_overflow(true),
        ),
        ErrorKind::Panicked { message: "index out of bounds".into() },
        ErrorKind::LedgerUnavailable { reason: "down".into() },
        ErrorKind::Draining,
    ];
    kinds.into_iter().map(Error::new).collect()
}

/// Does not compile when a kind is added, so that `every_kind` is not forgotten.
fn number(kind: &ErrorKind) -> usize {
    match kind {
        ErrorKind::ToolExecution { .. } => 0,
        ErrorKind::BudgetExceeded { .. } => 1,
        ErrorKind::Conflict { .. } => 2,
        ErrorKind::InProgress { .. } => 3,
        ErrorKind::OutcomeUnknown { .. } => 4,
        ErrorKind::LeaseLost { .. } => 5,
        ErrorKind::StoreUnavailable { .. } => 6,
        ErrorKind::CircuitOpen { .. } => 7,
        ErrorKind::RateLimited { .. } => 8,
        ErrorKind::Overloaded { .. } => 9,
        ErrorKind::Timeout { .. } => 10,
        ErrorKind::DeadlineExceeded => 11,
        ErrorKind::Cancelled => 12,
        ErrorKind::UnknownTool { .. } => 13,
        ErrorKind::InvalidRequest { .. } => 14,
        ErrorKind::NoPlan { .. } => 15,
        ErrorKind::ReplicatesFailed { .. } => 16,
        ErrorKind::FallbacksFailed { .. } => 17,
        ErrorKind::StreamBroken { .. } => 18,
        ErrorKind::BadOutput { .. } => 19,
        ErrorKind::Unpriced { .. } => 20,
        ErrorKind::Provider(_) => 21,
        ErrorKind::Panicked { .. } => 22,
        ErrorKind::LedgerUnavailable { .. } => 23,
        ErrorKind::Draining => 24,
    }
}

/// An error with every question answered.
fn full(error: Error) -> Error {
    let attempt = AttemptRecord {
        tool: Some("answer".into()),
        target: Target::new("openai"),
        replicate: Some(2),
        attempt: 1,
        started: Duration::from_millis(5),
        elapsed: Duration::from_millis(70),
        class: Some(Class::Throttled),
        message: Some("slow down".into()),
        usage: Usage::new().input(Counted::lower_bound(3)),
        wait: Some(Wait { duration: Duration::from_secs(7), asked_by: AskedBy::RetryAfter }),
        verdict: Verdict::Stopped(Stopped::Attempts),
    };
    let limits = LimitHint::new().requests_left(0).reset_in(Duration::from_secs(1));
    error
        .with_class(Class::Quota)
        .with_retry_after(Duration::from_millis(2_500))
        .with_tool("answer")
        .with_effect(Effect::IdempotentDownstream)
        .with_stopped(Stopped::RetryAfterTooLong)
        .with_not_executed()
        .with_attempts(vec![attempt])
        .with_limits(limits)
        .with_output(Output::from("half").with_usage(Usage::new().cost(Counted::reported(Usd::from_nanos(9)))))
}

#[test]
fn an_error_is_one_pointer_in_size() {
    assert_eq!(size_of::<Error>(), size_of::<usize>());
    assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
}

#[test]
fn every_kind_is_the_same_after_it_was_stored_and_read_back() {
    for (n, error) in every_kind().into_iter().enumerate() {
        assert_eq!(number(error.kind()), n);
        for error in [error.clone(), full(error)] {
            let text = serde_json::to_string(&error).unwrap();
            let read: Error = serde_json::from_str(&text).unwrap();
            assert_eq!(read, error, "{text}");
            assert_eq!((number(read.kind()), read.to_string()), (n, error.to_string()));
            assert_eq!(read.class(), error.class());
            assert_eq!(read.not_executed(), error.not_executed());
            assert_eq!(read.context_overflow(), error.context_overflow());
        }
    }
}

#[test]
fn an_error_that_was_read_back_answers_every_question_as_before() {
    let error = full(Error::tool_execution("no"));
    let read: Error = serde_json::from_str(&serde_json::to_string(&error).unwrap()).unwrap();
    assert_eq!(read.class(), Class::Quota);
    assert_eq!(read.retry_after(), Some(Duration::from_millis(2_500)));
    assert_eq!((read.tool(), read.effect()), (Some("answer"), Some(Effect::IdempotentDownstream)));
    assert_eq!(read.stopped(), Some(Stopped::RetryAfterTooLong));
    assert!(read.not_executed());
    assert_eq!(read.attempts(), error.attempts());
    assert_eq!(read.limits(), error.limits());
    assert_eq!(read.output(), error.output());
}

#[test]
fn only_a_whole_answer_is_finished_work() {
    let (whole, part) = (Output::from("all of it"), Output::from("half"));
    let error = Error::tool_execution("over budget").with_finished(whole.clone());
    let read: Error = serde_json::from_str(&serde_json::to_string(&error).unwrap()).unwrap();
    for error in [error.clone(), read] {
        assert_eq!((error.finished(), error.output()), (Some(&whole), Some(&whole)));
    }
    for error in [Error::tool_execution("cut off").with_output(part.clone()), error.with_output(part.clone())] {
        assert_eq!((error.finished(), error.output()), (None, Some(&part)));
    }
    assert_eq!(Error::tool_execution("nothing").finished(), None);
}

#[test]
fn the_stored_form_has_the_documented_names() {
    let error = Error::new(ErrorKind::Timeout { phase: TimeoutPhase::Idle, after: Some(Duration::from_millis(250)) });
    assert_eq!(
        serde_json::to_value(error.with_retry_after(Duration::from_secs(1))).unwrap(),
        json!({
            "error": { "kind": "timeout", "phase": "idle", "after_ms": 250.0 },
            "message": "the next chunk took longer than 250ms",
            "class": "timeout",
            "retry_after_ms": 1000.0,
        })
    );
}

#[test]
fn a_builder_changes_this_error_and_not_its_clones() {
    let error = Error::tool_execution("no");
    let clone = error.clone();
    let changed = error.with_class(Class::Auth).with_retry_after(Duration::from_secs(1));
    assert_eq!((changed.class(), changed.retry_after()), (Class::Auth, Some(Duration::from_secs(1))));
    assert_eq!((clone.class(), clone.retry_after()), (Class::Permanent, None));
    assert_ne!(changed, clone);
}

#[test]
fn the_first_name_and_effect_stay() {
    let error = Error::tool_execution("no").with_tool("inner").with_tool("outer");
    assert_eq!(error.tool(), Some("inner"));
    let error = error.with_effect(Effect::AtMostOnce).with_effect(Effect::Pure);
    assert_eq!(error.effect(), Some(Effect::AtMostOnce));
}

#[test]
fn only_what_certainly_did_not_reach_the_tool_counts_as_not_executed() {
    let never: Vec<usize> =
        every_kind().iter().filter(|error| error.not_executed()).map(|error| number(error.kind())).collect();
    // Circuit, rate limit, bulkhead, unknown tool, invalid request, no plan, no price, no ledger, draining.
    assert_eq!(never, [7, 8, 9, 13, 14, 15, 20, 23, 24]);
}

#[test]
fn a_group_of_failures_names_the_first_and_has_its_class_or_that_of_the_last_candidate() {
    let replicates: fn(Vec<Error>) -> ErrorKind = |causes| ErrorKind::ReplicatesFailed { causes };
    let candidates: fn(Vec<Error>) -> ErrorKind = |causes| ErrorKind::FallbacksFailed { causes };
    for (group, class) in [(replicates, Class::Permanent), (candidates, Class::Cancelled)] {
        let error = Error::new(group(vec![Error::tool_execution("first"), Error::new(ErrorKind::Cancelled)]));
        assert_eq!(error.class(), class);
        assert_eq!(error.source().unwrap().to_string(), "first");
        assert!(error.to_string().contains('2') && error.to_string().ends_with("the first: first"), "{error}");
        assert_eq!(Error::new(group(Vec::new())).class(), Class::Permanent);
    }
}

#[test]
fn a_rejection_of_ours_that_follows_from_the_failures_does_not_speak_for_them() {
    let open = Error::new(ErrorKind::CircuitOpen { target: "t".into() });
    let error = Error::new(ErrorKind::ReplicatesFailed { causes: vec![open.clone(), Error::transient("boom")] });
    assert_eq!(error.class(), Class::Transient);
    assert!(error.to_string().ends_with("the first: boom"), "{error}");
    assert_eq!(Error::new(ErrorKind::ReplicatesFailed { causes: vec![open] }).class(), Class::LocalReject);
}

#[test]
fn messages_name_the_thing() {
    let unknown = |did_you_mean: Option<&str>| {
        Error::new(ErrorKind::UnknownTool { name: "x".into(), did_you_mean: did_you_mean.map(Into::into) }).to_string()
    };
    assert_eq!(unknown(Some("y")), "no tool named `x`, did you mean `y`?");
    assert_eq!(unknown(None), "no tool named `x`");
    let texts: Vec<String> = every_kind().iter().map(ToString::to_string).collect();
    assert_eq!(texts[1], "the cost budget of the run allows $0.000000005, this needs $0.000000007");
    assert_eq!(texts[21], "openai answered 400 (context_length_exceeded): too long [request req-1]");
}

#[test]
fn our_own_error_is_found_again_inside_a_box() {
    let error = full(Error::new(ErrorKind::Conflict { key: "k".into() }));
    let boxed: BoxError = error.clone().into();
    assert_eq!(Error::from(boxed), error);
}

#[test]
fn errors_of_plain_tower_layers_get_their_kind() {
    let elapsed = Error::from(BoxError::from(tower::timeout::error::Elapsed::new()));
    assert!(matches!(elapsed.kind(), ErrorKind::Timeout { phase: TimeoutPhase::Attempt, .. }));
    assert_eq!(elapsed.class(), Class::Timeout);
    assert!(elapsed.source().unwrap().is::<tower::timeout::error::Elapsed>());

    let overloaded = Error::from(BoxError::from(tower::load_shed::error::Overloaded::new()));
    assert!(matches!(overloaded.kind(), ErrorKind::Overloaded { .. }));
    assert_eq!(overloaded.class(), Class::LocalReject);
    assert!(overloaded.not_executed());
}

#[derive(Debug, thiserror::Error)]
#[error("connection failed")]
struct Connection(#[source] std::io::Error);

#[test]
fn any_other_error_is_transient_and_keeps_its_words_and_sources() {
    let refused = std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "refused by 10.0.0.1");
    let error = Error::from(BoxError::from(Connection(refused)));
    assert_eq!(error.class(), Class::Transient);
    assert_eq!(error.to_string(), "connection failed: refused by 10.0.0.1");
    assert!(error.source().unwrap().is::<Connection>());
    // Whether it was executed is not known.
    assert!(!error.not_executed());
    assert_eq!(Error::from_source("wrong key", Class::Auth).class(), Class::Auth);
    let json = serde_json::from_str::<u32>("x").unwrap_err();
    assert_eq!(Error::from(json).class(), Class::BadOutput);
}

#[test]
fn debug_shows_no_output_and_no_attempt() {
    let error = full(Error::tool_execution("no")).with_output(Output::from("a secret"));
    let text = format!("{error:?}");
    assert!(text.contains("has_output: true") && !text.contains("secret"), "{text}");
}

#[test]
fn a_record_says_in_words_what_its_kind_says() {
    let record = ErrorRecord::from(&Error::new(ErrorKind::DeadlineExceeded));
    assert_eq!(record.message, "the deadline passed");
    assert_eq!(Error::from(record).class(), Class::DeadlineExceeded);
}
