use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use super::sources::Snapshot;
use super::{Config, Findings};
use crate::Client;

/// A client whose configuration can be read again while it is used.
///
/// A new client takes the place of the old one at once and whole, when everything about it is right. A configuration with
/// which something is wrong changes nothing: the old client stays, [`reload`](Self::reload) says what is wrong, and
/// [`last_error`](Self::last_error) keeps saying it until a reload succeeds. Runs keep the client that they began with.
///
/// What was learnt is kept: remembered keys (unless another store is written), circuits with their health, rate limits
/// and places in flight, each as far as its settings are the same. Secrets are read again, and connections are made anew.
///
/// [Draining](Client::drain) the client of one moment waits for the runs of those before it too, and there is no way back: what
/// is read later takes no runs either.
///
/// Nothing watches the file: call `reload` on a signal, by a timer, or from an administrator's request. Share it in an
/// `Arc`.
///
/// ```
/// use orch_facade::config::{Config, ReloadingClient};
/// use orch_facade::{Client, Error, Output, Request, ToolSpec, tool_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ask = tool_fn(ToolSpec::pure("ask"), |_: Request| async { Ok::<_, Error>(Output::from("Oslo")) });
/// let config = Config::toml("[reliability]\ndeadline = 30").environment().code(Client::builder().tool(ask));
/// let reloading = ReloadingClient::open(config)?;
/// reloading.client().run("?").tool("ask").await?;
/// reloading.reload()?;                     // in an async task: tokio::task::spawn_blocking
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ReloadingClient {
    config: Config,
    current: RwLock<Snapshot>,
    /// Held while the configuration is read, so that the last one that was read is the one that stays.
    reading: Mutex<()>,
    last_error: Mutex<Option<Findings>>,
}

impl ReloadingClient {
    /// Reads a configuration. Blocks while it reads.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn open(config: Config) -> Result<Self, Findings> {
        let current = RwLock::new(config.snapshot(None)?);
        Ok(Self { config, current, reading: Mutex::default(), last_error: Mutex::default() })
    }

    /// The client that is used now; it stays as it is when the configuration is read again, so ask anew for each run.
    #[must_use]
    pub fn client(&self) -> Client {
        self.now().client
    }

    /// Reads file, environment and secrets again. Blocks while it reads; runs that begin meanwhile do not wait.
    ///
    /// # Errors
    /// Everything that is wrong; the old client stays.
    pub fn reload(&self) -> Result<(), Findings> {
        let _reading = lock(&self.reading);
        let read = self.config.snapshot(Some(&self.now()));
        let read = read.map(|new| {
            // The old one is dropped when nobody waits for its place any more.
            let old = std::mem::replace(&mut *self.current.write().unwrap_or_else(PoisonError::into_inner), new);
            drop(old);
        });
        *lock(&self.last_error) = read.as_ref().err().cloned();
        read
    }

    /// Why the last reload failed; `None` when it succeeded, or there was none.
    #[must_use]
    pub fn last_error(&self) -> Option<Findings> {
        lock(&self.last_error).clone()
    }

    /// What is read.
    pub fn config(&self) -> &Config {
        &self.config
    }

    fn now(&self) -> Snapshot {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
