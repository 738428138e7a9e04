//! The table of records, row by row.

use super::*;

#[tokio::test(start_paused = true)]
async fn absent_or_expired_is_claimed_and_run() {
    let bench = Bench::slow();
    assert!(!bench.call(pure()).await.unwrap().replayed());
    advance(Duration::from_secs(3599)).await;
    assert!(bench.call(pure()).await.unwrap().replayed());
    advance(Duration::from_secs(1)).await;
    let output = bench.call(pure()).await.unwrap();
    assert_eq!((number(&output), output.replayed(), bench.executions()), (2, false, 2));
    advance(Duration::from_secs(3600)).await;
    let _ = bench.call(other()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn in_flight_here_is_joined() {
    let bench = Bench::slow();
    let first = bench.start(pure());
    settle().await;
    let joiner = bench.start(pure());
    let (first, joiner) = (first.await.unwrap().unwrap(), joiner.await.unwrap().unwrap());
    assert_eq!((first.content(), first.replayed(), joiner.replayed()), (joiner.content(), false, true));
    assert_eq!(bench.executions(), 1);
}

#[tokio::test(start_paused = true)]
async fn in_flight_here_with_another_fingerprint_is_a_conflict() {
    let bench = Bench::slow();
    let first = bench.start(pure());
    settle().await;
    assert!(is_conflict(&bench.call(other()).await));
    assert!(first.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn in_flight_elsewhere_is_waited_for_and_replayed() {
    let store: Arc<MemoryStore> = Arc::default();
    let (here, there) = (Bench::slow().with_store(store.clone()), Bench::slow().with_store(store));
    let first = there.start(pure());
    settle().await;
    let start = Instant::now();
    let output = here.call(pure()).await.unwrap();
    assert!(output.replayed());
    assert_eq!((here.executions(), there.executions(), start.elapsed()), (0, 1, Duration::from_secs(1)));
    let _ = first.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn in_flight_elsewhere_until_the_callers_deadline_is_in_progress() {
    let store: Arc<MemoryStore> = Arc::default();
    claim_and_die(&store, &pure()).await;
    let bench = Bench::slow().with_store(store);
    let deadline = Deadline::after(Instant::now(), Duration::from_secs(5));
    let caller = context(Effect::Pure).with_deadline(deadline);
    let error = bench.call(pure().with_context(caller)).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::InProgress { key } if &**key == "key-1"));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(25)));
    advance(Duration::from_secs(60)).await;
    assert_eq!(bench.executions(), 0, "nobody waited for it any more");
}

#[tokio::test(start_paused = true)]
async fn once_it_was_taken_over_the_callers_deadline_is_its_own() {
    let store: Arc<MemoryStore> = Arc::default();
    claim_and_die(&store, &pure()).await;
    let bench = Bench::slow().with_store(store);
    let deadline = Deadline::after(Instant::now(), LEASE + Duration::from_millis(500));
    let caller = context(Effect::Pure).with_deadline(deadline);
    let error = bench.call(pure().with_context(caller)).await.unwrap_err();
    assert_eq!((error.class(), bench.executions()), (Class::DeadlineExceeded, 1), "it works here by now");
}

#[tokio::test(start_paused = true)]
async fn in_flight_elsewhere_until_the_execution_timeout_is_in_progress() {
    let store: Arc<MemoryStore> = Arc::default();
    claim_and_die(&store, &pure()).await;
    let config = IdempotencyConfig::default().execution_timeout(Duration::from_secs(5));
    let bench = Bench::slow().with_store(store).with_config(config);
    let error = bench.call(pure()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::InProgress { .. }));
}

#[tokio::test(start_paused = true)]
async fn in_flight_elsewhere_with_another_fingerprint_is_a_conflict() {
    let store: Arc<MemoryStore> = Arc::default();
    claim_and_die(&store, &pure()).await;
    assert!(is_conflict(&Bench::slow().with_store(store).call(other()).await));
}

#[tokio::test(start_paused = true)]
async fn a_lapsed_lease_of_a_harmless_effect_is_taken_over() {
    for effect in [Effect::Pure, Effect::IdempotentDownstream] {
        let store: Arc<MemoryStore> = Arc::default();
        let dead = claim_and_die(&store, &request(effect)).await;
        let bench = Bench::slow().with_store(store.clone());
        let start = Instant::now();
        let output = bench.call(request(effect)).await.unwrap();
        assert_eq!((bench.executions(), output.replayed()), (1, false));
        assert_eq!(start.elapsed(), LEASE + Duration::from_secs(1), "waited for the lease to end");
        assert!(!store.release(&key(), &dead).await.unwrap(), "the dead are fenced off");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lapsed_lease_of_an_at_most_once_effect_is_unknown_until_resolved() {
    let store: Arc<MemoryStore> = Arc::default();
    claim_and_die(&store, &request(Effect::AtMostOnce)).await;
    let bench = Bench::slow().with_store(store.clone());
    for _ in 0..2 {
        assert!(is_unknown(&bench.call(request(Effect::AtMostOnce)).await));
        assert!(is_conflict(&bench.call(other()).await));
    }
    assert_eq!(bench.executions(), 0);
    assert!(store.resolve(&key(), None).await.unwrap());
    assert!(bench.call(request(Effect::AtMostOnce)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_lapsed_lease_with_another_fingerprint_is_a_conflict() {
    let store: Arc<MemoryStore> = Arc::default();
    claim_and_die(&store, &pure()).await;
    tokio::time::advance(2 * LEASE).await;
    assert!(is_conflict(&Bench::slow().with_store(store).call(other()).await));
}

#[tokio::test(start_paused = true)]
async fn done_is_replayed_and_with_another_fingerprint_a_conflict() {
    let bench = Bench::slow();
    let _ = bench.call(pure()).await.unwrap();
    let again = bench.call(pure()).await.unwrap();
    assert_eq!((number(&again), again.replayed()), (1, true));
    assert!(is_conflict(&bench.call(other()).await));
    assert_eq!(bench.executions(), 1);
}
