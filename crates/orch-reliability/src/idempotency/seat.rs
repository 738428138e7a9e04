//! A caller's place in a flight.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use orch_core::store::Key;
use orch_core::{AskedBy, CallContext, Deadline, Error, ErrorKind, EventSink};
use tokio::time::Instant;

use super::flights::{FIRST_SEAT, Flight, View};
use super::landed::Landed;
use super::{OnAbandon, Replay};

/// A caller's place in a flight, given up when dropped.
#[derive(Debug)]
pub(super) struct Seat<T: 'static> {
    flight: Arc<Flight<T>>,
    number: u64,
    on_abandon: OnAbandon,
    /// The caller's, to which the flight's events go.
    events: EventSink,
}

impl<T> Seat<T> {
    pub(super) fn new(flight: Arc<Flight<T>>, number: u64, on_abandon: OnAbandon, caller: &CallContext) -> Self {
        Self { flight, number, on_abandon, events: caller.events().clone() }
    }
}

impl<T: Replay> Seat<T> {
    /// Waits for the landing, but no longer than the caller itself may.
    pub(super) async fn landed(&self, caller: &CallContext) -> Result<T, Error> {
        let read = |landed: &Landed<T>| landed.answer(self.number == FIRST_SEAT);
        if let View::Landed(answer) = self.flight.look(self.number, None, read) {
            return answer;
        }
        let answer = poll_fn(|cx| match self.flight.look(self.number, Some(cx.waker()), read) {
            View::Landed(answer) => Poll::Ready(answer),
            View::Flying | View::Elsewhere(_) => Poll::Pending,
        });
        let since = Instant::now();
        let answer = tokio::select! {
            biased;
            answer = answer => answer,
            () = caller.cancellation().cancelled() => Err(Error::new(ErrorKind::Cancelled)),
            now = passed(caller.deadline()) => Err(self.out_of_time(caller, now)),
        };
        // The one who opened the flight waits for its own work.
        if self.number != FIRST_SEAT {
            caller.note_wait(AskedBy::Flight, since);
        }
        answer
    }

    fn out_of_time(&self, caller: &CallContext, now: Instant) -> Error {
        match self.flight.look(self.number, None, |_| ()) {
            View::Elsewhere(until) => in_progress(self.flight.key(), until.saturating_duration_since(now)),
            View::Flying | View::Landed(()) => caller
                .deadline()
                .map_or_else(|| Error::new(ErrorKind::DeadlineExceeded), |deadline| deadline.error(now)),
        }
    }
}

impl<T> Drop for Seat<T> {
    fn drop(&mut self) {
        self.flight.context().events().stop_forwarding(&self.events);
        self.flight.leave(self.number, self.on_abandon);
    }
}

/// Another process works on the key, for so long at least.
pub(super) fn in_progress(key: &Key, retry_after: Duration) -> Error {
    Error::new(ErrorKind::InProgress { key: key.as_str().into() }).with_retry_after(retry_after)
}

/// Ends when the deadline passes; without one, never.
pub(super) async fn passed(deadline: Option<Deadline>) -> Instant {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.instant()).await,
        None => pending().await,
    }
    Instant::now()
}
