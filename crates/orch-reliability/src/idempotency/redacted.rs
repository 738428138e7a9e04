use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use orch_core::store::{Claim, Fingerprint, IdempotencyStore, Key, Lease, OwnerId, Record, StoreError, Takeover};
use orch_core::{Output, Redactor};
use serde::Deserialize;
use serde_json::{Map, Value};

/// What an [`Output`] holds besides texts, in its JSON: words and numbers of ours, without which it could not be read again.
const OURS: [&str; 3] = ["usage", "limits", "replayed"];

/// A store that is given answers as they may leave the process.
///
/// A store keeps what tools answered, since the same request with the same key gets the same answer. Behind this wrapper it
/// does not: a replay gives the redacted answer, while the caller for whom it was executed has got the original. That is a
/// choice; without it the store is part of what has to be protected. Keys are passed on as they are, for others must find
/// them; requests are never stored, only their fingerprints. Answers of a type of one's own are redacted in every text, names
/// of fields included; where a redactor changes those, they cannot be read again.
///
/// ```
/// use std::borrow::Cow;
/// use std::sync::Arc;
/// use orch_core::Redact;
/// use orch_reliability::{IdempotencyLayer, MemoryStore, RedactedStore};
///
/// struct NoDigits;
///
/// impl Redact for NoDigits {
///     fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
///         text.replace(|c: char| c.is_ascii_digit(), "#").into()
///     }
/// }
/// let store = RedactedStore::new(Arc::new(MemoryStore::new()), NoDigits);
/// let layer = IdempotencyLayer::with_store(Arc::new(store));
/// # let _ = layer;
/// ```
pub struct RedactedStore {
    store: Arc<dyn IdempotencyStore>,
    redactor: Redactor,
}

impl RedactedStore {
    /// Answers go to `store` through `redactor`.
    pub fn new(store: Arc<dyn IdempotencyStore>, redactor: impl Into<Redactor>) -> Self {
        Self { store, redactor: redactor.into() }
    }

    /// What cannot be read cannot be redacted, and is not stored.
    fn redacted(&self, record: Record) -> Result<Record, StoreError> {
        let value = serde_json::from_slice(&record.bytes);
        let value = value.map_err(|error| StoreError::Fatal(format!("not redacted: {error}").into()))?;
        let value = match value {
            Value::Object(mut fields) if is_output(&fields) => {
                for (_, field) in fields.iter_mut().filter(|(name, _)| !OURS.contains(&name.as_str())) {
                    *field = self.redactor.json(field.take());
                }
                Value::Object(fields)
            }
            other => self.redactor.json(other),
        };
        Ok(Record { bytes: value.to_string().into(), ..record })
    }
}

/// Whether it is the JSON of an output and of nothing more: an answer of another type may have fields of the same names.
fn is_output(fields: &Map<String, Value>) -> bool {
    let fields = Value::Object(fields.clone());
    Output::deserialize(&fields).is_ok_and(|output| serde_json::to_value(output).is_ok_and(|back| back == fields))
}

impl std::fmt::Debug for RedactedStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedactedStore").field("redactor", &self.redactor).finish_non_exhaustive()
    }
}

#[async_trait]
impl IdempotencyStore for RedactedStore {
    async fn claim(
        &self,
        key: &Key,
        fingerprint: &Fingerprint,
        owner: OwnerId,
        lease: Duration,
        takeover: Takeover,
    ) -> Result<Claim, StoreError> {
        self.store.claim(key, fingerprint, owner, lease, takeover).await
    }

    fn recall(&self, key: &Key, fingerprint: &Fingerprint) -> Option<Record> {
        self.store.recall(key, fingerprint)
    }

    async fn renew(&self, key: &Key, lease: &Lease) -> Result<bool, StoreError> {
        self.store.renew(key, lease).await
    }

    async fn complete(&self, key: &Key, lease: &Lease, record: Record, keep: Duration) -> Result<bool, StoreError> {
        self.store.complete(key, lease, self.redacted(record)?, keep).await
    }

    async fn release(&self, key: &Key, lease: &Lease) -> Result<bool, StoreError> {
        self.store.release(key, lease).await
    }

    async fn resolve(&self, key: &Key, outcome: Option<Record>) -> Result<bool, StoreError> {
        let outcome = outcome.map(|record| self.redacted(record)).transpose()?;
        self.store.resolve(key, outcome).await
    }

    async fn wait(&self, key: &Key, max: Duration) -> Result<(), StoreError> {
        self.store.wait(key, max).await
    }
}
