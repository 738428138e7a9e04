//! Answers that are whole, however strangely they come.

use std::time::Duration;

use orch_core::{Counted, Source};
use orch_providers::FinishReason;
use orch_testkit::fault_server::{Answer, At, Finish, LineEnd};
use serde_json::json;

use super::{streamed, ways};

const TEXT: &str = "so ist es, sagte 🦀 höflich";

#[tokio::test]
async fn the_bytes_of_an_answer_may_come_in_any_form() {
    let strange: [fn(Answer) -> Answer; 16] = [
        |answer| answer,
        Answer::bom,
        |answer| answer.line_end(LineEnd::CrLf),
        |answer| answer.line_end(LineEnd::Cr),
        |answer| answer.split(1),
        |answer| answer.split(7),
        |answer| answer.heartbeats(50),
        Answer::unknown_events,
        Answer::with_two_ends,
        Answer::until_close,
        Answer::close,
        |answer| answer.content_type(""),
        |answer| answer.pause(At::Start, Duration::from_millis(2)),
        |answer| answer.pause(At::InPiece(1), Duration::from_millis(2)),
        |answer| answer.stream(false),
        |answer| answer.bom().line_end(LineEnd::CrLf).split(1).heartbeats(2).unknown_events().with_two_ends(),
    ];
    for way in ways() {
        for (number, strange) in strange.iter().enumerate() {
            let answer = way.answer(strange(Answer::text(TEXT).usage(9, 4))).await;
            assert_eq!((answer.text.as_str(), answer.finish), (TEXT, Some(FinishReason::Stop)), "{number} {way:?}");
            assert_eq!(answer.usage.input_tokens, Some(Counted::reported(9)), "{number} {way:?}");
            assert_eq!(answer.usage.output_tokens, Some(Counted::reported(4)), "{number} {way:?}");
            assert_eq!(answer.request_id.as_deref(), Some(&*way.id()), "{number} {way:?}");
            assert_eq!(answer.model.as_deref(), Some("tiny"), "{number} {way:?}");
        }
    }
}

#[tokio::test]
async fn a_server_that_streams_unasked_is_understood() {
    for way in ways() {
        assert_eq!(way.answer(Answer::text(TEXT).stream(true)).await.text, TEXT, "{way:?}");
    }
}

#[tokio::test]
async fn usage_that_is_not_reported_is_estimated_and_a_zero_is_a_zero() {
    for way in ways() {
        let usage = way.answer(Answer::text(TEXT).without_usage()).await.usage;
        assert_eq!(usage.output_tokens.map(|tokens| tokens.source), Some(Source::Estimated), "{way:?}");
        let usage = way.answer(Answer::text(TEXT).usage(0, 0)).await.usage;
        assert_eq!((usage.input_tokens, usage.output_tokens), (Some(Counted::reported(0)), Some(Counted::reported(0))));
    }
}

#[tokio::test]
async fn a_tool_call_is_put_together() {
    let arguments = json!({ "city": "Tromsø", "days": [1, 2] });
    for way in ways() {
        let plain = Answer::tool_call("weather", &arguments);
        for answer in [plain.clone(), plain.split(3)] {
            let answer = way.answer(answer).await;
            assert_eq!(answer.finish, Some(FinishReason::ToolCalls), "{way:?}");
            let [call] = &*answer.tool_calls else { panic!("{way:?}: {answer:?}") };
            let said: serde_json::Value = serde_json::from_str(&call.arguments).unwrap();
            assert_eq!(
                (call.id.as_str(), call.name.as_str(), said),
                ("call_1", "weather", arguments.clone()),
                "{way:?}"
            );
        }
    }
}

#[tokio::test]
async fn json_comes_as_it_was_written() {
    let value = json!({ "verdict": "yes", "score": 9 });
    for way in ways() {
        assert_eq!(way.answer(Answer::json(&value)).await.text, value.to_string(), "{way:?}");
    }
}

#[tokio::test]
async fn an_answer_that_was_cut_by_the_provider_says_why() {
    for way in ways() {
        for (finish, reason) in
            [(Finish::Length, FinishReason::Length), (Finish::ContentFilter, FinishReason::ContentFilter)]
        {
            let answer = way.answer(Answer::text(TEXT).finish(finish)).await;
            assert_eq!((answer.text.as_str(), answer.finish), (TEXT, Some(reason)), "{way:?}");
        }
        let answer = way.answer(Answer::refusal("I cannot help")).await;
        let words = answer.refusal.clone().unwrap_or_else(|| answer.text.clone());
        assert_eq!(words, "I cannot help", "{way:?}");
        assert!(answer.refusal.is_some() || answer.finish == Some(FinishReason::ContentFilter), "{way:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_connection_lost_after_the_terminal_event_costs_nothing() {
    for way in streamed() {
        let answer = way.answer(Answer::text(TEXT).cut(At::End)).await;
        assert_eq!((answer.text.as_str(), answer.finish), (TEXT, Some(FinishReason::Stop)), "{way:?}");
    }
}
