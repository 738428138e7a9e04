use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use orch_core::store::{Claim, Fingerprint, IdempotencyStore, Key, Lease, OwnerId, Record, StoreError, Takeover};
use orch_reliability::MemoryStore;

/// An idempotency store whose finished results outlast the process: one line of a file each, read again when it is opened.
pub(crate) struct FileStore {
    path: PathBuf,
    memory: MemoryStore,
    fingerprints: Mutex<HashMap<String, Fingerprint>>,
}

type Line = (String, Fingerprint, Record);
const HOUR: Duration = Duration::from_secs(3_600);

impl FileStore {
    pub(crate) async fn open(path: &Path) -> Self {
        let store =
            Self { path: path.to_owned(), memory: MemoryStore::new(), fingerprints: Mutex::new(HashMap::new()) };
        for line in std::fs::read_to_string(path).unwrap_or_default().lines() {
            let (key, fingerprint, record): Line = serde_json::from_str(line).unwrap();
            let key = Key::new(key).unwrap();
            let claim = store.memory.claim(&key, &fingerprint, OwnerId::fresh(), HOUR, Takeover::Allowed).await;
            let Ok(Claim::Claimed(lease)) = claim else { panic!("{claim:?}") };
            assert!(store.memory.complete(&key, &lease, record, HOUR).await.unwrap());
        }
        store
    }

    fn append(&self, key: &Key, record: &Record) {
        let fingerprint = self.fingerprints.lock().unwrap()[key.as_str()];
        let line: Line = (key.as_str().to_owned(), fingerprint, record.clone());
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path).unwrap();
        writeln!(file, "{}", serde_json::to_string(&line).unwrap()).unwrap();
    }
}

#[async_trait::async_trait]
impl IdempotencyStore for FileStore {
    async fn claim(
        &self,
        key: &Key,
        fingerprint: &Fingerprint,
        owner: OwnerId,
        lease: Duration,
        takeover: Takeover,
    ) -> Result<Claim, StoreError> {
        self.fingerprints.lock().unwrap().insert(key.as_str().to_owned(), *fingerprint);
        self.memory.claim(key, fingerprint, owner, lease, takeover).await
    }

    async fn renew(&self, key: &Key, lease: &Lease) -> Result<bool, StoreError> {
        self.memory.renew(key, lease).await
    }

    async fn complete(&self, key: &Key, lease: &Lease, record: Record, keep: Duration) -> Result<bool, StoreError> {
        self.append(key, &record);
        self.memory.complete(key, lease, record, keep).await
    }

    async fn release(&self, key: &Key, lease: &Lease) -> Result<bool, StoreError> {
        self.memory.release(key, lease).await
    }

    async fn resolve(&self, key: &Key, outcome: Option<Record>) -> Result<bool, StoreError> {
        self.memory.resolve(key, outcome).await
    }

    async fn wait(&self, key: &Key, max: Duration) -> Result<(), StoreError> {
        self.memory.wait(key, max).await
    }
}
