//! A small right store keeps the contract; each way to be wrong is caught by the rule it breaks.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use orch_core::store::{Claim, Fingerprint, IdempotencyStore, Key, Lease, OwnerId, Record, StoreError, Takeover};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{check_idempotency_store, late_writes_are_refused, wait_ends_when_completed};

/// A way to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    ChecksBeforeItWrites,
    IgnoresTheRequest,
    ForgetsConflictsWhenLapsed,
    IgnoresNamespaces,
    KeepsTheFence,
    NeverLapses,
    AlwaysTakesOver,
    RenewsNothing,
    KeepsReleasedKeys,
    ChecksOnlyTheOwner,
    ChecksOnlyTheFence,
    OverwritesResults,
    KeepsForEver,
    KeepsFromTheClaim,
    ResolvesAnything,
    WaitsForEver,
    OnlySleeps,
}

#[derive(Clone)]
enum State {
    Working { lease: Lease, until: Instant },
    Done { record: Record, until: Instant },
    Unknown,
}

struct NaiveStore {
    flaw: Flaw,
    entries: Mutex<HashMap<String, (Fingerprint, State, Instant)>>,
    changed: Notify,
}

impl NaiveStore {
    fn new(flaw: Flaw) -> Self {
        Self { flaw, entries: Mutex::default(), changed: Notify::new() }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    fn name(&self, key: &Key) -> String {
        if self.has(Flaw::IgnoresNamespaces) { key.as_str().to_owned() } else { key.to_string() }
    }

    /// The live entries.
    fn entries(&self) -> MutexGuard<'_, HashMap<String, (Fingerprint, State, Instant)>> {
        let mut entries = self.entries.lock().unwrap();
        let now = Instant::now();
        if !self.has(Flaw::KeepsForEver) {
            entries.retain(|_, (_, state, _)| !matches!(state, State::Done { until, .. } if *until <= now));
        }
        entries
    }

    fn holds(&self, state: &State, lease: &Lease) -> bool {
        match state {
            State::Working { lease: held, .. } => {
                (held.owner == lease.owner || self.has(Flaw::ChecksOnlyTheFence))
                    && (held.fence == lease.fence || self.has(Flaw::ChecksOnlyTheOwner))
            }
            State::Done { .. } => self.has(Flaw::OverwritesResults),
            State::Unknown => false,
        }
    }

    /// Changes the entry that `lease` holds.
    fn write(&self, key: &Key, lease: &Lease, write: impl FnOnce(&mut State, Instant)) -> bool {
        let mut entries = self.entries();
        let Some((_, state, since)) = entries.get_mut(&self.name(key)) else { return false };
        let held = self.holds(state, lease);
        if held {
            write(state, *since);
            self.changed.notify_waiters();
        }
        held
    }
}

#[async_trait]
impl IdempotencyStore for NaiveStore {
    async fn claim(
        &self,
        key: &Key,
        fingerprint: &Fingerprint,
        owner: OwnerId,
        lease: Duration,
        takeover: Takeover,
    ) -> Result<Claim, StoreError> {
        let now = Instant::now();
        let found = self.entries().get(&self.name(key)).cloned();
        if self.has(Flaw::ChecksBeforeItWrites) {
            tokio::task::yield_now().await;
        }
        let working = |fence| {
            let lease = Lease { owner, fence, ttl: lease };
            self.entries().insert(
                self.name(key),
                (*fingerprint, State::Working { lease: lease.clone(), until: now + lease.ttl }, now),
            );
            lease
        };
        let Some((stored, state, _)) = found else { return Ok(Claim::Claimed(working(1))) };
        let lapsed = matches!(&state, State::Working { until, .. } if *until <= now) && !self.has(Flaw::NeverLapses);
        let other = stored != *fingerprint && !self.has(Flaw::IgnoresTheRequest);
        if other && !(lapsed && self.has(Flaw::ForgetsConflictsWhenLapsed)) {
            return Ok(Claim::Conflict { stored });
        }
        Ok(match state {
            State::Done { record, .. } => Claim::Done(record),
            State::Unknown => Claim::Unknown,
            State::Working { lease, .. } if lapsed => match takeover {
                Takeover::Never if !self.has(Flaw::AlwaysTakesOver) => {
                    self.entries().insert(self.name(key), (stored, State::Unknown, now));
                    Claim::Unknown
                }
                _ => Claim::TakenOver(working(lease.fence + u64::from(!self.has(Flaw::KeepsTheFence)))),
            },
            State::Working { until, .. } => Claim::Busy { retry_in: until.saturating_duration_since(now) },
        })
    }

    async fn renew(&self, key: &Key, lease: &Lease) -> Result<bool, StoreError> {
        let ttl = if self.has(Flaw::RenewsNothing) { Duration::ZERO } else { lease.ttl };
        Ok(self.write(key, lease, |state, _| {
            if let State::Working { until, .. } = state {
                *until = (*until).max(Instant::now() + ttl);
            }
        }))
    }

    async fn complete(&self, key: &Key, lease: &Lease, record: Record, keep: Duration) -> Result<bool, StoreError> {
        Ok(self.write(key, lease, |state, since| {
            let from = if self.has(Flaw::KeepsFromTheClaim) { since } else { Instant::now() };
            *state = State::Done { record, until: from + keep };
        }))
    }

    async fn release(&self, key: &Key, lease: &Lease) -> Result<bool, StoreError> {
        let held = self.write(key, lease, |_, _| ());
        if held && !self.has(Flaw::KeepsReleasedKeys) {
            self.entries().remove(&self.name(key));
        }
        Ok(held)
    }

    async fn resolve(&self, key: &Key, outcome: Option<Record>) -> Result<bool, StoreError> {
        let mut entries = self.entries();
        let name = self.name(key);
        let Some((_, state, _)) = entries.get_mut(&name) else { return Ok(false) };
        if !matches!(state, State::Unknown) && !self.has(Flaw::ResolvesAnything) {
            return Ok(false);
        }
        match outcome {
            Some(record) => *state = State::Done { record, until: Instant::now() + Duration::from_secs(3600) },
            None => drop(entries.remove(&name)),
        }
        Ok(true)
    }

    async fn wait(&self, _: &Key, max: Duration) -> Result<(), StoreError> {
        match self.flaw {
            Flaw::WaitsForEver => std::future::pending().await,
            Flaw::OnlySleeps => tokio::time::sleep(max).await,
            _ => drop(tokio::time::timeout(max, self.changed.notified()).await),
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_right_store_keeps_the_contract() {
    check_idempotency_store(|| NaiveStore::new(Flaw::None)).await;
    wait_ends_when_completed(NaiveStore::new(Flaw::None)).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_push_keeps_the_contract_but_not_the_rule_for_those_that_can() {
    check_idempotency_store(|| NaiveStore::new(Flaw::OnlySleeps)).await;
    let pushes = tokio::spawn(wait_ends_when_completed(NaiveStore::new(Flaw::OnlySleeps)));
    assert!(pushes.await.unwrap_err().is_panic());
}

#[tokio::test(start_paused = true)]
async fn each_way_to_be_wrong_is_caught_by_the_rule_it_breaks() {
    let expected = [
        (Flaw::ChecksBeforeItWrites, "one_of_many_claims_wins"),
        (Flaw::IgnoresTheRequest, "other_requests_conflict"),
        (Flaw::ForgetsConflictsWhenLapsed, "other_requests_conflict"),
        (Flaw::IgnoresNamespaces, "keys_are_apart"),
        (Flaw::KeepsTheFence, "lapsed_lease_is_taken_over"),
        (Flaw::AlwaysTakesOver, "lapsed_lease_without_takeover_is_unknown"),
        (Flaw::RenewsNothing, "renewed_lease_does_not_lapse"),
        (Flaw::KeepsReleasedKeys, "release_frees_the_key"),
        (Flaw::ChecksOnlyTheOwner, "late_writes_are_refused"),
        (Flaw::ChecksOnlyTheFence, "release_frees_the_key"),
        (Flaw::OverwritesResults, "late_writes_are_refused"),
        (Flaw::KeepsForEver, "result_expires"),
        (Flaw::KeepsFromTheClaim, "result_expires"),
        (Flaw::ResolvesAnything, "unknown_outcome_is_resolved"),
        (Flaw::WaitsForEver, "wait_is_bounded"),
        (Flaw::NeverLapses, "other_requests_conflict"),
    ];
    for (flaw, rule) in expected {
        let check = tokio::spawn(async move { check_idempotency_store(|| NaiveStore::new(flaw)).await });
        let message = check.await.unwrap_err().into_panic().downcast::<String>().unwrap();
        assert!(message.starts_with(&format!("store contract broken, rule `{rule}`")), "{flaw:?}: {message}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fence_alone_does_not_make_a_write_valid() {
    let late = tokio::spawn(late_writes_are_refused(NaiveStore::new(Flaw::ChecksOnlyTheFence)));
    let message = late.await.unwrap_err().into_panic().downcast::<String>().unwrap();
    assert!(message.contains("another owner with the right fence"), "{message}");
}
