use orch_core::store::{Claim, IdempotencyStore, Takeover};

use super::{LEASE, LONG, Rule, Subject, let_lapse, record};

/// A stored result is what every later claim of the same request gets, byte for byte.
///
/// # Panics
/// When the store breaks the rule.
pub async fn finished_result_is_replayed<S: IdempotencyStore + 'static>(store: S) {
    let rule = Rule::of_stores("finished_result_is_replayed");
    let subject = Subject::new(rule, &store);
    let lease = subject.claimed(LONG).await;
    rule.hold(subject.complete(&lease, &record("α\0"), LONG).await, || "the holder could not store its result".into());
    let done = Claim::Done(record("α\0"));
    subject.expect(1, &done, "once it is done").await;
    let strict = subject.claim(1, LONG, Takeover::Never).await;
    rule.hold(strict == done, || format!("a claim without take-over gave {strict:?}"));
    let again = subject.complete(&lease, &record("other"), LONG).await;
    rule.hold(!again, || "a result was stored over a finished one".into());
    subject.expect(1, &done, "after a second result").await;
}

/// A result is kept for its time from completion on, then the key is free for any request.
///
/// # Panics
/// When the store breaks the rule.
pub async fn result_expires<S: IdempotencyStore + 'static>(store: S) {
    let rule = Rule::of_stores("result_expires");
    let subject = Subject::new(rule, &store);
    let lease = subject.claimed(LONG).await;
    tokio::time::sleep(LEASE).await;
    subject.complete(&lease, &record("short"), LEASE).await;
    tokio::time::sleep(LEASE / 2).await;
    subject.expect(1, &Claim::Done(record("short")), "before it has expired").await;
    let_lapse().await;
    let claim = subject.claim(2, LONG, Takeover::Allowed).await;
    rule.hold(matches!(claim, Claim::Claimed(_)), || format!("after it had expired, a claim gave {claim:?}"));
}

/// Only an unknown outcome can be resolved: with a result, which is replayed from then on, or with none, which frees the key.
///
/// # Panics
/// When the store breaks the rule.
pub async fn unknown_outcome_is_resolved<S: IdempotencyStore + 'static>(store: S) {
    let rule = Rule::of_stores("unknown_outcome_is_resolved");
    for outcome in [Some(record("found out")), None] {
        let subject = Subject::new(rule, &store);
        let refused = |resolved: bool, what: &str| rule.hold(!resolved, || format!("{what} was resolved"));
        refused(subject.resolve(outcome.clone()).await, "a key that nobody has claimed");
        subject.claimed(LEASE).await;
        refused(subject.resolve(outcome.clone()).await, "a key that is worked on");
        let_lapse().await;
        let claim = subject.claim(1, LONG, Takeover::Never).await;
        rule.hold(claim == Claim::Unknown, || format!("a lapsed lease without take-over gave {claim:?}"));
        rule.hold(subject.resolve(outcome.clone()).await, || "an unknown outcome could not be resolved".into());
        refused(subject.resolve(outcome.clone()).await, "a key that was resolved before");
        match outcome {
            Some(found) => subject.expect(1, &Claim::Done(found), "once it is resolved").await,
            None => {
                subject.claimed(LONG).await;
            }
        }
    }
}
