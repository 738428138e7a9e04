use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use super::answer::Answer;
use super::connection::Connection;
use super::log::Log;
use super::received::Received;
use super::script::Scripts;

/// How many connections are served at the same time; others wait to be accepted.
const MAX_OPEN: usize = 256;

/// A server on `127.0.0.1` that answers by a script; see the [module](crate::fault_server) for an example.
///
/// Requests to the paths of a [`Wire`](super::Wire) take the next answer of the script, one script for all of them;
/// a path with a script of its own ([`on`](Self::on)) takes the next of that. When a script is over its last answer
/// is repeated; an empty one answers 501, and an unknown path 404.
///
/// It runs on the tokio runtime that it was made in, needs its I/O and its clock, and reads at most 64 KiB of a
/// request's head and 32 MiB of its body, on at most 256 connections at a time. With a client that blocks its thread
/// use a runtime with several threads. Under paused time its waits take no time, and neither do the client's
/// timeouts, so a timeout may then win against an answer that is on its way.
///
/// Dropping it stops it and closes all connections.
#[derive(Debug)]
#[must_use = "dropping it stops it"]
pub struct FaultServer {
    address: SocketAddr,
    log: Arc<Log>,
    task: JoinHandle<()>,
}

impl FaultServer {
    /// Starts a server that answers each request by the next of these: an [`Answer`] or a
    /// [`Failure`](super::Failure).
    ///
    /// # Panics
    /// When no port of the loopback address is free, and outside of a tokio runtime.
    pub fn script<A: Into<Answer>>(answers: impl IntoIterator<Item = A>) -> Self {
        let listener = listen().expect("a server needs a free port and a tokio runtime with I/O");
        let address = listener.local_addr().expect("a bound socket has an address");
        let log = Arc::new(Log::new(Scripts::new(collected(answers))));
        let task = tokio::spawn(accept(listener, Arc::clone(&log)));
        Self { address, log, task }
    }

    /// Gives a path, without query, a script of its own in place of the one that it had.
    pub fn on<A: Into<Answer>>(self, path: impl Into<String>, answers: impl IntoIterator<Item = A>) -> Self {
        self.log.scripts().set(path.into(), collected(answers));
        self
    }

    /// Adds an answer to the script; the last one so far is not repeated any more.
    pub fn then(&self, answer: impl Into<Answer>) {
        self.log.scripts().add(answer.into());
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL, without a path: `http://127.0.0.1:40123`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far, in the order in which they came; the first 10,000 are kept.
    #[must_use]
    pub fn requests(&self) -> Vec<Received> {
        self.log.requests().clone()
    }

    /// How many requests have come.
    #[must_use]
    pub fn request_count(&self) -> usize {
        self.log.counts().requests
    }

    /// How many connections were accepted.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.log.counts().connections
    }

    /// How many connections are open now.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.log.counts().open
    }

    /// How many answers a client left before they were whole. The server notices it while it waits or writes, and
    /// does not count answers that it cut itself.
    #[must_use]
    pub fn abandoned(&self) -> usize {
        self.log.counts().abandoned
    }

    /// Waits until so many requests have come.
    pub async fn until_requests(&self, count: usize) {
        self.log.until(|counts| counts.requests >= count).await;
    }

    /// Waits until clients have left so many answers before they were whole: what cancelling a call should do.
    pub async fn until_abandoned(&self, count: usize) {
        self.log.until(|counts| counts.abandoned >= count).await;
    }

    /// Waits until no connection is open.
    pub async fn until_closed(&self) {
        self.log.until(|counts| counts.open == 0).await;
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn collected<A: Into<Answer>>(answers: impl IntoIterator<Item = A>) -> Vec<Answer> {
    answers.into_iter().map(Into::into).collect()
}

fn listen() -> std::io::Result<TcpListener> {
    let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// Ends with its task, and all connections with it.
async fn accept(listener: TcpListener, log: Arc<Log>) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept(), if open.len() < MAX_OPEN => {
                open.spawn(Connection::new(stream, Arc::clone(&log)).serve());
            }
            Some(_) = open.join_next() => {}
            // Accepting failed, as it does when too many files are open: others may work on.
            else => tokio::task::yield_now().await,
        }
    }
}
