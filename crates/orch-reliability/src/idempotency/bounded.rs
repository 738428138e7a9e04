//! A store of which no step takes longer than it may.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use orch_core::store::{Claim, Fingerprint, IdempotencyStore, Key, Lease, OwnerId, Record, StoreError, Takeover};
use tokio::time::{sleep, timeout};

/// The pauses before a result is offered again to a store that did not answer.
const PAUSES: [Duration; 3] = [Duration::from_millis(20), Duration::from_millis(100), Duration::from_millis(500)];

/// A store, and how long each of its steps may take.
#[derive(Clone)]
pub(super) struct Bounded {
    store: Arc<dyn IdempotencyStore>,
    limit: Duration,
}

impl Bounded {
    pub(super) fn new(store: Arc<dyn IdempotencyStore>, limit: Duration) -> Self {
        Self { store, limit }
    }

    pub(super) async fn claim(
        &self,
        key: &Key,
        fingerprint: &Fingerprint,
        owner: OwnerId,
        lease: Duration,
        takeover: Takeover,
    ) -> Result<Claim, StoreError> {
        within(self.limit, self.store.claim(key, fingerprint, owner, lease, takeover)).await
    }

    pub(super) async fn renew(&self, key: &Key, lease: &Lease) -> Result<bool, StoreError> {
        within(self.limit, self.store.renew(key, lease)).await
    }

    /// Stores a result. It was paid for, so a store that did not answer is asked again, a few times and within the limit.
    pub(super) async fn complete(
        &self,
        key: &Key,
        lease: &Lease,
        record: Record,
        keep: Duration,
    ) -> Result<bool, StoreError> {
        within(self.limit, async {
            let offer = || self.store.complete(key, lease, record.clone(), keep);
            let mut answer = offer().await;
            for pause in PAUSES {
                let Err(StoreError::Transient(_)) = answer else { break };
                sleep(pause).await;
                answer = match offer().await {
                    // Somebody else's result, or ours, whose receipt was lost: nobody knows.
                    Ok(false) => break,
                    clear => clear,
                };
            }
            answer
        })
        .await
    }

    pub(super) async fn release(&self, key: &Key, lease: &Lease) -> Result<bool, StoreError> {
        within(self.limit, self.store.release(key, lease)).await
    }

    /// The store may take all of `max`, and a step's time beyond it.
    pub(super) async fn wait(&self, key: &Key, max: Duration) -> Result<(), StoreError> {
        within(max.saturating_add(self.limit), self.store.wait(key, max)).await
    }
}

/// A timer is made only for a step that really waits.
async fn within<A>(limit: Duration, step: impl Future<Output = Result<A, StoreError>>) -> Result<A, StoreError> {
    let mut step = pin!(step);
    match poll_fn(|cx| Poll::Ready(step.as_mut().poll(cx))).await {
        Poll::Ready(answer) => answer,
        Poll::Pending => {
            let late = || StoreError::Transient(format!("it took longer than {limit:?}").into());
            timeout(limit, step).await.unwrap_or_else(|_| Err(late()))
        }
    }
}
