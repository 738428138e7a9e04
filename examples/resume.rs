//! A batch that was killed and is started again: a file keeps the answers, so that nothing is bought twice.
//!
//!     cargo run --example resume -- answers.jsonl
//!
//! Twenty questions, each of which takes a moment and costs a tenth of a cent. End it in between (kill -9 included) and start
//! it again: it says how many answers it bought and how many it had. The store is the one in memory with a file behind
//! it; a database would take its place where several processes work on one job.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream;
use orch_core::store::{Claim, Fingerprint, IdempotencyStore, Key, Lease, OwnerId, Record, StoreError, Takeover};
use orch_core::{Counted, Error, Output, Request, ToolSpec, Usage, Usd, tool_fn};
use orch_facade::{Client, IdempotencyConfig};
use orch_reliability::MemoryStore;

const DAY: Duration = Duration::from_secs(24 * 3_600);

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the result of a program")]
async fn main() -> anyhow::Result<()> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "answers.jsonl".to_owned());
    let ask = tool_fn(ToolSpec::pure("ask"), |request: Request| async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let cost = Usage::new().cost(Counted::reported(Usd::from_nanos(1_000_000)));
        Ok::<_, Error>(Output::from(format!("the answer to {}", request.input().as_json())).with_usage(cost))
    });
    let store = FileStore::open(path.into()).await?;
    let client = Client::builder()
        .tool(ask)
        .idempotency_store(Arc::new(store))
        .idempotency(IdempotencyConfig::default().ttl(DAY))
        .build()?;

    let runs: Vec<_> = (0..20_u64).map(|number| client.run(serde_json::json!(number)).tool("ask")).collect();
    let mut batch = client.run_all(stream::iter(runs)).concurrency(2).key("job-1").start()?;
    while let Some(item) = batch.next().await {
        let outcome = item.result?;
        println!("{:2} {}", item.index, if outcome.replayed() { "had it" } else { "bought" });
    }
    let done = batch.summary();
    println!("{} answers, {} of them at hand, ${:.3} spent", done.succeeded, done.replayed, done.usage.cost_usd());
    Ok(())
}

/// The store in memory, with its finished answers in a file: one line each, read again when it is opened.
struct FileStore {
    path: PathBuf,
    memory: MemoryStore,
    /// What the keys under way were asked with; it is written with their answers.
    asked: Mutex<HashMap<String, Fingerprint>>,
}

type Line = (String, Fingerprint, Record);

impl FileStore {
    async fn open(path: PathBuf) -> anyhow::Result<Self> {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let store = Self { path, memory: MemoryStore::new(), asked: Mutex::default() };
        // A process that is killed while it writes leaves half a line at the end: that answer is bought again.
        for (key, fingerprint, record) in text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()) {
            let key = Key::new(key)?;
            let claim = store.memory.claim(&key, &fingerprint, OwnerId::fresh(), DAY, Takeover::Allowed).await?;
            if let Claim::Claimed(lease) = claim {
                store.memory.complete(&key, &lease, record, DAY).await?;
            }
        }
        Ok(store)
    }

    fn append(&self, key: &Key, record: &Record) -> std::io::Result<()> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner).remove(key.as_str());
        let Some(fingerprint) = asked else { return Ok(()) };
        let line = serde_json::to_string(&(key.as_str(), fingerprint, record))?;
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        // The line end comes first, so that half a line of an earlier life spoils no other.
        file.write_all(format!("\n{line}").as_bytes())?;
        file.sync_data()
    }
}

#[async_trait]
impl IdempotencyStore for FileStore {
    async fn claim(
        &self,
        key: &Key,
        fingerprint: &Fingerprint,
        owner: OwnerId,
        lease: Duration,
        takeover: Takeover,
    ) -> Result<Claim, StoreError> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(key.as_str().to_owned(), *fingerprint);
        self.memory.claim(key, fingerprint, owner, lease, takeover).await
    }

    async fn complete(&self, key: &Key, lease: &Lease, record: Record, keep: Duration) -> Result<bool, StoreError> {
        self.append(key, &record).map_err(|error| StoreError::Fatal(error.to_string().into()))?;
        self.memory.complete(key, lease, record, keep).await
    }

    async fn renew(&self, key: &Key, lease: &Lease) -> Result<bool, StoreError> {
        self.memory.renew(key, lease).await
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
