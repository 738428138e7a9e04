//! Calls that somebody gave up.

use std::time::Duration;

use orch_core::{CallContext, Source};
use orch_testkit::FaultServer;
use orch_testkit::fault_server::{Answer, At};
use tower::ServiceExt;

use super::{streamed, ways};

#[tokio::test]
async fn dropping_a_call_closes_the_connection_wherever_the_server_is() {
    let text = || Answer::text("one two");
    for way in ways() {
        for answer in
            [Answer::silence(), text().stall(At::Head), text().stall(At::Pieces(1)), text().stall(At::InPiece(0))]
        {
            let server = FaultServer::script([answer]);
            let call = tokio::spawn(way.service(&server).oneshot(way.request(&CallContext::new())));
            server.until_requests(1).await;
            assert!(!call.is_finished());
            call.abort();
            server.until_abandoned(1).await;
            assert_eq!(server.request_count(), 1, "{way:?}");
        }
    }
}

#[tokio::test]
async fn a_call_dropped_in_the_middle_keeps_its_usage_so_far() {
    for way in streamed() {
        let server = FaultServer::script([Answer::text("one two").stall(At::Pieces(1))]);
        let mut context = CallContext::new();
        let mut events = context.subscribe();
        let call = tokio::spawn(way.service(&server).oneshot(way.request(&context)));
        // The first event is the first piece.
        events.next().await.unwrap();
        call.abort();
        server.until_abandoned(1).await;
        let usage = context.progress().usage();
        let source = usage.output_tokens.map(|tokens| tokens.source);
        assert!(matches!(source, Some(Source::LowerBound | Source::Reported)), "{way:?}: {usage:?}");
        assert!(context.progress().committed(), "{way:?}");
    }
}

#[tokio::test]
async fn heartbeats_are_signs_of_life_and_no_first_chunk() {
    for way in streamed() {
        let server = FaultServer::script([Answer::text("one").heartbeats(3).stall(At::Events(0))]);
        let context = CallContext::new();
        let progress = context.progress().clone();
        let call = tokio::spawn(way.service(&server).oneshot(way.request(&context)));
        while progress.last_at().is_none() {
            tokio::task::yield_now().await;
        }
        assert_eq!((progress.first_at(), progress.committed()), (None, false), "{way:?}");
        call.abort();
        server.until_abandoned(1).await;
    }
}

#[tokio::test]
async fn a_connection_is_used_again_after_a_whole_answer_and_not_after_a_cut_one() {
    for way in ways() {
        let server = FaultServer::script([Answer::text("a"), Answer::text("b").cut(At::InPiece(0)), Answer::text("c")]);
        let model = way.service(&server);
        let mut answers = Vec::new();
        for _ in 0..3 {
            let answer = model.clone().oneshot(way.request(&CallContext::new())).await;
            answers.push(answer.map_or(String::new(), |answer| answer.text));
        }
        assert_eq!(answers, ["a", "", "c"], "{way:?}");
        let requests = server.requests();
        assert_ne!(requests[1].connection, requests[2].connection, "{way:?}");
    }
}

#[tokio::test]
async fn a_slow_answer_is_waited_for() {
    for way in ways() {
        let answer =
            Answer::text("late").pause(At::Start, Duration::from_millis(20)).pause(At::End, Duration::from_millis(1));
        assert_eq!(way.answer(answer).await.text, "late", "{way:?}");
    }
}
