use std::sync::Arc;

use orch_core::store::{Claim, IdempotencyStore, OwnerId, Takeover};
use orch_core::{CallContext, Part};

use super::{LONG, Rule, Subject, fresh_key, let_lapse, record, request};

const RIVALS: usize = 64;

/// Of 64 tasks that claim a key at the same time one gets it, and the others hear that it is busy.
///
/// # Panics
/// When the store breaks the rule.
pub async fn one_of_many_claims_wins<S: IdempotencyStore + 'static>(store: S) {
    let rule = Rule::of_stores("one_of_many_claims_wins");
    let (store, key) = (Arc::new(store), fresh_key());
    let rivals: Vec<_> = (0..RIVALS)
        .map(|_| {
            let (store, key) = (Arc::clone(&store), key.clone());
            tokio::spawn(async move { store.claim(&key, &request(1), OwnerId::fresh(), LONG, Takeover::Allowed).await })
        })
        .collect();
    let (mut won, mut busy) = (0, 0);
    for rival in rivals {
        match rival.await {
            Ok(Ok(Claim::Claimed(_))) => won += 1,
            Ok(Ok(Claim::Busy { retry_in })) if retry_in <= LONG => busy += 1,
            other => rule.broken(format!("a rival got {other:?}")),
        }
    }
    rule.hold(won == 1, || format!("{won} of {RIVALS} claims won, {busy} were told that it is busy"));
}

/// A key that was used for one request is a conflict for another, while it is worked on, after the lease has lapsed,
/// and when it is done.
///
/// # Panics
/// When the store breaks the rule.
pub async fn other_requests_conflict<S: IdempotencyStore + 'static>(store: S) {
    let subject = Subject::new(Rule::of_stores("other_requests_conflict"), &store);
    let conflict = Claim::Conflict { stored: request(1) };
    let _abandoned = subject.claimed(super::LEASE).await;
    subject.expect(2, &conflict, "while another request is worked on").await;
    let_lapse().await;
    subject.expect(2, &conflict, "after the lease of another request has lapsed").await;
    let lease = subject.taken_over().await;
    subject.complete(&lease, &record("done"), LONG).await;
    subject.expect(2, &conflict, "when another request is done").await;
    subject.expect(1, &Claim::Done(record("done")), "after conflicts").await;
}

/// The same text in another namespace, or for another part of a run, is another key.
///
/// # Panics
/// When the store breaks the rule.
pub async fn keys_are_apart<S: IdempotencyStore + 'static>(store: S) {
    let rule = Rule::of_stores("keys_are_apart");
    let key = fresh_key();
    let parts = CallContext::new().with_key(key.clone());
    let part = |n| parts.child(Part::Step(n)).key().cloned().expect("a part of a run with a key has one");
    for key in [part(1), part(2), key.clone().in_namespace("tenant"), key] {
        Subject { rule, store: &store, key }.claimed(LONG).await;
    }
}
