//! The store answers late, not at all, or only when it is asked again.

use std::collections::VecDeque;
use std::sync::Mutex;

use super::outages::degradations;
use super::*;

/// What goes wrong with a step of a store.
#[derive(Clone, Copy)]
enum Trouble {
    /// It does nothing and says that it may be tried again.
    Fails,
    /// It does nothing and will never do anything.
    FailsForGood,
    /// It never answers.
    Hangs,
    /// It does what it should, and the answer is lost.
    LosesTheReceipt,
}

use Trouble::*;

/// A store whose steps have troubles in turn.
#[derive(Default)]
struct Troubled {
    inner: MemoryStore,
    claims: Mutex<VecDeque<Trouble>>,
    completions: Mutex<VecDeque<Trouble>>,
    releases: Mutex<VecDeque<Trouble>>,
    waits: Mutex<VecDeque<Trouble>>,
    renewals: AtomicU32,
    claimed: AtomicU32,
}

impl Troubled {
    fn claims(self, troubles: impl Into<VecDeque<Trouble>>) -> Self {
        Self { claims: Mutex::new(troubles.into()), ..self }
    }

    fn completions(self, troubles: impl Into<VecDeque<Trouble>>) -> Self {
        Self { completions: Mutex::new(troubles.into()), ..self }
    }

    fn releases(self, troubles: impl Into<VecDeque<Trouble>>) -> Self {
        Self { releases: Mutex::new(troubles.into()), ..self }
    }

    fn waits(self, troubles: impl Into<VecDeque<Trouble>>) -> Self {
        Self { waits: Mutex::new(troubles.into()), ..self }
    }
}

async fn through<A>(
    troubles: &Mutex<VecDeque<Trouble>>,
    step: impl Future<Output = Result<A, StoreError>>,
) -> Result<A, StoreError> {
    let trouble = troubles.lock().unwrap().pop_front();
    match trouble {
        None => step.await,
        Some(Fails) => Err(StoreError::Transient("down".into())),
        Some(FailsForGood) => Err(StoreError::Fatal("broken".into())),
        Some(Hangs) => pending().await,
        Some(LosesTheReceipt) => {
            step.await?;
            Err(StoreError::Transient("cut off".into()))
        }
    }
}

#[async_trait]
impl IdempotencyStore for Troubled {
    async fn claim(
        &self,
        key: &Key,
        fingerprint: &Fingerprint,
        owner: OwnerId,
        lease: Duration,
        takeover: Takeover,
    ) -> Result<Claim, StoreError> {
        self.claimed.fetch_add(1, Ordering::Relaxed);
        through(&self.claims, self.inner.claim(key, fingerprint, owner, lease, takeover)).await
    }

    fn recall(&self, key: &Key, fingerprint: &Fingerprint) -> Option<Record> {
        self.inner.recall(key, fingerprint)
    }

    async fn renew(&self, key: &Key, lease: &Lease) -> Result<bool, StoreError> {
        self.renewals.fetch_add(1, Ordering::Relaxed);
        self.inner.renew(key, lease).await
    }

    async fn complete(&self, key: &Key, lease: &Lease, record: Record, keep: Duration) -> Result<bool, StoreError> {
        through(&self.completions, self.inner.complete(key, lease, record, keep)).await
    }

    async fn release(&self, key: &Key, lease: &Lease) -> Result<bool, StoreError> {
        through(&self.releases, self.inner.release(key, lease)).await
    }

    async fn resolve(&self, key: &Key, outcome: Option<Record>) -> Result<bool, StoreError> {
        self.inner.resolve(key, outcome).await
    }

    async fn wait(&self, key: &Key, max: Duration) -> Result<(), StoreError> {
        through(&self.waits, self.inner.wait(key, max)).await
    }
}

/// A tool that answers at once, over this store.
fn prompt(store: Troubled) -> Bench {
    Bench::new(|n, _| async move { Ok(Output::from(json!(n))) }).with_store(Arc::new(store))
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_has_failed_when_its_time_is_up() {
    let bench = prompt(Troubled::default().claims([Hangs, Hangs, Hangs]));
    let start = Instant::now();
    let (result, reasons) = degradations(&bench).await;
    assert_eq!((number(&result.unwrap()), start.elapsed()), (1, Duration::from_secs(5)));
    assert!(reasons.len() == 1 && reasons[0].contains("longer than 5s"), "{reasons:?}");
    let error = bench.call(request(Effect::AtMostOnce)).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::StoreUnavailable { .. }), "{error:?}");
    assert_eq!((bench.executions(), start.elapsed()), (1, Duration::from_secs(10)));
    let bench = bench.with_config(IdempotencyConfig::default().store_timeout(Duration::from_millis(30)));
    assert!(bench.call(pure()).await.is_ok());
    assert_eq!(start.elapsed(), Duration::from_millis(10_030));
}

#[tokio::test(start_paused = true)]
async fn a_result_that_a_store_did_not_take_is_offered_again_and_kept() {
    let bench = prompt(Troubled::default().completions([Fails, Fails, Fails]));
    let (result, reasons) = degradations(&bench).await;
    assert_eq!((number(&result.unwrap()), reasons), (1, Vec::new()));
    let again = bench.call(pure()).await.unwrap();
    assert_eq!((number(&again), again.replayed()), (1, true));
}

#[tokio::test(start_paused = true)]
async fn offering_a_result_ends_after_four_times_or_in_the_stores_time_and_the_caller_has_it_all_the_same() {
    for (troubles, reason, waits_ms) in [
        ([Fails; 4].to_vec(), "down", 620),
        (vec![FailsForGood], "broken", 0),
        (vec![Fails, FailsForGood], "broken", 20),
        (vec![Hangs], "longer than 5s", 5_000),
        (vec![Fails, Hangs], "longer than 5s", 5_000),
    ] {
        let bench = prompt(Troubled::default().completions(troubles));
        let start = Instant::now();
        let (result, reasons) = degradations(&bench).await;
        assert_eq!((number(&result.unwrap()), start.elapsed().as_millis()), (1, waits_ms));
        assert!(reasons.len() == 1 && reasons[0].contains(reason), "{reasons:?}");
        // Not stored: the claim ends with its lease, and the next caller, who may, works anew.
        assert_eq!(number(&bench.call(pure()).await.unwrap()), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_result_that_is_at_hand_is_handed_out_without_asking_a_store_that_fails() {
    let store = Arc::new(Troubled::default());
    let bench = prompt(Troubled::default()).with_store(store.clone());
    assert!(bench.call(request(Effect::AtMostOnce)).await.is_ok());
    store.claims.lock().unwrap().push_back(FailsForGood);
    assert!(bench.call(request(Effect::AtMostOnce)).await.unwrap().replayed());
    assert!(bench.call(other()).await.is_ok(), "what is not at hand is asked for, and what is pure runs without");
}

#[tokio::test(start_paused = true)]
async fn a_lost_receipt_does_not_take_the_result_from_its_caller() {
    let bench = prompt(Troubled::default().completions([LosesTheReceipt]));
    let (result, reasons) = degradations(&bench).await;
    assert_eq!((number(&result.unwrap()), reasons.len()), (1, 1));
    let again = bench.call(pure()).await.unwrap();
    assert_eq!((number(&again), again.replayed()), (1, true));
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_could_not_be_given_back_is_told_and_ends_with_its_lease() {
    let store = Arc::new(Troubled::default().releases([Fails]));
    let bench = Bench::fails_once(Error::tool_execution("no luck")).with_store(store);
    let (result, reasons) = degradations(&bench).await;
    assert_eq!(result.unwrap_err().to_string(), "no luck");
    assert!(reasons.len() == 1 && reasons[0].contains("stays claimed"), "{reasons:?}");
    let start = Instant::now();
    assert_eq!(number(&bench.call(pure()).await.unwrap()), 2);
    assert!(start.elapsed() >= LEASE - Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_while_another_process_works_is_asked_again() {
    let store = Arc::new(Troubled::default().waits([Hangs]));
    claim_and_die(&store.inner, &pure()).await;
    let bench = prompt(Troubled::default()).with_store(store.clone());
    let start = Instant::now();
    assert_eq!(number(&bench.call(pure()).await.unwrap()), 1);
    assert!((LEASE..=3 * LEASE).contains(&start.elapsed()), "{:?}", start.elapsed());
    assert_eq!(store.claimed.load(Ordering::Relaxed), 2, "before the wait, and after it");
}

#[tokio::test(start_paused = true)]
async fn the_lease_is_renewed_without_a_look_at_the_work() {
    let (store, polls) = (Arc::<Troubled>::default(), Arc::<AtomicU32>::default());
    let seen = Arc::clone(&polls);
    let bench = Bench::new(move |_, _| {
        let seen = Arc::clone(&seen);
        std::future::poll_fn(move |_| {
            seen.fetch_add(1, Ordering::Relaxed);
            Poll::Pending
        })
    });
    let bench = bench.with_store(store.clone());
    let call = bench.start(pure());
    let beats = || store.renewals.load(Ordering::Relaxed);
    settle().await;
    for _ in 0..10 {
        advance(LEASE / 3).await;
    }
    assert_eq!(beats(), 10);
    assert!(polls.load(Ordering::Relaxed) <= 2, "polled when it was started, and in its own task");
    // The work's own time is up: it ends, and so does the heartbeat.
    advance(Duration::from_secs(600)).await;
    call.await.unwrap().unwrap_err();
    let ended = beats();
    advance(10 * LEASE).await;
    assert_eq!(beats(), ended);
}
