use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use orch_core::{CallContext, InFlight, Usage};
use serde::Serialize;
use tokio::time::{Instant, timeout, timeout_at};

use crate::Client;

/// How long work that was cancelled may take to let go: to book what it used and to give back what it claimed.
const LETTING_GO: Duration = Duration::from_secs(1);

/// How a client came to rest.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DrainReport {
    /// How long this call of [`Client::drain`] took.
    #[serde(rename = "elapsed_ms", with = "orch_core::serde_ms")]
    pub elapsed: Duration,
    /// The runs that were cancelled because the deadline had come, the longest one first.
    pub abandoned: Vec<Abandoned>,
}

impl DrainReport {
    /// Whether everything that was in progress ended by itself.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.abandoned.is_empty()
    }
}

/// A run that was cancelled by [`Client::drain`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Abandoned {
    /// The run's id.
    pub request_id: Arc<str>,
    /// The id that ties it to others.
    pub trace_id: Arc<str>,
    /// Its idempotency key: with it, the same request can be made again elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// The tool that it had called last; `None` if it had called none yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<Arc<str>>,
    /// How long it had been at work when it was cancelled.
    #[serde(rename = "elapsed_ms", with = "orch_core::serde_ms")]
    pub elapsed: Duration,
    /// What it had used by its end, as far as known: tokens and money that bought no answer.
    pub usage: Usage,
    /// Whether it has let go of everything. If not, it did not heed its cancellation in time: it blocks its thread, or
    /// nobody polls it; a key that it claimed is free when its lease ends.
    pub ended: bool,
}

impl Client {
    /// Brings the client to rest, before a process ends: from now on no run begins, and those in progress have until
    /// `deadline` from now to end by themselves. Those that have not are cancelled: what they used is booked, and the claims
    /// on their idempotency keys are released, so that another process need not wait for leases. Zero cancels at once.
    ///
    /// A run that is refused gets [`Draining`](orch_core::ErrorKind::Draining), of the class `LocalReject`: it was certainly
    /// not executed, is not repeated, and falls back elsewhere. So does each run of a [batch](Self::run_all) that had not
    /// begun; with a key, the same batch goes on elsewhere. What a run in progress starts anew on this client is refused too.
    ///
    /// All clones of this client come to rest, and [tools](Self::into_tool) made from it; clients that were made by
    /// [`to_builder`](Self::to_builder) are others. It can be called again, at the same time or later, with a nearer deadline
    /// say: each call waits by its own deadline, and reports all that was abandoned. There is no way back.
    ///
    /// # Cancellation
    /// Dropping the future ends the waiting: nothing is cancelled then, and new runs stay refused.
    pub async fn drain(&self, deadline: Duration) -> DrainReport {
        let (begun, in_flight) = (Instant::now(), self.in_flight());
        in_flight.close();
        if timeout(deadline, in_flight.idle()).await.is_err() {
            self.inner().cancelled.note(in_flight.cancel(), Instant::now());
            let until = Instant::now() + LETTING_GO;
            // What is still there then is reported as such.
            let _ = timeout_at(until, in_flight.idle()).await;
        }
        DrainReport { elapsed: begun.elapsed(), abandoned: self.inner().cancelled.list(in_flight) }
    }

    /// Whether it takes no new work: see [`drain`](Self::drain).
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.in_flight().is_closed()
    }
}

/// The runs that were cancelled, and how long each had been at work by then.
#[derive(Debug, Default)]
pub(crate) struct Cancelled(Mutex<Vec<(CallContext, Duration)>>);

impl Cancelled {
    /// A run may be there twice, once for its caller and once for an execution that outlives the caller.
    fn note(&self, contexts: Vec<CallContext>, now: Instant) {
        let mut runs = self.lock();
        for context in contexts {
            if !runs.iter().any(|(known, _)| known.is_same_part(&context)) {
                let elapsed = now.saturating_duration_since(context.started());
                runs.push((context, elapsed));
            }
        }
        runs.sort_by_key(|(_, elapsed)| std::cmp::Reverse(*elapsed));
    }

    fn list(&self, in_flight: &InFlight) -> Vec<Abandoned> {
        let left = in_flight.contexts();
        let has_ended = |run: &CallContext| !left.iter().any(|context| context.is_same_part(run));
        self.lock().iter().map(|(run, elapsed)| Abandoned::of(run, *elapsed, has_ended(run))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(CallContext, Duration)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Abandoned {
    fn of(run: &CallContext, elapsed: Duration, ended: bool) -> Self {
        Self {
            request_id: Arc::clone(run.request_id()),
            trace_id: Arc::clone(run.trace_id()),
            idempotency_key: run.key().map(|key| key.as_str().to_owned()),
            tool: run.last_tool(),
            elapsed,
            usage: run.meter().usage(),
            ended,
        }
    }
}
