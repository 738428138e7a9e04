use std::sync::{Mutex, MutexGuard, PoisonError};

use orch_core::wall_clock;
use tokio::sync::watch;

use super::plan::{Plan, plan};
use super::received::Received;
use super::script::Scripts;
use super::wire::{Asked, Wire};

/// How many requests are kept.
pub(super) const MAX_KEPT: usize = 10_000;

/// What a server knows: its scripts, the requests, and the counts that somebody may wait for.
#[derive(Debug)]
pub(super) struct Log {
    scripts: Mutex<Scripts>,
    requests: Mutex<Vec<Received>>,
    counts: watch::Sender<Counts>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    /// Connections so far.
    pub(super) connections: usize,
    /// Connections now.
    pub(super) open: usize,
    pub(super) requests: usize,
    /// Answers that a client did not wait for.
    pub(super) abandoned: usize,
}

impl Log {
    pub(super) fn new(scripts: Scripts) -> Self {
        Self { scripts: Mutex::new(scripts), requests: Mutex::default(), counts: watch::Sender::default() }
    }

    pub(super) fn scripts(&self) -> MutexGuard<'_, Scripts> {
        self.scripts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn requests(&self) -> MutexGuard<'_, Vec<Received>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn counts(&self) -> Counts {
        *self.counts.borrow()
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut Counts)) {
        self.counts.send_modify(change);
    }

    pub(super) async fn until(&self, done: impl FnMut(&Counts) -> bool) {
        // The sender is this log, so it cannot be gone.
        let _ = self.counts.subscribe().wait_for(done).await;
    }

    /// Notes a request and says what to do.
    pub(super) fn take(&self, mut request: Received) -> Plan {
        let answer = self.scripts().next(&request);
        let wire = Wire::at(request.route()).unwrap_or(Wire::Chat);
        let mut requests = self.requests();
        // Requests are counted while their list is locked, so that the numbers are in its order.
        request.number = self.counts().requests + 1;
        let asked = Asked::of(wire, request.number, &request.body);
        if requests.len() < MAX_KEPT {
            requests.push(request);
        }
        self.count(|counts| counts.requests += 1);
        drop(requests);
        plan(&answer, asked, wall_clock())
    }
}
