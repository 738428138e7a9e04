use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use orch_core::Deadline;
use orch_core::store::{Claim, Fingerprint, IdempotencyStore, Key, Lease, OwnerId, Record, StoreError, Takeover};
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
use tokio::time::Instant;

use super::finished::Finished;
use crate::hashed_key::ByHashedKey;

/// How long a result is kept that somebody resolved by hand.
const RESOLVED_KEEP: Duration = Duration::from_secs(24 * 3600);

/// The fewest claims between two looks through the table.
const SHORTEST_SWEEP: usize = 64;

/// The idempotency store of one process: what is in flight, and finished results up to a number of bytes.
///
/// Work in flight is never forgotten; of the finished results the one unused for the longest time makes room,
/// so a result may be forgotten before its time when they do not all fit. What is in doubt (a lease that ended without
/// a word, of work that must not run twice) takes room too, outside that bound, until it is
/// [resolved](IdempotencyStore::resolve) or for [7 days](Self::DOUBT_KEEP): then the key is as free as a new one, and
/// the work may run again. Nothing survives the process: for
/// tools that must not run twice whatever happens, use a store that outlives it.
///
/// ```
/// use std::time::Duration;
/// use orch_core::store::{Claim, Fingerprint, IdempotencyStore, Key, OwnerId, Takeover};
/// use orch_reliability::MemoryStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::new();
/// let (key, request) = (Key::new("order-7")?, Fingerprint::from_bytes([7; 16]));
/// let lease = Duration::from_secs(30);
/// let first = store.claim(&key, &request, OwnerId::fresh(), lease, Takeover::Allowed).await?;
/// let second = store.claim(&key, &request, OwnerId::fresh(), lease, Takeover::Allowed).await?;
/// assert!(matches!(first, Claim::Claimed(_)) && matches!(second, Claim::Busy { .. }));
/// # Ok(())
/// # }
/// ```
pub struct MemoryStore {
    open: Mutex<Open>,
    finished: Finished,
}

/// Everything that is not finished.
#[derive(Default)]
struct Open {
    flights: HashMap<Key, Flight, ByHashedKey>,
    /// The last fence given out: one for all keys, so that no life of a key repeats one.
    fence: u64,
    /// How many claims are left before the table is looked through for old doubts.
    claims_before_sweep: usize,
}

struct Flight {
    fingerprint: Fingerprint,
    holder: Holder,
    changed: Arc<Notify>,
}

enum Holder {
    Working {
        owner: OwnerId,
        fence: u64,
        until: Instant,
    },
    /// It died, and nobody knows what it did.
    Unknown {
        since: Instant,
    },
}

impl MemoryStore {
    /// The bound of [`new`](Self::new): 64 MiB.
    pub const DEFAULT_BYTES: u64 = 64 * 1024 * 1024;

    /// How long a key is in doubt at least, from the end of the lease on, unless it is resolved: 7 days.
    pub const DOUBT_KEEP: Duration = Duration::from_secs(7 * 24 * 3600);

    /// A store that keeps finished results of up to 64 MiB.
    #[must_use]
    pub fn new() -> Self {
        Self::bounded(Self::DEFAULT_BYTES)
    }

    /// A store that keeps finished results of up to so many bytes, keys and a fixed cost for each included.
    /// With 0 it keeps none, and only unites calls that happen at the same time.
    #[must_use]
    pub fn bounded(bytes: u64) -> Self {
        Self { open: Mutex::default(), finished: Finished::bounded(bytes) }
    }

    fn claim_at(
        &self,
        now: Instant,
        (key, fingerprint): (&Key, &Fingerprint),
        (owner, ttl): (OwnerId, Duration),
        takeover: Takeover,
    ) -> Claim {
        let mut open = self.lock();
        open.forget_old_doubts(key, now);
        let Open { flights, fence, .. } = &mut *open;
        let mut lease = || {
            *fence += 1;
            let holder = Holder::Working { owner, fence: *fence, until: end(now, ttl) };
            (holder, Lease { owner, fence: *fence, ttl })
        };
        match flights.entry(key.clone()) {
            Entry::Occupied(flight) if flight.get().fingerprint != *fingerprint => {
                Claim::Conflict { stored: flight.get().fingerprint }
            }
            Entry::Occupied(mut flight) => match flight.get().holder {
                Holder::Working { until, .. } if until > now => Claim::Busy { retry_in: until - now },
                Holder::Working { .. } if takeover == Takeover::Allowed => {
                    let (holder, lease) = lease();
                    flight.get_mut().set(holder);
                    Claim::TakenOver(lease)
                }
                Holder::Working { until, .. } => {
                    flight.get_mut().set(Holder::Unknown { since: until });
                    Claim::Unknown
                }
                Holder::Unknown { .. } => Claim::Unknown,
            },
            Entry::Vacant(free) => match self.finished.find(key, now) {
                Some((stored, _)) if stored != *fingerprint => Claim::Conflict { stored },
                Some((_, record)) => Claim::Done(record),
                None => {
                    let (holder, lease) = lease();
                    free.insert(Flight { fingerprint: *fingerprint, holder, changed: Arc::default() });
                    Claim::Claimed(lease)
                }
            },
        }
    }

    /// Ends a flight, if `ends` says so, with its result or without one.
    fn end_flight(&self, key: &Key, result: Option<(Record, Duration)>, ends: impl FnOnce(&Holder) -> bool) -> bool {
        let mut open = self.lock();
        let Entry::Occupied(flight) = open.flights.entry(key.clone()) else { return false };
        if !ends(&flight.get().holder) {
            return false;
        }
        // Under the same lock, so that nobody finds the key neither in flight nor finished.
        let flight = flight.remove();
        if let Some((record, keep)) = result {
            self.finished.insert(key, flight.fingerprint, record, keep, Instant::now());
        }
        flight.changed.notify_waiters();
        true
    }

    /// Tells when a flight changes, and when its lease ends at the latest.
    fn change_of(&self, key: &Key) -> Option<(OwnedNotified, Option<Instant>)> {
        let open = self.lock();
        let flight = open.flights.get(key)?;
        let until = match flight.holder {
            Holder::Working { until, .. } => Some(until),
            Holder::Unknown { .. } => None,
        };
        Some((Arc::clone(&flight.changed).notified_owned(), until))
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Drops the key if it has been in doubt for too long; all such keys after as many claims as there are keys, so that a
    /// claim costs the same however many there are.
    fn forget_old_doubts(&mut self, key: &Key, now: Instant) {
        if self.claims_before_sweep == 0 {
            self.flights.retain(|_, flight| !flight.is_forgotten(now));
            self.claims_before_sweep = self.flights.len().max(SHORTEST_SWEEP);
        } else if self.flights.get(key).is_some_and(|flight| flight.is_forgotten(now)) {
            self.flights.remove(key);
        }
        self.claims_before_sweep -= 1;
    }
}

impl Flight {
    fn is_forgotten(&self, now: Instant) -> bool {
        let (Holder::Working { until: ended, .. } | Holder::Unknown { since: ended }) = self.holder;
        now.saturating_duration_since(ended) >= MemoryStore::DOUBT_KEEP
    }

    fn set(&mut self, holder: Holder) {
        self.holder = holder;
        self.changed.notify_waiters();
    }
}

impl Holder {
    /// A lease that ended and that nobody took over is still its holder's.
    fn is(&self, lease: &Lease) -> bool {
        matches!(self, Self::Working { owner, fence, .. } if (*owner, *fence) == (lease.owner, lease.fence))
    }
}

/// Absurdly long is a century.
fn end(now: Instant, ttl: Duration) -> Instant {
    Deadline::after(now, ttl).instant()
}

#[async_trait]
impl IdempotencyStore for MemoryStore {
    async fn claim(
        &self,
        key: &Key,
        fingerprint: &Fingerprint,
        owner: OwnerId,
        lease: Duration,
        takeover: Takeover,
    ) -> Result<Claim, StoreError> {
        Ok(self.claim_at(Instant::now(), (key, fingerprint), (owner, lease), takeover))
    }

    fn recall(&self, key: &Key, fingerprint: &Fingerprint) -> Option<Record> {
        let (stored, record) = self.finished.find(key, Instant::now())?;
        (stored == *fingerprint).then_some(record)
    }

    async fn renew(&self, key: &Key, lease: &Lease) -> Result<bool, StoreError> {
        let mut open = self.lock();
        let held = open.flights.get_mut(key).filter(|flight| flight.holder.is(lease));
        let Some(flight) = held else { return Ok(false) };
        let until = end(Instant::now(), lease.ttl);
        flight.set(Holder::Working { owner: lease.owner, fence: lease.fence, until });
        Ok(true)
    }

    async fn complete(&self, key: &Key, lease: &Lease, record: Record, keep: Duration) -> Result<bool, StoreError> {
        Ok(self.end_flight(key, Some((record, keep)), |holder| holder.is(lease)))
    }

    async fn release(&self, key: &Key, lease: &Lease) -> Result<bool, StoreError> {
        Ok(self.end_flight(key, None, |holder| holder.is(lease)))
    }

    async fn resolve(&self, key: &Key, outcome: Option<Record>) -> Result<bool, StoreError> {
        let result = outcome.map(|record| (record, RESOLVED_KEEP));
        Ok(self.end_flight(key, result, |holder| matches!(holder, Holder::Unknown { .. })))
    }

    async fn wait(&self, key: &Key, max: Duration) -> Result<(), StoreError> {
        if let Some((changed, until)) = self.change_of(key) {
            let left = until.map_or(max, |until| until.saturating_duration_since(Instant::now()));
            // Out of time is as good an answer as a change.
            let _ = tokio::time::timeout(max.min(left), changed).await;
        }
        Ok(())
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("in_flight", &self.lock().flights.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
