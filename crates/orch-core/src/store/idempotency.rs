use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Fingerprint;
use crate::Error;

/// What a stored result is found by: a namespace, the caller's key, and the part of the run.
///
/// The tool is not part of it: the layer stands outside the planner. Cheap to clone, to compare and to hash.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Named", into = "Named")]
pub struct Key(Arc<Hashed>);

#[derive(Debug)]
struct Hashed {
    /// Of all three names, under a secret of this process.
    hash: u64,
    named: Named,
}

/// A key as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Named {
    namespace: Arc<str>,
    key: Arc<str>,
    part: Arc<str>,
}

impl From<Named> for Key {
    fn from(named: Named) -> Self {
        static SECRET: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        Self(Arc::new(Hashed { hash: SECRET.hash_one(&named), named }))
    }
}

impl From<Key> for Named {
    fn from(key: Key) -> Self {
        key.0.named.clone()
    }
}

impl Key {
    /// The longest key, in bytes.
    pub const MAX_BYTES: usize = 255;

    /// A caller's key in the default namespace, for a whole run.
    ///
    /// # Errors
    /// `InvalidRequest` when the key is empty or longer than [`MAX_BYTES`](Self::MAX_BYTES).
    pub fn new(key: impl Into<Arc<str>>) -> Result<Self, Error> {
        let key = key.into();
        if key.is_empty() || key.len() > Self::MAX_BYTES {
            let reason = format!("{} bytes: an idempotency key has 1 to {}", key.len(), Self::MAX_BYTES);
            return Err(Error::invalid("/idempotency_key", reason));
        }
        Ok(Named { namespace: "".into(), key, part: "".into() }.into())
    }

    /// The same key in another namespace, so that tenants cannot meet.
    #[must_use]
    pub fn in_namespace(self, namespace: impl Into<Arc<str>>) -> Self {
        Named { namespace: namespace.into(), ..self.into() }.into()
    }

    /// The same key for a part of the run, such as `/r2`.
    #[must_use]
    pub(crate) fn for_part(&self, part: &Arc<str>) -> Self {
        Named { part: Arc::clone(part), ..self.0.named.clone() }.into()
    }

    /// The namespace; empty by default.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.0.named.namespace
    }

    /// The caller's key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.named.key
    }

    /// The part of the run; empty for the whole.
    #[must_use]
    pub fn part(&self) -> &str {
        &self.0.named.part
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || (self.0.hash == other.0.hash && self.0.named == other.0.named)
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.namespace().is_empty() {
            write!(f, "{}:", self.namespace())?;
        }
        write!(f, "{}{}", self.as_str(), self.part())
    }
}

/// Who holds a claim: one per process and claim, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OwnerId(pub u128);

impl OwnerId {
    /// A fresh owner.
    #[must_use]
    pub fn fresh() -> Self {
        Self(fastrand::u128(1..))
    }
}

/// The right to work on a key for a while. Every write checks owner **and** fence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Who holds it.
    pub owner: OwnerId,
    /// Grows with every claim of the key, so that a late writer is recognised.
    pub fence: u64,
    /// How long it is held unless renewed.
    #[serde(rename = "ttl_ms", with = "crate::serde_ms")]
    pub ttl: Duration,
}

/// Whether the work of a holder that stopped renewing may be started again by somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takeover {
    /// It may: the effect is harmless when repeated.
    Allowed,
    /// It may not: the record becomes [`Claim::Unknown`] until it is resolved.
    Never,
}

/// A stored result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What the bytes are, such as `application/json`.
    pub content_type: Arc<str>,
    /// The version of their shape.
    pub schema_version: u32,
    /// The result.
    pub bytes: Bytes,
}

/// The answer to a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The key was free: do the work.
    Claimed(Lease),
    /// The former holder stopped renewing: do the work again.
    TakenOver(Lease),
    /// The work was done before: here is its result.
    Done(Record),
    /// Somebody works on it: ask again after this time at the latest.
    Busy {
        /// When its lease ends unless renewed.
        retry_in: Duration,
    },
    /// The key was used for another request.
    Conflict {
        /// That request.
        stored: Fingerprint,
    },
    /// The former holder died, and its work must not be repeated unasked.
    Unknown,
}

/// A store's failure.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It may work when tried again.
    #[error("the store did not answer: {0}")]
    Transient(Arc<str>),
    /// It will not.
    #[error("the store failed: {0}")]
    Fatal(Arc<str>),
}

/// Remembers which requests are in progress and what finished ones gave.
#[async_trait]
pub trait IdempotencyStore: Send + Sync {
    /// Asks for the right to work on `key`, or for what is known about it.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn claim(
        &self,
        key: &Key,
        fingerprint: &Fingerprint,
        owner: OwnerId,
        lease: Duration,
        takeover: Takeover,
    ) -> Result<Claim, StoreError>;

    /// The finished result of `key`, if it is at hand without waiting and [`claim`](Self::claim) would now answer with
    /// [`Claim::Done`] of it. A store that has to ask somebody answers `None`, as by default: then it is claimed.
    fn recall(&self, _key: &Key, _fingerprint: &Fingerprint) -> Option<Record> {
        None
    }

    /// Extends a lease by its `ttl` from now; `false` when it is lost.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn renew(&self, key: &Key, lease: &Lease) -> Result<bool, StoreError>;

    /// Stores the result for `keep` from now; `false` when the lease was lost: somebody else's result stands.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn complete(&self, key: &Key, lease: &Lease, record: Record, keep: Duration) -> Result<bool, StoreError>;

    /// Gives the key free after a failure that is not stored; `false` when the lease was lost.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn release(&self, key: &Key, lease: &Lease) -> Result<bool, StoreError>;

    /// Settles a [`Claim::Unknown`]: with the result, or with `None` to give the key free. `false` when it is not unknown.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn resolve(&self, key: &Key, outcome: Option<Record>) -> Result<bool, StoreError>;

    /// Returns when the record of `key` may have changed, at the latest after `max`.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn wait(&self, key: &Key, max: Duration) -> Result<(), StoreError>;
}
