use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use orch_core::{Envelope, Error, ErrorKind, EventStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::Outcome;

/// A run in progress, as a stream of its events; the last one is terminal. Dropping it cancels the run.
#[derive(Debug)]
pub struct RunEvents {
    stream: EventStream,
    task: Task,
    cancellation: CancellationToken,
}

/// Ends the run's task when its listener goes.
#[derive(Debug)]
struct Task(JoinHandle<Result<Outcome, Error>>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl RunEvents {
    pub(crate) fn new(
        stream: EventStream,
        task: JoinHandle<Result<Outcome, Error>>,
        cancellation: CancellationToken,
    ) -> Self {
        Self { stream, task: Task(task), cancellation }
    }

    /// The next event; `None` after the terminal one.
    ///
    /// # Cancellation
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Envelope> {
        self.stream.next().await
    }

    /// A token that cancels the run; its terminal event is then `cancelled`.
    #[must_use]
    pub fn cancellation(&self) -> CancellationToken {
        self.cancellation.clone()
    }

    /// How the run ended; waits for it. Events that were not read are dropped.
    ///
    /// # Errors
    /// What the run failed with.
    pub async fn outcome(mut self) -> Result<Outcome, Error> {
        match (&mut self.task.0).await {
            Ok(result) => result,
            Err(join) if join.is_panic() => Err(Error::new(ErrorKind::Panicked { message: join.to_string().into() })),
            Err(_) => Err(Error::new(ErrorKind::Cancelled)),
        }
    }
}

impl Stream for RunEvents {
    type Item = Envelope;
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Envelope>> {
        Pin::new(&mut self.stream).poll_next(cx)
    }
}
