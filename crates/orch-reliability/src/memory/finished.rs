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

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: Duration = Duration::from_secs(7);

    fn record(bytes: usize) -> Record {
        Record { content_type: "text/plain".into(), schema_version: 1, bytes: vec![0; bytes].into() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_result_weighs_its_bytes_its_names_and_a_fixed_cost() {
        let key = serde_json::json!({ "namespace": "ten", "key": "key-1", "part": "/r" });
        let key: Key = serde_json::from_value(key).unwrap();
        let finished = Finished::bounded(10_000);
        finished.insert(&key, Fingerprint::from_bytes([0; 16]), record(1_000), KEEP, Instant::now());
        assert_eq!(finished.bytes(), 256 + 3 + 5 + 2 + 1_000);
    }

    #[test]
    #[expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "moka's signature")]
    fn the_cache_frees_each_result_after_its_own_time() {
        let (key, now) = (Key::new("key").unwrap(), std::time::Instant::now());
        let kept = Kept {
            fingerprint: Fingerprint::from_bytes([0; 16]),
            record: record(1),
            keep: KEEP,
            until: Instant::from_std(now),
        };
        assert_eq!(KeepFor.expire_after_create(&key, &kept, now), Some(KEEP));
        assert_eq!(KeepFor.expire_after_update(&key, &kept, now, Some(2 * KEEP)), Some(KEEP));
    }
}
