//! What every [`IdempotencyStore`] must keep to, whatever engine is behind it.
//!
//! [`check_idempotency_store`] runs every rule; each is also a function of its own that panics with the rule's name.
//! Rules wait with `tokio::time::sleep`, some hundred milliseconds each: an in-memory store is checked under paused time, a
//! store with a clock of its own under real time. Every rule uses keys of its own, so `make` may open the same database each time.

mod claims;
mod leases;
mod results;
mod waits;

use std::time::Duration;

use orch_core::store::{Claim, Fingerprint, IdempotencyStore, Key, Lease, OwnerId, Record, StoreError, Takeover};
use serde_json::json;

pub use self::claims::{keys_are_apart, one_of_many_claims_wins, other_requests_conflict};
pub use self::leases::{
    lapsed_lease_is_taken_over, lapsed_lease_without_takeover_is_unknown, late_writes_are_refused,
    release_frees_the_key, renewed_lease_does_not_lapse,
};
pub use self::results::{finished_result_is_replayed, result_expires, unknown_outcome_is_resolved};
pub use self::waits::{wait_ends_when_completed, wait_is_bounded};
use crate::rule::Rule;

/// The lease in rules that let it lapse.
const LEASE: Duration = Duration::from_millis(300);
/// A lease that does not lapse meanwhile.
const LONG: Duration = Duration::from_secs(60);

/// Every rule but [`wait_ends_when_completed`], which is for stores that can push.
///
/// ```no_run
/// # use orch_core::store::IdempotencyStore;
/// # async fn check<MyStore: IdempotencyStore + 'static>(new: fn() -> MyStore) {
/// orch_testkit::check_idempotency_store(|| new()).await;
/// # }
/// ```
///
/// # Panics
/// When the store breaks a rule or fails; the message names the rule.
pub async fn check_idempotency_store<S, F>(make: F)
where
    F: Fn() -> S,
    S: IdempotencyStore + 'static,
{
    one_of_many_claims_wins(make()).await;
    other_requests_conflict(make()).await;
    keys_are_apart(make()).await;
    lapsed_lease_is_taken_over(make()).await;
    lapsed_lease_without_takeover_is_unknown(make()).await;
    renewed_lease_does_not_lapse(make()).await;
    release_frees_the_key(make()).await;
    late_writes_are_refused(make()).await;
    finished_result_is_replayed(make()).await;
    result_expires(make()).await;
    unknown_outcome_is_resolved(make()).await;
    wait_is_bounded(make()).await;
}

/// One key of a store under a rule: every verb, with the answers that the rule cannot go on without.
struct Subject<'a, S> {
    rule: Rule,
    store: &'a S,
    key: Key,
}

impl<'a, S: IdempotencyStore> Subject<'a, S> {
    fn new(rule: Rule, store: &'a S) -> Self {
        Self { rule, store, key: fresh_key() }
    }

    fn answer<T>(&self, answer: Result<T, StoreError>) -> T {
        answer.unwrap_or_else(|error| self.rule.broken(error))
    }

    /// A claim of request `body` by a fresh owner.
    async fn claim(&self, body: u32, lease: Duration, takeover: Takeover) -> Claim {
        let claim = self.store.claim(&self.key, &request(body), OwnerId::fresh(), lease, takeover).await;
        self.answer(claim)
    }

    /// A claim of request 1 that must succeed.
    async fn claimed(&self, lease: Duration) -> Lease {
        match self.claim(1, lease, Takeover::Allowed).await {
            Claim::Claimed(lease) => lease,
            other => self.rule.broken(format!("a free key was not claimed but gave {other:?}")),
        }
    }

    /// A claim of request 1 over a lapsed lease that must succeed.
    async fn taken_over(&self) -> Lease {
        match self.claim(1, LONG, Takeover::Allowed).await {
            Claim::TakenOver(lease) => lease,
            other => self.rule.broken(format!("a lapsed lease was not taken over but gave {other:?}")),
        }
    }

    /// A claim of request `body` that must give `expected`.
    async fn expect(&self, body: u32, expected: &Claim, when: &str) {
        let claim = self.claim(body, LONG, Takeover::Allowed).await;
        self.rule.hold(claim == *expected, || format!("{when}, a claim gave {claim:?} instead of {expected:?}"));
    }

    /// A claim of request 1 that must find somebody at work.
    async fn expect_busy(&self, at_most: Duration, when: &str) {
        let claim = self.claim(1, LONG, Takeover::Allowed).await;
        let busy = matches!(claim, Claim::Busy { retry_in } if retry_in <= at_most);
        self.rule.hold(busy, || format!("{when}, a claim gave {claim:?} instead of busy for at most {at_most:?}"));
    }

    async fn complete(&self, lease: &Lease, record: &Record, keep: Duration) -> bool {
        let stored = self.store.complete(&self.key, lease, record.clone(), keep).await;
        self.answer(stored)
    }

    async fn renew(&self, lease: &Lease) -> bool {
        let renewed = self.store.renew(&self.key, lease).await;
        self.answer(renewed)
    }

    async fn release(&self, lease: &Lease) -> bool {
        let released = self.store.release(&self.key, lease).await;
        self.answer(released)
    }

    async fn resolve(&self, outcome: Option<Record>) -> bool {
        let resolved = self.store.resolve(&self.key, outcome).await;
        self.answer(resolved)
    }

    /// No verb may work with this lease.
    async fn refuse(&self, lease: &Lease, whose: &str) {
        let rule = self.rule;
        rule.hold(!self.renew(lease).await, || format!("{whose} renewed it"));
        let stored = self.complete(lease, &record("late"), LONG).await;
        rule.hold(!stored, || format!("{whose} stored a result"));
        rule.hold(!self.release(lease).await, || format!("{whose} released it"));
    }
}

fn fresh_key() -> Key {
    Key::new(format!("contract-{:032x}", fastrand::u128(..))).expect("41 bytes are a key")
}

fn request(body: u32) -> Fingerprint {
    Fingerprint::of(&json!({ "body": body }))
}

fn record(text: &'static str) -> Record {
    Record { content_type: "text/plain".into(), schema_version: 3, bytes: text.as_bytes().into() }
}

/// Time enough for a lease of [`LEASE`] to lapse.
async fn let_lapse() {
    tokio::time::sleep(LEASE + LEASE / 2).await;
}

#[cfg(test)]
mod tests;
