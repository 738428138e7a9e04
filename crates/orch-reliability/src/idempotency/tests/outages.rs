//! The store fails, or forgets whose the lease is.

use super::*;

/// A store that can be switched off verb by verb.
#[derive(Default)]
struct Flaky {
    inner: MemoryStore,
    claims_fail: AtomicBool,
    completions_fail: AtomicBool,
    /// Everybody else believes the holder dead.
    renewals_lose: AtomicBool,
    renewals: AtomicU32,
    /// The key is somebody else's for ever.
    busy: AtomicBool,
    claims_panic: AtomicBool,
    /// Claims take a moment.
    slow: AtomicBool,
}

impl Flaky {
    fn with(switch: impl Fn(&Self) -> &AtomicBool) -> Arc<Self> {
        let store = Self::default();
        switch(&store).store(true, Ordering::Relaxed);
        Arc::new(store)
    }

    fn fails(switch: &AtomicBool) -> Result<(), StoreError> {
        if switch.load(Ordering::Relaxed) { Err(StoreError::Transient("down".into())) } else { Ok(()) }
    }
}

#[async_trait]
impl IdempotencyStore for Flaky {
    async fn claim(
        &self,
        key: &Key,
        fingerprint: &Fingerprint,
        owner: OwnerId,
        lease: Duration,
        takeover: Takeover,
    ) -> Result<Claim, StoreError> {
        Self::fails(&self.claims_fail)?;
        if self.slow.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(1)).await;
        }
        assert!(!self.claims_panic.load(Ordering::Relaxed), "a defect of the store");
        if self.busy.load(Ordering::Relaxed) {
            return Ok(Claim::Busy { retry_in: Duration::MAX });
        }
        self.inner.claim(key, fingerprint, owner, lease, takeover).await
    }

    async fn renew(&self, key: &Key, lease: &Lease) -> Result<bool, StoreError> {
        self.renewals.fetch_add(1, Ordering::Relaxed);
        if self.renewals_lose.load(Ordering::Relaxed) { Ok(false) } else { self.inner.renew(key, lease).await }
    }

    async fn complete(&self, key: &Key, lease: &Lease, record: Record, keep: Duration) -> Result<bool, StoreError> {
        Self::fails(&self.completions_fail)?;
        self.inner.complete(key, lease, record, keep).await
    }

    async fn release(&self, key: &Key, lease: &Lease) -> Result<bool, StoreError> {
        self.inner.release(key, lease).await
    }

    async fn resolve(&self, key: &Key, outcome: Option<Record>) -> Result<bool, StoreError> {
        self.inner.resolve(key, outcome).await
    }

    async fn wait(&self, key: &Key, max: Duration) -> Result<(), StoreError> {
        if self.busy.load(Ordering::Relaxed) {
            sleep(max).await;
        }
        self.inner.wait(key, max).await
    }
}

/// A request that listens, and what it has heard of a degraded store when its run has ended.
pub(super) async fn degradations(bench: &Bench) -> (Result<Output, Error>, Vec<String>) {
    let mut caller = context(Effect::Pure);
    let mut events = caller.subscribe();
    let result = bench.call(pure().with_context(caller)).await;
    let mut reasons = Vec::new();
    while let Some(envelope) = events.next().await {
        if let Event::IdempotencyDegraded { reason } = envelope.event {
            reasons.push(reason.to_string());
        }
    }
    (result, reasons)
}

#[tokio::test(start_paused = true)]
async fn without_a_store_what_is_pure_runs_and_says_so_and_all_else_is_refused() {
    let bench = Bench::slow().with_store(Flaky::with(|store| &store.claims_fail));
    for _ in 0..2 {
        let (result, reasons) = degradations(&bench).await;
        assert!(!result.unwrap().replayed());
        assert!(reasons.len() == 1 && reasons[0].contains("down"), "{reasons:?}");
    }
    let united = join_all((0..10).map(|_| bench.call(pure()))).await;
    assert!(united.iter().all(Result::is_ok));
    assert_eq!(bench.executions(), 3, "calls at the same time are still one");
    for effect in [Effect::IdempotentDownstream, Effect::AtMostOnce] {
        let error = bench.call(request(effect)).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::StoreUnavailable { .. }));
    }
    assert_eq!(bench.executions(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_a_store_calls_busy_for_ever_is_in_progress_until_the_deadline() {
    let bench = Bench::slow().with_store(Flaky::with(|store| &store.busy));
    let deadline = Deadline::after(Instant::now(), Duration::from_secs(3));
    let error = bench.call(pure().with_context(context(Effect::Pure).with_deadline(deadline))).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::InProgress { .. }), "{error:?}");
    assert_eq!(bench.executions(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_stored_is_still_an_answer() {
    let bench = Bench::slow().with_store(Flaky::with(|store| &store.completions_fail));
    let (result, reasons) = degradations(&bench).await;
    assert_eq!(number(&result.unwrap()), 1);
    assert_eq!(reasons.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_long_execution_keeps_its_lease_by_heartbeats() {
    let store: Arc<Flaky> = Arc::default();
    let bench = Bench::new(|n, _| async move {
        sleep(Duration::from_secs(100)).await;
        Ok(Output::from(json!(n)))
    });
    let (here, there) = (bench.clone().with_store(store.clone()), bench.with_store(store.clone()));
    let (first, second) = (here.start(pure()), there.start(pure()));
    assert_eq!(number(&first.await.unwrap().unwrap()), 1);
    assert!(second.await.unwrap().unwrap().replayed());
    assert!((10..=11).contains(&store.renewals.load(Ordering::Relaxed)), "one in 9 to 10 seconds");
    assert_eq!(here.executions(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_lost_its_lease_is_told_and_keeps_its_work() {
    let store = Flaky::with(|store| &store.renewals_lose);
    let slow = |seconds| {
        Bench::new(move |_, _| async move {
            sleep(Duration::from_secs(seconds)).await;
            Ok(Output::from(json!(seconds)))
        })
    };
    let (sleeper, heir) = (slow(100).with_store(store.clone()), slow(1).with_store(store));
    let first = sleeper.start(pure());
    settle().await;
    assert_eq!(number(&heir.call(pure()).await.unwrap()), 1);
    let error = first.await.unwrap().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::LeaseLost { key } if &**key == "key-1"));
    assert_eq!(number(error.output().unwrap()), 100);
    assert_eq!(number(&heir.call(pure()).await.unwrap()), 1, "the heir's result stands");
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_record_is_a_miss_for_what_is_pure_and_an_error_otherwise() {
    let store: Arc<MemoryStore> = Arc::default();
    let lease = claim_and_die(&store, &pure()).await;
    let record = Record { content_type: "application/cbor".into(), schema_version: 1, bytes: "?".into() };
    store.complete(&key(), &lease, record, LEASE).await.unwrap();
    let bench = Bench::slow().with_store(store);
    let (result, reasons) = degradations(&bench).await;
    assert!(!result.unwrap().replayed());
    assert!(reasons[0].contains("application/cbor"), "{reasons:?}");
    let error = bench.call(request(Effect::AtMostOnce)).await.unwrap_err();
    assert!(error.to_string().contains("application/cbor"), "{error}");
    assert_eq!(bench.executions(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_panics_is_an_error_for_everyone_and_the_next_call_runs() {
    for slow in [false, true] {
        let store = Flaky::with(|store| &store.claims_panic);
        store.slow.store(slow, Ordering::Relaxed);
        let bench = Bench::slow().with_store(store.clone());
        for result in join_all((0..3).map(|_| bench.call(pure()))).await {
            let error = result.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Panicked { message } if message.contains("store")), "{error:?}");
        }
        store.claims_panic.store(false, Ordering::Relaxed);
        assert_eq!(number(&bench.call(pure()).await.unwrap()), 1);
        assert_eq!(bench.layer.flights.len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_has_nothing_at_hand_is_asked_and_replays_all_the_same() {
    let bench = Bench::slow().with_store(Arc::new(Flaky::default()));
    assert!(!bench.call(pure()).await.unwrap().replayed());
    assert!(bench.call(pure()).await.unwrap().replayed());
    assert!(is_conflict(&bench.call(other()).await));
    assert_eq!(bench.executions(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_while_the_store_is_asked_starts_nothing_and_leaves_no_claim() {
    let store = Flaky::with(|store| &store.slow);
    let bench = Bench::slow().with_store(store.clone());
    let gone = bench.start(request(Effect::AtMostOnce));
    settle().await;
    gone.abort();
    advance(Duration::from_millis(2)).await;
    assert_eq!((bench.executions(), bench.layer.flights.len()), (0, 0));
    let start = Instant::now();
    assert!(bench.call(request(Effect::AtMostOnce)).await.is_ok(), "not in doubt, for nothing was begun");
    assert_eq!(start.elapsed(), Duration::from_millis(1_001));
}
