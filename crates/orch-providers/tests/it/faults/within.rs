//! Answers that begin with status 200 and fail all the same.

use std::time::Duration;

use orch_core::{Class, Error, ErrorKind, Source};
use orch_testkit::fault_server::{Answer, At, ErrorForm, Failure, Hint, Wire};

use super::{Way, details, partial, streamed, ways, whole};

fn text() -> Answer {
    Answer::pieces(["one ", "two ", "three"])
}

/// What a failure under status 200 may be: there is no header to go by, and nothing proves that it was not executed.
const REPORTED: [(u16, Class); 5] = [
    (429, Class::Throttled),
    (529, Class::Transient),
    (500, Class::Transient),
    (400, Class::Permanent),
    (401, Class::Auth),
];

/// A response that says itself that it failed has a short list of codes for it.
fn is_said_by(form: ErrorForm, status: u16) -> bool {
    form != ErrorForm::Failed || [429, 500, 400].contains(&status)
}

fn forms(way: &Way) -> Vec<ErrorForm> {
    // Without a status anywhere a text says too little.
    let mut forms = vec![ErrorForm::Vendor, ErrorForm::LlamaCpp, ErrorForm::TextWithCode];
    forms.extend((way.wire == Wire::Responses).then_some(ErrorForm::Failed));
    forms
}

fn broken(error: &Error) -> bool {
    error.class() == Class::StreamBroken && matches!(error.kind(), ErrorKind::StreamBroken { .. })
}

/// Whether a text and a lower bound of the usage came with the failure.
fn keeps(error: &Error, text: &str) -> bool {
    let source = error.output().and_then(|output| output.usage().output_tokens).map(|tokens| tokens.source);
    partial(error) == Some(text) && matches!(source, Some(Source::LowerBound | Source::Reported))
}

#[tokio::test]
async fn an_error_under_status_200_is_that_error() {
    for way in ways() {
        for form in forms(&way) {
            for (status, class) in REPORTED.into_iter().filter(|(status, _)| is_said_by(form, *status)) {
                let error = way.fail(Answer::reported(Failure::new(status).form(form))).await;
                assert_eq!((error.class(), error.not_executed()), (class, false), "{status} {form:?} {way:?}");
                assert_eq!(details(&error).status, None, "the status was another: {way:?}");
                assert_eq!(details(&error).request_id.as_deref(), Some(&*way.id()), "{form:?} {way:?}");
            }
            let quota = way.fail(Answer::reported(Failure::quota("insufficient_quota").form(form))).await;
            let known =
                if form == ErrorForm::Vendor || form == ErrorForm::Failed { Class::Quota } else { Class::Throttled };
            assert_eq!(quota.class(), known, "{form:?} {way:?}");
        }
        for form in [ErrorForm::Text, ErrorForm::Detail] {
            let overloaded = Failure::new(503).message("the model is overloaded").form(form);
            let error = way.fail(Answer::reported(overloaded)).await;
            assert_eq!((error.class(), error.not_executed()), (Class::Transient, false), "{form:?} {way:?}");
        }
        let overflow = way.fail(Answer::reported(Failure::context_overflow())).await;
        assert_eq!((overflow.class(), overflow.context_overflow()), (Class::Permanent, true), "{way:?}");
    }
}

#[tokio::test]
async fn a_wait_in_a_reported_error_is_found() {
    let wait = Duration::from_secs(22);
    for way in ways() {
        for hint in [Hint::Message(wait), Hint::Field(wait), Hint::Details(wait)] {
            let error = way.fail(Answer::reported(Failure::new(429).hint(hint))).await;
            assert_eq!((error.class(), error.retry_after()), (Class::Throttled, Some(wait)), "{hint:?} {way:?}");
        }
    }
}

#[tokio::test]
async fn an_error_before_any_content_is_that_error() {
    for way in streamed() {
        for (status, class) in REPORTED {
            let error = way.fail(text().fail_after(0, Failure::new(status))).await;
            assert_eq!(error.class(), class, "{status} {way:?}");
            assert_eq!(details(&error).request_id.as_deref(), Some(&*way.id()), "{way:?}");
        }
    }
}

#[tokio::test]
async fn an_error_after_content_keeps_what_had_arrived() {
    for way in streamed() {
        for form in forms(&way) {
            for done in [false, true] {
                let fail = |status| {
                    let answer = text().fail_after(2, Failure::new(status).form(form));
                    if done { answer.done_after_failure() } else { answer }
                };
                for status in [500, 503, 529].into_iter().filter(|status| is_said_by(form, *status)) {
                    let error = way.fail(fail(status)).await;
                    assert!(broken(&error), "{status} {form:?} {way:?}: {error:?}");
                    assert!(keeps(&error, "one two "), "{form:?} {way:?}: {:?}", error.output());
                }
                for (status, class) in [(429, Class::Throttled), (400, Class::Permanent)] {
                    let error = way.fail(fail(status)).await;
                    assert_eq!(error.class(), class, "{status} {form:?} {way:?}");
                    assert!(keeps(&error, "one two "), "{form:?} {way:?}: {:?}", error.output());
                }
            }
        }
    }
}

#[tokio::test]
async fn a_connection_lost_before_any_content_is_transient() {
    for way in ways() {
        let error = way.fail(Answer::hang_up()).await;
        assert_eq!((error.class(), error.not_executed()), (Class::Transient, false), "{way:?}");
        assert!(error.output().is_none(), "{way:?}");
        for at in [At::Head, At::Events(0), At::Pieces(0), At::InPiece(0)] {
            for heartbeats in [0, 3] {
                let error = way.fail(text().heartbeats(heartbeats).cut(at)).await;
                assert_eq!((error.class(), error.not_executed()), (Class::Transient, false), "{at:?} {way:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_connection_lost_after_content_is_a_broken_stream() {
    for way in streamed() {
        for (at, arrived) in [
            (At::Pieces(1), "one "),
            (At::InPiece(1), "one "),
            (At::Pieces(2), "one two "),
            (At::Pieces(3), "one two three"),
        ] {
            for answer in [text().cut(at), text().cut(at).until_close(), text().cut(at).split(1)] {
                let error = way.fail(answer).await;
                assert!(broken(&error) && keeps(&error, arrived), "{at:?} {way:?}: {error:?} {:?}", error.output());
            }
        }
    }
}

#[tokio::test]
async fn an_answer_without_its_end_is_not_whole() {
    for way in streamed() {
        let error = way.fail(text().without_end()).await;
        assert!(broken(&error) && keeps(&error, "one two three"), "{way:?}: {error:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_unusable() {
    for way in ways() {
        for answer in [
            Answer::raw("data: <html>\n\n<html>"),
            Answer::raw("<html>busy</html>").content_type("text/html"),
            Answer::raw([b'd', b'a', b't', b'a', b':', 0xff, b'\n', b'\n']),
            Answer::raw("data: 7\n\n"),
            Answer::raw("data: []\n\n"),
        ] {
            let error = way.fail(answer).await;
            assert_eq!((error.class(), error.not_executed()), (Class::BadOutput, false), "{way:?}: {error:?}");
        }
    }
    for way in whole() {
        for answer in [Answer::empty(), Answer::raw("{"), Answer::raw("{}"), Answer::raw("null"), Answer::raw("[]")] {
            assert_eq!(way.fail(answer).await.class(), Class::BadOutput, "{way:?}");
        }
    }
    for way in streamed() {
        // Nothing came, so nothing can be wrong with it.
        assert_eq!(way.fail(Answer::empty()).await.class(), Class::Transient, "{way:?}");
    }
}

#[tokio::test]
async fn an_endless_line_and_an_endless_body_are_left() {
    for way in ways() {
        let error = way.fail(Answer::endless(1 << 40)).await;
        assert_eq!(error.class(), Class::BadOutput, "{way:?}: {error:?}");
        assert!(error.to_string().contains("is longer than"), "{way:?}: {error}");
    }
}

#[tokio::test]
async fn what_is_left_of_a_limit_is_told_with_answers_and_failures_alike() {
    for way in ways() {
        let limited = |answer: Answer| {
            let name = match way.wire {
                Wire::Chat | Wire::Responses => "x-ratelimit-remaining-requests",
                Wire::Messages => "anthropic-ratelimit-requests-remaining",
            };
            answer.header(name, "7")
        };
        let answer = way.answer(limited(text())).await;
        assert_eq!(answer.limits.and_then(|limits| limits.requests_left), Some(7), "{way:?}");
        for failing in [
            Answer::reported(Failure::new(529)),
            text().cut(At::Pieces(0)),
            Answer::raw("data: {"),
            text().cut(At::Pieces(1)),
        ] {
            let error = way.fail(limited(failing)).await;
            assert_eq!(error.limits().and_then(|limits| limits.requests_left), Some(7), "{way:?}: {error:?}");
        }
    }
}
