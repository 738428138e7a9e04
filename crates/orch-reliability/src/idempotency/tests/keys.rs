//! Which requests are the same.

use super::*;

#[tokio::test(start_paused = true)]
async fn an_equal_fresh_request_replays_whatever_its_ids_and_the_order_of_its_fields() {
    let bench = Bench::slow();
    let asked = |text: &str| {
        let input: serde_json::Value = serde_json::from_str(text).unwrap();
        Request::new(input).with_context(context(Effect::Pure))
    };
    let _ = bench.call(asked(r#"{ "query": "x", "depth": 2 }"#)).await.unwrap();
    let again = bench.call(asked(r#"{ "depth": 2, "query": "x" }"#)).await.unwrap();
    assert!(again.replayed());
    assert!(is_conflict(&bench.call(asked(r#"{ "query": "x", "depth": 3 }"#)).await));
}

#[tokio::test(start_paused = true)]
async fn without_conflict_detection_the_first_answer_is_everyones() {
    let bench = Bench::slow().with_config(IdempotencyConfig::default().conflict_detection(false));
    let first = bench.start(pure());
    settle().await;
    assert_eq!(number(&bench.call(other()).await.unwrap()), 1);
    assert_eq!(number(&bench.call(other()).await.unwrap()), 1);
    let _ = first.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn requests_without_a_key_pass_straight_through() {
    let bench = Bench::slow();
    for _ in 0..3 {
        assert!(!bench.call(Request::new("a question")).await.unwrap().replayed());
    }
    let switched_off = Bench::slow().with_config(IdempotencyConfig::default().enabled(false));
    for _ in 0..3 {
        let _ = switched_off.call(pure()).await.unwrap();
    }
    assert_eq!((bench.executions(), switched_off.executions()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn replicates_over_an_idempotency_layer_execute_k_times() {
    let bench = Bench::slow();
    let run = context(Effect::Pure);
    let replicates = || {
        join_all((1..=5).map(|n| {
            let part = run.child(Part::Replicate(n, 7));
            bench.call(Request::new("a question").with_context(part))
        }))
    };
    let first: Vec<_> = replicates().await.into_iter().map(|output| number(&output.unwrap())).collect();
    assert_eq!((first.len(), bench.executions()), (5, 5));
    let again: Vec<_> = replicates().await.into_iter().map(|output| number(&output.unwrap())).collect();
    assert_eq!((again, bench.executions()), (first, 5));
}
