//! What keeps a claim alive while its holder works.

use orch_core::CallContext;
use orch_core::store::{Key, Lease};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tracing::Instrument;

use super::bounded::Bounded;
use super::flights::Flight;
use crate::backoff::fraction;

/// Renews a lease three times as often as needed until it is dropped, in a task of its own: work that keeps its thread
/// busy keeps its lease, too. A store that fails is asked again; a lease that is lost stays lost, which the completion
/// will find out: the work is paid for and its result may still be of use.
pub(super) struct Heartbeat(JoinHandle<()>);

impl Heartbeat {
    pub(super) fn start<T>(store: Bounded, flight: &Flight<T>, lease: Lease) -> Self {
        let beats = keep(store, flight.key().clone(), lease, flight.context().clone());
        Self(tokio::spawn(beats.in_current_span()))
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn keep(store: Bounded, key: Key, lease: Lease, context: CallContext) {
    let beat = lease.ttl / 3 - fraction(lease.ttl / 30, fastrand::u64(..));
    loop {
        sleep(beat).await;
        if let Ok(false) = store.renew(&key, &lease).await {
            let key = key.to_string();
            let key = context.redactor().text(&key);
            return tracing::warn!(%key, "another process took the idempotency key over");
        }
    }
}
