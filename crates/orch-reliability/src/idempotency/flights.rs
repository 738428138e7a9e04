//! What runs in this process, by key: who opened a flight, who joined it, who is still there.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use orch_core::store::{Fingerprint, Key};
use orch_core::{CallContext, Deadline, Error, ErrorKind, EventSink};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{IdempotencyConfig, OnAbandon, Replay};

/// The flights of a layer. Those of two response types do not meet here, but in the store.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    flights: HashMap<(TypeId, Key), Flight>,
    last_id: u64,
}

#[derive(Debug)]
struct Flight {
    id: u64,
    fingerprint: Fingerprint,
    seats: usize,
    executing: bool,
    events: EventSink,
    cancellation: CancellationToken,
    /// A `watch::Receiver` of the phase, of the response type in the key.
    phase: Box<dyn Any + Send + Sync>,
}

/// How far a flight is.
#[derive(Debug)]
enum Phase<T> {
    Flying,
    /// Another process works on the key, until then at least.
    Elsewhere {
        until: Instant,
    },
    Landed(Landed<T>),
}

/// What a flight gave, to its first caller and to all others.
#[derive(Clone, Debug)]
pub(super) struct Landed<T> {
    pub(super) first: Result<T, Error>,
    pub(super) others: Result<T, Error>,
}

impl<T: Replay> Landed<T> {
    /// Executed for the first caller.
    pub(super) fn fresh(response: T) -> Self {
        Self { others: Ok(response.clone().mark_replayed()), first: Ok(response) }
    }

    /// Executed some time before, for nobody of those who wait.
    pub(super) fn replay(response: T) -> Self {
        let response = response.mark_replayed();
        Self { first: Ok(response.clone()), others: Ok(response) }
    }

    pub(super) fn failed(error: Error) -> Self {
        Self { first: Err(error.clone()), others: Err(error) }
    }
}

/// A flight that was just opened: it has to be started.
pub(super) struct Departure<T> {
    pub(super) landing: Landing<T>,
    /// The flight's own context.
    pub(super) context: CallContext,
}

/// Names one flight, and no later one of the same key.
#[derive(Clone, Debug)]
struct Place {
    flights: Arc<Flights>,
    key: (TypeId, Key),
    id: u64,
}

impl Flights {
    /// Joins the flight of a key, or opens one on a context of its own. Either way the caller hears of it.
    /// A flight for another request is a conflict.
    pub(super) fn board<T: Replay>(
        self: &Arc<Self>,
        key: &Key,
        fingerprint: Fingerprint,
        config: &IdempotencyConfig,
        caller: &CallContext,
    ) -> Result<(Seat<T>, Option<Departure<T>>), Error> {
        let key = (TypeId::of::<T>(), key.clone());
        let mut table = self.lock();
        if let Some(flight) = table.flights.get_mut(&key) {
            if flight.fingerprint != fingerprint {
                return Err(conflict(&key.1));
            }
            flight.seats += 1;
            flight.events.forward_to(caller.events());
            let phase: &watch::Receiver<Phase<T>> =
                flight.phase.downcast_ref().expect("flights are found by their response type");
            let (phase, id) = (phase.clone(), flight.id);
            let place = Place { flights: Arc::clone(self), key, id };
            let events = caller.events().clone();
            return Ok((Seat { place, phase, on_abandon: config.on_abandon, first: false, events }, None));
        }
        table.last_id += 1;
        let place = Place { flights: Arc::clone(self), key: key.clone(), id: table.last_id };
        let (sender, phase) = watch::channel(Phase::Flying);
        let context = caller.detach(config.execution_timeout);
        context.events().forward_to(caller.events());
        let flight = Flight {
            id: place.id,
            fingerprint,
            seats: 1,
            executing: false,
            events: context.events().clone(),
            cancellation: context.cancellation().clone(),
            phase: Box::new(phase.clone()),
        };
        table.flights.insert(key, flight);
        let events = caller.events().clone();
        let seat = Seat { place: place.clone(), phase, on_abandon: config.on_abandon, first: true, events };
        Ok((seat, Some(Departure { landing: Landing { place, phase: sender }, context })))
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        // Every change under the lock is complete before it can panic, so a poisoned table is still right.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().flights.len()
    }
}

impl Place {
    /// Changes the flight, unless it has landed or was given up.
    fn with<A>(&self, change: impl FnOnce(&mut Flight) -> A) -> Option<A> {
        let mut table = self.flights.lock();
        table.flights.get_mut(&self.key).filter(|flight| flight.id == self.id).map(change)
    }

    fn remove(&self) {
        let mut table = self.flights.lock();
        if table.flights.get(&self.key).is_some_and(|flight| flight.id == self.id) {
            table.flights.remove(&self.key);
        }
    }

    /// One caller less. The last one ends what nobody has paid for yet, and everything if `on_abandon` says so:
    /// from then on nobody can join.
    fn leave(&self, on_abandon: OnAbandon, events: &EventSink) {
        let mut table = self.flights.lock();
        let Some(flight) = table.flights.get_mut(&self.key).filter(|flight| flight.id == self.id) else { return };
        flight.events.stop_forwarding(events);
        flight.seats -= 1;
        if flight.seats == 0 && (!flight.executing || on_abandon == OnAbandon::Cancel) {
            let cancellation = flight.cancellation.clone();
            table.flights.remove(&self.key);
            drop(table);
            cancellation.cancel();
        }
    }
}

/// The flight's own end of it. Whatever happens, everyone is told.
#[derive(Debug)]
pub(super) struct Landing<T> {
    place: Place,
    phase: watch::Sender<Phase<T>>,
}

impl<T> Landing<T> {
    /// The work is about to start; `false` when everyone has gone.
    pub(super) fn takes_off(&self) -> bool {
        self.place.with(|flight| flight.executing = true).is_some()
    }

    /// Another process works on the key.
    pub(super) fn is_elsewhere(&self, until: Instant) {
        self.phase.send_replace(Phase::Elsewhere { until });
    }

    /// The end: from now on callers ask the store.
    pub(super) fn land(self, landed: Landed<T>) {
        self.tell(landed);
    }

    fn tell(&self, landed: Landed<T>) {
        self.place.remove();
        self.phase.send_replace(Phase::Landed(landed));
    }
}

/// The task was thrown away: the runtime shuts down, or a store panicked.
impl<T> Drop for Landing<T> {
    fn drop(&mut self) {
        if matches!(*self.phase.borrow(), Phase::Landed(_)) {
            return;
        }
        let error = Error::new(if std::thread::panicking() {
            ErrorKind::Panicked { message: "the idempotency store panicked".into() }
        } else {
            ErrorKind::Cancelled
        });
        self.tell(Landed { first: Err(error.clone()), others: Err(error) });
    }
}

/// A caller's place in a flight, given up when dropped.
#[derive(Debug)]
pub(super) struct Seat<T> {
    place: Place,
    phase: watch::Receiver<Phase<T>>,
    on_abandon: OnAbandon,
    first: bool,
    /// The caller's, to which the flight's events go.
    events: EventSink,
}

impl<T: Replay> Seat<T> {
    /// Waits for the landing, but no longer than the caller itself may.
    pub(super) async fn landed(&self, caller: &CallContext) -> Result<T, Error> {
        tokio::select! {
            biased;
            answer = self.answer() => answer,
            () = caller.cancellation().cancelled() => Err(Error::new(ErrorKind::Cancelled)),
            now = passed(caller.deadline()) => Err(self.out_of_time(caller, now)),
        }
    }

    async fn answer(&self) -> Result<T, Error> {
        let mut phase = self.phase.clone();
        loop {
            if let Phase::Landed(landed) = &*phase.borrow_and_update() {
                return if self.first { landed.first.clone() } else { landed.others.clone() };
            }
            if phase.changed().await.is_err() {
                return Err(Error::new(ErrorKind::Cancelled));
            }
        }
    }

    fn out_of_time(&self, caller: &CallContext, now: Instant) -> Error {
        match *self.phase.borrow() {
            Phase::Elsewhere { until } => in_progress(&self.place.key.1, until.saturating_duration_since(now)),
            Phase::Flying | Phase::Landed(_) => caller
                .deadline()
                .map_or_else(|| Error::new(ErrorKind::DeadlineExceeded), |deadline| deadline.error(now)),
        }
    }
}

impl<T> Drop for Seat<T> {
    fn drop(&mut self) {
        self.place.leave(self.on_abandon, &self.events);
    }
}

/// The key was used for another request.
pub(super) fn conflict(key: &Key) -> Error {
    Error::new(ErrorKind::Conflict { key: key.as_str().into() })
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
