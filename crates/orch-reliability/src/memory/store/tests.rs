mod model;

use bytes::Bytes;
use futures_util::FutureExt;
use orch_testkit::check_idempotency_store;
use orch_testkit::store::wait_ends_when_completed;

use super::*;

const LEASE: Duration = Duration::from_secs(30);
const KEEP: Duration = Duration::from_secs(3600);

fn key() -> Key {
    Key::new("key").unwrap()
}

fn print(n: u8) -> Fingerprint {
    Fingerprint::from_bytes([n; 16])
}

fn record(text: &str) -> Record {
    Record { content_type: "text/plain".into(), schema_version: 1, bytes: Bytes::copy_from_slice(text.as_bytes()) }
}

async fn claim(store: &MemoryStore, fingerprint: u8, takeover: Takeover) -> Claim {
    store.claim(&key(), &print(fingerprint), OwnerId::fresh(), LEASE, takeover).await.unwrap()
}

async fn lease(store: &MemoryStore) -> Lease {
    match claim(store, 1, Takeover::Allowed).await {
        Claim::Claimed(lease) | Claim::TakenOver(lease) => lease,
        other => panic!("{other:?}"),
    }
}

async fn complete(store: &MemoryStore, lease: &Lease, text: &str) -> bool {
    store.complete(&key(), lease, record(text), KEEP).await.unwrap()
}

async fn advance(time: Duration) {
    tokio::time::advance(time).await;
}

#[tokio::test(start_paused = true)]
async fn a_key_in_flight_is_busy_until_its_lease_ends_and_another_request_conflicts() {
    let store = MemoryStore::new();
    lease(&store).await;
    advance(Duration::from_secs(10)).await;
    let left = Duration::from_secs(20);
    assert_eq!(claim(&store, 1, Takeover::Allowed).await, Claim::Busy { retry_in: left });
    assert_eq!(claim(&store, 2, Takeover::Allowed).await, Claim::Conflict { stored: print(1) });
}

#[tokio::test(start_paused = true)]
async fn its_bounds_are_those_that_are_documented_and_it_says_what_is_in_flight() {
    let hours = |hours: u64| Duration::from_secs(hours * 3_600);
    assert_eq!((MemoryStore::DEFAULT_BYTES, MemoryStore::DOUBT_KEEP), (67_108_864, hours(7 * 24)));
    assert_eq!(RESOLVED_KEEP, hours(24));
    let store = MemoryStore::new();
    lease(&store).await;
    assert_eq!(format!("{store:?}"), "MemoryStore { in_flight: 1, .. }");
}

#[tokio::test(start_paused = true)]
async fn a_renewed_lease_counts_from_the_renewal() {
    let store = MemoryStore::new();
    let lease = lease(&store).await;
    advance(Duration::from_secs(20)).await;
    assert!(store.renew(&key(), &lease).await.unwrap());
    assert_eq!(claim(&store, 1, Takeover::Allowed).await, Claim::Busy { retry_in: LEASE });
}

#[tokio::test(start_paused = true)]
async fn a_lapsed_lease_is_taken_over_and_the_former_holder_fenced_off() {
    let store = MemoryStore::new();
    let former = lease(&store).await;
    advance(LEASE).await;
    let Claim::TakenOver(new) = claim(&store, 1, Takeover::Allowed).await else { panic!("not taken over") };
    assert!(new.fence > former.fence);
    assert!(!store.renew(&key(), &former).await.unwrap());
    assert!(!store.release(&key(), &former).await.unwrap());
    assert!(!complete(&store, &former, "stale").await);
    assert!(complete(&store, &new, "new").await);
    assert_eq!(claim(&store, 1, Takeover::Allowed).await, Claim::Done(record("new")));
}

#[tokio::test(start_paused = true)]
async fn a_lapsed_lease_that_nobody_took_over_is_still_good() {
    let store = MemoryStore::new();
    let lease = lease(&store).await;
    advance(2 * LEASE).await;
    assert!(complete(&store, &lease, "late").await);
}

#[tokio::test(start_paused = true)]
async fn a_lapsed_lease_that_must_not_be_taken_over_is_unknown_until_it_is_resolved() {
    for (outcome, text) in [(None, None), (Some(record("by hand")), Some("by hand"))] {
        let store = MemoryStore::new();
        let former = lease(&store).await;
        assert!(!store.resolve(&key(), None).await.unwrap(), "it is still worked on");
        advance(LEASE).await;
        assert_eq!(claim(&store, 1, Takeover::Never).await, Claim::Unknown);
        assert_eq!(claim(&store, 1, Takeover::Allowed).await, Claim::Unknown);
        assert_eq!(claim(&store, 2, Takeover::Allowed).await, Claim::Conflict { stored: print(1) });
        assert!(!complete(&store, &former, "stale").await);
        assert!(store.resolve(&key(), outcome).await.unwrap());
        match text {
            Some(text) => assert_eq!(claim(&store, 1, Takeover::Never).await, Claim::Done(record(text))),
            None => assert!(matches!(claim(&store, 1, Takeover::Never).await, Claim::Claimed(_))),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_doubt_is_kept_for_a_week_and_then_the_key_is_free() {
    let store = MemoryStore::new();
    lease(&store).await;
    advance(LEASE).await;
    for _ in 0..7 {
        assert_eq!(claim(&store, 1, Takeover::Never).await, Claim::Unknown);
        advance(MemoryStore::DOUBT_KEEP / 7 - Duration::from_millis(1)).await;
    }
    assert_eq!(claim(&store, 1, Takeover::Never).await, Claim::Unknown);
    advance(Duration::from_millis(7)).await;
    assert!(matches!(claim(&store, 2, Takeover::Never).await, Claim::Claimed(_)));
}

#[tokio::test(start_paused = true)]
async fn old_doubts_do_not_pile_up_and_what_is_in_flight_stays() {
    let store = MemoryStore::new();
    let long = MemoryStore::DOUBT_KEEP * 3;
    let claim = async |name: &str, ttl| {
        let key = Key::new(name).unwrap();
        store.claim(&key, &print(1), OwnerId::fresh(), ttl, Takeover::Never).await.unwrap()
    };
    claim("in flight", long).await;
    for n in 0..1_000 {
        claim(&format!("dies-{n}"), LEASE).await;
    }
    // Only some are ever asked about again.
    advance(LEASE).await;
    assert_eq!(claim("dies-0", LEASE).await, Claim::Unknown);
    advance(MemoryStore::DOUBT_KEEP).await;
    assert_eq!(store.lock().flights.len(), 1_001);
    for _ in 0..1_001 {
        assert!(matches!(claim("in flight", LEASE).await, Claim::Busy { .. }));
    }
    assert_eq!(store.lock().flights.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_result_is_kept_from_its_completion_on_for_its_own_time() {
    let store = MemoryStore::new();
    let lease = lease(&store).await;
    advance(Duration::from_secs(25)).await;
    assert!(complete(&store, &lease, "kept").await);
    advance(KEEP - Duration::from_millis(1)).await;
    assert_eq!(claim(&store, 1, Takeover::Allowed).await, Claim::Done(record("kept")));
    assert_eq!(claim(&store, 2, Takeover::Allowed).await, Claim::Conflict { stored: print(1) });
    advance(Duration::from_millis(1)).await;
    assert!(matches!(claim(&store, 2, Takeover::Allowed).await, Claim::Claimed(_)));
}

#[tokio::test(start_paused = true)]
async fn no_life_of_a_key_repeats_the_fence_of_another() {
    let store = MemoryStore::new();
    let first = lease(&store).await;
    assert!(store.release(&key(), &first).await.unwrap());
    let second = lease(&store).await;
    assert!(second.fence > first.fence);
    assert!(!complete(&store, &first, "sleeper").await);
    let forged = Lease { owner: OwnerId::fresh(), ..second };
    assert!(!complete(&store, &forged, "stranger").await, "the fence alone is not enough");
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_with_the_change_the_lease_or_the_time_given() {
    let store = MemoryStore::new();
    let long = Duration::from_secs(1_000);
    let held = lease(&store).await;
    let start = Instant::now();
    store.wait(&key(), Duration::from_secs(3)).await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 3);
    store.wait(&key(), long).await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 30, "the end of the lease is a change");
    assert!(store.renew(&key(), &held).await.unwrap());

    let key = key();
    let mut waits: Vec<_> = (0..3).map(|_| Box::pin(store.wait(&key, long))).collect();
    assert!(waits.iter_mut().all(|wait| wait.as_mut().now_or_never().is_none()));
    assert!(complete(&store, &held, "done").await);
    assert!(waits.iter_mut().all(|wait| wait.as_mut().now_or_never().is_some()));
    store.wait(&key, long).await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 30, "nothing in flight, nothing to wait for");
}

#[tokio::test(start_paused = true)]
async fn results_stay_within_the_bound_and_the_newest_are_kept() {
    let store = MemoryStore::bounded(64 * 1024);
    let text = "x".repeat(4 * 1024);
    for n in 0..100 {
        let key = Key::new(format!("key-{n}")).unwrap();
        let claim = store.claim(&key, &print(1), OwnerId::fresh(), LEASE, Takeover::Allowed).await.unwrap();
        let Claim::Claimed(lease) = claim else { panic!("{claim:?}") };
        assert!(store.complete(&key, &lease, record(&text), KEEP).await.unwrap());
        assert!(store.finished.bytes() <= 64 * 1024);
        let again = store.claim(&key, &print(1), OwnerId::fresh(), LEASE, Takeover::Allowed).await.unwrap();
        assert!(matches!(again, Claim::Done(_)), "result {n}");
    }
    assert_eq!(store.lock().flights.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn keys_of_two_namespaces_do_not_meet() {
    let store = MemoryStore::new();
    lease(&store).await;
    let other = key().in_namespace("tenant-b");
    let claim = store.claim(&other, &print(2), OwnerId::fresh(), LEASE, Takeover::Allowed).await.unwrap();
    assert!(matches!(claim, Claim::Claimed(_)));
}

#[tokio::test(start_paused = true)]
async fn it_keeps_the_contract_of_stores() {
    check_idempotency_store(MemoryStore::new).await;
    wait_ends_when_completed(MemoryStore::new()).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_recalled_is_what_a_claim_would_answer() {
    let store = MemoryStore::new();
    assert_eq!(store.recall(&key(), &print(1)), None);
    let held = lease(&store).await;
    assert_eq!(store.recall(&key(), &print(1)), None, "still worked on");
    assert!(complete(&store, &held, "done").await);
    assert_eq!(store.recall(&key(), &print(1)), Some(record("done")));
    assert_eq!(store.recall(&key(), &print(2)), None, "another request");
    advance(KEEP).await;
    assert_eq!(store.recall(&key(), &print(1)), None);
}
