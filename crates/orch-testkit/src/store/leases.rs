use orch_core::store::{Claim, IdempotencyStore, Lease, OwnerId, Takeover};

use super::{LEASE, LONG, Rule, Subject, let_lapse, record};

/// When a holder stops renewing, the next one takes over, with a higher fence.
///
/// # Panics
/// When the store breaks the rule.
pub async fn lapsed_lease_is_taken_over<S: IdempotencyStore + 'static>(store: S) {
    let rule = Rule::of_stores("lapsed_lease_is_taken_over");
    let subject = Subject::new(rule, &store);
    let first = subject.claimed(LEASE).await;
    rule.hold(first.ttl == LEASE, || format!("a lease of {LEASE:?} was asked for, not of {:?}", first.ttl));
    subject.expect_busy(LEASE, "before the lease has lapsed").await;
    let_lapse().await;
    let second = subject.taken_over().await;
    rule.hold(second.fence > first.fence, || format!("the fence went from {} to {}", first.fence, second.fence));
    subject.expect_busy(LONG, "after a take-over").await;
}

/// When a holder stops renewing and its work must not be repeated, the outcome is unknown, and stays so.
///
/// # Panics
/// When the store breaks the rule.
pub async fn lapsed_lease_without_takeover_is_unknown<S: IdempotencyStore + 'static>(store: S) {
    let rule = Rule::of_stores("lapsed_lease_without_takeover_is_unknown");
    let subject = Subject::new(rule, &store);
    subject.claimed(LEASE).await;
    let early = subject.claim(1, LONG, Takeover::Never).await;
    rule.hold(matches!(early, Claim::Busy { .. }), || format!("before the lease has lapsed, a claim gave {early:?}"));
    let_lapse().await;
    let claim = subject.claim(1, LONG, Takeover::Never).await;
    rule.hold(claim == Claim::Unknown, || format!("after the lease has lapsed, a claim gave {claim:?}"));
    subject.expect(1, &Claim::Unknown, "once the outcome is unknown").await;
}

/// A holder that renews keeps its key beyond the first lease, but not for ever.
///
/// # Panics
/// When the store breaks the rule.
pub async fn renewed_lease_does_not_lapse<S: IdempotencyStore + 'static>(store: S) {
    let rule = Rule::of_stores("renewed_lease_does_not_lapse");
    let subject = Subject::new(rule, &store);
    let lease = subject.claimed(LEASE).await;
    for _ in 0..3 {
        tokio::time::sleep(LEASE / 2).await;
        rule.hold(subject.renew(&lease).await, || "a holder could not renew in time".into());
    }
    subject.expect_busy(LEASE, "after the lease was renewed").await;
    let_lapse().await;
    subject.taken_over().await;
}

/// A released key is free for any request, and is released once.
///
/// # Panics
/// When the store breaks the rule.
pub async fn release_frees_the_key<S: IdempotencyStore + 'static>(store: S) {
    let rule = Rule::of_stores("release_frees_the_key");
    let subject = Subject::new(rule, &store);
    let lease = subject.claimed(LONG).await;
    rule.hold(subject.release(&lease).await, || "the holder could not release its key".into());
    rule.hold(!subject.release(&lease).await, || "a key was released twice".into());
    let claim = subject.claim(2, LONG, Takeover::Allowed).await;
    rule.hold(matches!(claim, Claim::Claimed(_)), || format!("a released key gave {claim:?}"));
    subject.refuse(&lease, "a holder that had released the key").await;
}

/// Whoever has lost a key can neither renew, complete nor release it: every write checks owner and fence.
///
/// # Panics
/// When the store breaks the rule.
pub async fn late_writes_are_refused<S: IdempotencyStore + 'static>(store: S) {
    let rule = Rule::of_stores("late_writes_are_refused");
    let subject = Subject::new(rule, &store);
    let old = subject.claimed(LEASE).await;
    let_lapse().await;
    let holder = subject.taken_over().await;
    subject.refuse(&old, "the holder before a take-over").await;
    let forged = Lease { owner: OwnerId::fresh(), ..holder.clone() };
    subject.refuse(&forged, "another owner with the right fence").await;
    let stale = Lease { fence: old.fence, ..holder.clone() };
    subject.refuse(&stale, "the right owner with an older fence").await;
    let stored = subject.complete(&holder, &record("right"), LONG).await;
    rule.hold(stored, || "the holder could not store its result".into());
    subject.refuse(&old, "the former holder of a finished key").await;
    subject.expect(1, &Claim::Done(record("right")), "after late writes").await;
}
