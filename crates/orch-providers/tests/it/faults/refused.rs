//! Answers whose status says that they failed.

use std::time::Duration;

use orch_core::Class;
use orch_testkit::fault_server::{Answer, At, ErrorForm, Failure, Hint, Wire};

use super::{details, ways};

const FORMS: [ErrorForm; 7] = [
    ErrorForm::Vendor,
    ErrorForm::Failed,
    ErrorForm::LlamaCpp,
    ErrorForm::Text,
    ErrorForm::TextWithCode,
    ErrorForm::Detail,
    ErrorForm::Html,
];

#[tokio::test]
async fn every_status_has_its_class_in_every_form() {
    let statuses = [
        (429, Class::Throttled, true),
        (503, Class::Transient, true),
        (529, Class::Transient, true),
        (408, Class::Transient, false),
        (500, Class::Transient, false),
        (502, Class::Transient, false),
        (504, Class::Transient, false),
        (520, Class::Transient, false),
        (524, Class::Transient, false),
        (402, Class::Quota, false),
        (401, Class::Auth, false),
        (403, Class::Auth, false),
        (400, Class::Permanent, false),
        (404, Class::Permanent, false),
        (413, Class::Permanent, false),
        (422, Class::Permanent, false),
        (501, Class::Permanent, false),
    ];
    for way in ways() {
        for ((status, class, not_executed), form) in statuses.iter().flat_map(|case| FORMS.map(|form| (*case, form))) {
            let error = way.fail(Failure::new(status).form(form).message("as it is")).await;
            assert_eq!((error.class(), error.not_executed()), (class, not_executed), "{status} {form:?} {way:?}");
            let said = details(&error);
            assert_eq!((said.status, said.request_id.as_deref()), (Some(status), Some(&*way.id())), "{form:?} {way:?}");
            assert!(said.message.contains("as it is"), "{form:?} {way:?}: {}", said.message);
            assert_eq!((error.retry_after(), error.context_overflow()), (None, false), "{status} {form:?} {way:?}");
            assert!(error.output().is_none(), "nothing was done for it");
        }
    }
}

#[tokio::test]
async fn whether_a_conflict_passes_depends_on_the_server() {
    for way in ways() {
        // A server that speaks Chat Completions or Responses need not be OpenAI's, whose conflicts pass.
        let class = if way.wire == Wire::Messages { Class::Transient } else { Class::Permanent };
        assert_eq!(way.fail(Failure::new(409)).await.class(), class, "{way:?}");
    }
}

#[tokio::test]
async fn a_wait_is_found_wherever_it_stands() {
    let waits = [Duration::from_millis(1_500), Duration::from_secs(22), Duration::from_secs(3_000)];
    for way in ways() {
        for wait in waits {
            for hint in [
                Hint::Seconds(wait),
                Hint::Millis(wait),
                Hint::Gateway(wait),
                Hint::Message(wait),
                Hint::Field(wait),
                Hint::Details(wait),
            ] {
                let error = way.fail(Failure::new(429).hint(hint)).await;
                assert_eq!((error.class(), error.retry_after()), (Class::Throttled, Some(wait)), "{hint:?} {way:?}");
                let busy = way.fail(Failure::new(503).hint(hint)).await;
                assert_eq!((busy.class(), busy.retry_after()), (Class::Transient, Some(wait)), "{hint:?} {way:?}");
            }
            // Dates are whole seconds, and time passes on the way.
            for hint in [Hint::Date(wait), Hint::Reset(wait)] {
                let found = way.fail(Failure::new(429).hint(hint)).await.retry_after().unwrap();
                let second = Duration::from_secs(1);
                assert!(found + second > wait && found < wait + second, "{hint:?} {way:?}: {found:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_header_is_believed_before_the_body_and_a_wait_before_a_reset() {
    let seconds = Duration::from_secs;
    for way in ways() {
        for (hints, wait) in [
            ([Hint::Reset(seconds(60)), Hint::Seconds(seconds(3))], 3),
            ([Hint::Message(seconds(60)), Hint::Seconds(seconds(3))], 3),
            ([Hint::Seconds(seconds(60)), Hint::Millis(seconds(3))], 3),
            ([Hint::Message(seconds(60)), Hint::Field(seconds(3))], 3),
            ([Hint::Gateway(seconds(60)), Hint::Seconds(seconds(3))], 3),
        ] {
            let failure = hints.into_iter().fold(Failure::new(429), Failure::hint);
            assert_eq!(way.fail(failure).await.retry_after(), Some(seconds(wait)), "{hints:?} {way:?}");
        }
    }
}

#[tokio::test]
async fn a_reset_says_what_is_left() {
    for way in ways() {
        let error = way.fail(Failure::new(429).hint(Hint::Reset(Duration::from_secs(360)))).await;
        let limits = error.limits().unwrap();
        assert_eq!(limits.requests_left, Some(0), "{way:?}");
        assert!(limits.reset_in.is_some_and(|reset| reset.as_secs() >= 359), "{limits:?} {way:?}");
        let server_error = way.fail(Failure::new(500).hint(Hint::Reset(Duration::from_secs(360)))).await;
        assert_eq!(server_error.retry_after(), None, "a limit is no reason to wait with another failure: {way:?}");
    }
}

#[tokio::test]
async fn no_wait_helps_against_a_used_up_quota() {
    for way in ways() {
        let codes: &[&str] = match way.wire {
            Wire::Chat | Wire::Responses => &[
                "insufficient_quota",
                "credit_balance_exhausted",
                "organization_spend_limit_exceeded",
                "project_spend_limit_exceeded",
                "organization_usage_limit_exceeded",
            ],
            Wire::Messages => &["enforced_spend_limit_reached", "contract_spend_limit_reached"],
        };
        for code in codes {
            let error = way.fail(Failure::quota(*code)).await;
            assert_eq!((error.class(), error.not_executed()), (Class::Quota, true), "{code} {way:?}");
            assert_eq!(details(&error).code.as_deref(), Some(*code), "{way:?}");
        }
        let by_type = way.fail(Failure::new(429).kind("insufficient_quota").code("other")).await;
        assert_eq!(by_type.class(), Class::Quota, "{way:?}");
        for code in ["slow_down", "ramp_limit_exceeded"] {
            assert_eq!(way.fail(Failure::new(429).code(code)).await.class(), Class::Throttled, "{code} {way:?}");
        }
    }
}

#[tokio::test]
async fn an_input_too_long_is_told_apart_in_every_form() {
    for way in ways() {
        for form in [ErrorForm::Vendor, ErrorForm::LlamaCpp, ErrorForm::Text] {
            let error = way.fail(Failure::context_overflow().form(form)).await;
            assert_eq!((error.class(), error.context_overflow()), (Class::Permanent, true), "{form:?} {way:?}");
            assert!(!error.not_executed());
        }
        let other = way.fail(Failure::new(400).message("`temperature` is too high")).await;
        assert!(!other.context_overflow(), "{way:?}");
    }
}

#[tokio::test]
async fn the_servers_own_advice_wins_over_the_status() {
    for way in ways() {
        for (status, advice, class) in [
            (400, "true", Class::Transient),
            (500, "false", Class::Permanent),
            (429, "false", Class::Quota),
            (500, "perhaps", Class::Transient),
        ] {
            let answer = Answer::from(Failure::new(status)).header("x-should-retry", advice);
            assert_eq!(way.fail(answer).await.class(), class, "{status} {advice} {way:?}");
        }
    }
}

#[tokio::test]
async fn an_error_without_id_and_without_body_is_still_that_of_its_status() {
    for way in ways() {
        for answer in [Answer::empty(), Answer::raw("\u{0}garbage"), Answer::raw([0xff, 0xfe]), Answer::raw("[]")] {
            let error = way.fail(answer.status(503).without_request_id()).await;
            assert_eq!((error.class(), error.not_executed()), (Class::Transient, true), "{way:?}");
            assert_eq!(details(&error).request_id, None);
        }
    }
}

#[tokio::test]
async fn an_error_that_is_cut_or_endless_is_still_that_of_its_status() {
    for way in ways() {
        let wait = Hint::Seconds(Duration::from_secs(2));
        let cut = way.fail(Answer::from(Failure::new(429).hint(wait)).cut(At::InPiece(0))).await;
        assert_eq!((cut.class(), cut.retry_after()), (Class::Throttled, Some(Duration::from_secs(2))), "{way:?}");
        let endless = way.fail(Answer::endless(1 << 30).status(500)).await;
        assert_eq!(endless.class(), Class::Transient, "{way:?}");
        assert!(details(&endless).message.len() <= 1_000, "{way:?}");
    }
}
