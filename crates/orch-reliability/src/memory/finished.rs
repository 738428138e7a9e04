use std::time::Duration;

use moka::Expiry;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use orch_core::Deadline;
use orch_core::store::{Fingerprint, Key, Record};
use tokio::time::Instant;

use crate::hashed_key::ByHashedKey;

/// What an entry costs besides its key and its record.
const OVERHEAD: usize = 256;

/// Finished results, up to so many bytes; the one unused for the longest time goes first.
#[derive(Clone, Debug)]
pub(super) struct Finished {
    results: Cache<Key, Kept, ByHashedKey>,
}

#[derive(Clone, Debug)]
struct Kept {
    fingerprint: Fingerprint,
    record: Record,
    keep: Duration,
    /// By the runtime's clock, which alone decides; the cache's own clock only frees memory.
    until: Instant,
}

impl Finished {
    pub(super) fn bounded(bytes: u64) -> Self {
        let results = Cache::builder()
            .max_capacity(bytes)
            .weigher(weigh)
            .eviction_policy(EvictionPolicy::lru())
            .expire_after(KeepFor)
            .build_with_hasher(ByHashedKey::default());
        Self { results }
    }

    pub(super) fn insert(&self, key: &Key, fingerprint: Fingerprint, record: Record, keep: Duration, now: Instant) {
        let until = Deadline::after(now, keep).instant();
        self.results.insert(key.clone(), Kept { fingerprint, record, keep, until });
    }

    pub(super) fn find(&self, key: &Key, now: Instant) -> Option<(Fingerprint, Record)> {
        let kept = self.results.get(key)?;
        if kept.until <= now {
            self.results.invalidate(key);
            return None;
        }
        Some((kept.fingerprint, kept.record))
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> u64 {
        self.results.run_pending_tasks();
        self.results.weighted_size()
    }
}

fn weigh(key: &Key, kept: &Kept) -> u32 {
    let key = key.namespace().len() + key.as_str().len() + key.part().len();
    u32::try_from(OVERHEAD + key + kept.record.bytes.len()).unwrap_or(u32::MAX)
}

/// Each result for its own time.
struct KeepFor;

#[expect(clippy::disallowed_types, reason = "moka's signature; the moments are not looked at")]
impl Expiry<Key, Kept> for KeepFor {
    fn expire_after_create(&self, _: &Key, kept: &Kept, _: std::time::Instant) -> Option<Duration> {
        Some(kept.keep)
    }

    fn expire_after_update(
        &self,
        _: &Key,
        kept: &Kept,
        _: std::time::Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(kept.keep)
    }
}
