use std::time::Duration;

use orch_core::store::IdempotencyStore;
use tokio::time::Instant;

use super::{LEASE, LONG, Rule, Subject, record};

/// `wait` ends after its time at the latest, whatever the key is.
///
/// # Panics
/// When the store breaks the rule.
pub async fn wait_is_bounded<S: IdempotencyStore + 'static>(store: S) {
    let rule = Rule::of_stores("wait_is_bounded");
    let subject = Subject::new(rule, &store);
    bounded(&subject, "free").await;
    let lease = subject.claimed(LONG).await;
    bounded(&subject, "worked on").await;
    subject.complete(&lease, &record("done"), LONG).await;
    bounded(&subject, "done").await;
}

async fn bounded<S: IdempotencyStore>(subject: &Subject<'_, S>, state: &str) {
    // A second on top for stores behind a network.
    let most = LEASE + Duration::from_secs(1);
    let waited = tokio::time::timeout(most, subject.store.wait(&subject.key, LEASE)).await;
    match waited {
        Ok(answer) => subject.answer(answer),
        Err(_) => subject.rule.broken(format!("a wait of {LEASE:?} for a key that is {state} took more than {most:?}")),
    }
}

/// `wait` ends as soon as the key is completed or released. For stores that can push.
///
/// # Panics
/// When the store breaks the rule.
pub async fn wait_ends_when_completed<S: IdempotencyStore + 'static>(store: S) {
    let rule = Rule::of_stores("wait_ends_when_completed");
    for ending in ["completed", "released"] {
        let subject = Subject::new(rule, &store);
        let lease = subject.claimed(LONG).await;
        let start = Instant::now();
        let work = async {
            tokio::time::sleep(LEASE).await;
            match ending {
                "completed" => subject.complete(&lease, &record("done"), LONG).await,
                _ => subject.release(&lease).await,
            }
        };
        let (waited, ended) = tokio::join!(subject.store.wait(&subject.key, LONG), work);
        subject.answer(waited);
        rule.hold(ended, || format!("the key could not be {ending}"));
        let elapsed = start.elapsed();
        rule.hold(elapsed >= LEASE, || format!("a wait ended after {elapsed:?}, before the key was {ending}"));
        rule.hold(elapsed < LONG, || format!("a wait did not end when the key was {ending}"));
    }
}
