//! What runs in this process, by key: who opened a flight, who joined it, who is still there.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::task::Waker;

use orch_core::store::{Fingerprint, Key};
use orch_core::{CallContext, Error, ErrorKind};
use tokio::time::Instant;

use super::landed::Landed;
use super::seat::Seat;
use super::{IdempotencyConfig, OnAbandon};
use crate::hashed_key::ByHashedKey;
use crate::sync::{Mutex, lock};

/// Flights are found by their key and the type of their response: those of two types meet in the store only.
type Name = (TypeId, Key);

type Table = HashMap<Name, Arc<dyn Any + Send + Sync>, ByHashedKey>;

/// The flights of a layer.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<Table>);

/// A flight, and the number of a seat in it.
type Place<T> = (Arc<Flight<T>>, u64);

/// One flight: everything that the work and those who wait for it share.
#[derive(Debug)]
pub(super) struct Flight<T> {
    flights: Arc<Flights>,
    name: Name,
    fingerprint: Fingerprint,
    /// Its own: no caller's deadline, no caller's cancellation.
    context: CallContext,
    state: Mutex<State<T>>,
}

/// Nobody boards a flight that has ended, and nothing changes in it any more but who is still there.
#[derive(Debug)]
struct State<T> {
    seats: usize,
    last_seat: u64,
    waiting: BTreeMap<u64, Waker>,
    executing: bool,
    /// Another process works on the key, until then at least.
    elsewhere: Option<Instant>,
    end: Option<End<T>>,
}

#[derive(Debug)]
enum End<T> {
    Landed(Landed<T>),
    /// Everyone had gone.
    Abandoned,
}

/// How a flight looks to those who wait.
pub(super) enum View<T> {
    Flying,
    /// Another process works on the key, until then at least.
    Elsewhere(Instant),
    Landed(T),
}

impl Flights {
    /// Joins the flight of a key, or opens one on a context of its own; the one who opens it has to start the work. Either
    /// way the caller hears of it. A flight for another request is a conflict.
    pub(super) fn board<T: Send + Sync + 'static>(
        self: &Arc<Self>,
        key: &Key,
        fingerprint: Fingerprint,
        config: &IdempotencyConfig,
        caller: &CallContext,
    ) -> Result<(Seat<T>, Option<Landing<T>>), Error> {
        let name = (TypeId::of::<T>(), key.clone());
        let joined = join(&lock(&self.0), &name, fingerprint)?;
        let ((flight, number), opened) = match joined {
            Some(place) => (place, false),
            None => self.open(name, fingerprint, caller.detach(config.execution_timeout))?,
        };
        let landing = opened.then(|| Landing(Arc::clone(&flight)));
        flight.context.events().forward_to(caller.events());
        Ok((Seat::new(flight, number, config.on_abandon, caller), landing))
    }

    /// The first place in a new flight, and that it is new; unless somebody else has just opened one: that one is joined.
    fn open<T: Send + Sync + 'static>(
        self: &Arc<Self>,
        name: Name,
        fingerprint: Fingerprint,
        context: CallContext,
    ) -> Result<(Place<T>, bool), Error> {
        let (flights, state) = (Arc::clone(self), Mutex::new(State::FIRST));
        let flight = Arc::new(Flight { flights, name: name.clone(), fingerprint, context, state });
        let mut table = lock(&self.0);
        if let Some(place) = join(&table, &name, fingerprint)? {
            return Ok((place, false));
        }
        let ended = table.insert(name, Arc::clone(&flight) as Arc<dyn Any + Send + Sync>);
        drop(table);
        drop(ended);
        Ok(((flight, FIRST_SEAT), true))
    }

    /// Forgets a flight that has ended, unless another one of the same name has taken its place.
    fn remove<T: 'static>(&self, flight: &Flight<T>) {
        let mut table = lock(&self.0);
        let is_this = |other: &Arc<dyn Any + Send + Sync>| {
            other.downcast_ref().is_some_and(|other| std::ptr::eq::<Flight<T>>(other, flight))
        };
        if table.get(&flight.name).is_some_and(is_this) {
            let gone = table.remove(&flight.name);
            drop(table);
            drop(gone);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        lock(&self.0).len()
    }
}

/// A seat in the flight of this name, if there is one that has not ended.
fn join<T: Send + Sync + 'static>(
    table: &Table,
    name: &Name,
    fingerprint: Fingerprint,
) -> Result<Option<Place<T>>, Error> {
    let Some(flight) = table.get(name) else { return Ok(None) };
    let flight = Arc::clone(flight).downcast::<Flight<T>>().expect("flights are found by their response type");
    Ok(flight.join(fingerprint)?.map(|number| (flight, number)))
}

/// The seat of the caller who opened the flight.
pub(super) const FIRST_SEAT: u64 = 0;

impl<T> State<T> {
    const FIRST: Self = Self {
        seats: 1,
        last_seat: FIRST_SEAT,
        waiting: BTreeMap::new(),
        executing: false,
        elsewhere: None,
        end: None,
    };
}

impl<T> Flight<T> {
    /// A seat for one more, unless the flight has ended.
    fn join(&self, fingerprint: Fingerprint) -> Result<Option<u64>, Error> {
        let mut state = lock(&self.state);
        if state.end.is_some() {
            return Ok(None);
        }
        if self.fingerprint != fingerprint {
            return Err(conflict(self.key()));
        }
        state.seats += 1;
        state.last_seat += 1;
        Ok(Some(state.last_seat))
    }

    pub(super) fn key(&self) -> &Key {
        &self.name.1
    }

    pub(super) fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    pub(super) fn context(&self) -> &CallContext {
        &self.context
    }
}

impl<T: 'static> Flight<T> {
    /// One caller less. The last one ends what nobody has paid for yet, and everything if `on_abandon` says so.
    pub(super) fn leave(&self, seat: u64, on_abandon: OnAbandon) {
        let mut state = lock(&self.state);
        let waker = state.waiting.remove(&seat);
        state.seats -= 1;
        let abandoned =
            state.seats == 0 && state.end.is_none() && (!state.executing || on_abandon == OnAbandon::Cancel);
        if abandoned {
            state.end = Some(End::Abandoned);
        }
        drop(state);
        drop(waker);
        if abandoned {
            self.flights.remove(self);
            self.context.cancellation().cancel();
        }
    }

    /// How it stands; `waker` is told when it has landed.
    pub(super) fn look<A>(&self, seat: u64, waker: Option<&Waker>, read: impl FnOnce(&Landed<T>) -> A) -> View<A> {
        let mut state = lock(&self.state);
        if let Some(End::Landed(landed)) = &state.end {
            return View::Landed(read(landed));
        }
        if let Some(waker) = waker {
            state.waiting.entry(seat).and_modify(|known| known.clone_from(waker)).or_insert_with(|| waker.clone());
        }
        state.elsewhere.map_or(View::Flying, View::Elsewhere)
    }

    /// Ends the flight, unless it has ended, and tells everyone.
    pub(super) fn land(&self, landed: Landed<T>) {
        let mut state = lock(&self.state);
        if state.end.is_some() {
            return;
        }
        state.end = Some(End::Landed(landed));
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        // From now on callers ask the store.
        self.flights.remove(self);
        waiting.into_values().for_each(Waker::wake);
    }
}

/// The work's own end of a flight. Whatever happens, everyone is told.
#[derive(Debug)]
pub(super) struct Landing<T: 'static>(Arc<Flight<T>>);

impl<T> Landing<T> {
    pub(super) fn flight(&self) -> &Flight<T> {
        &self.0
    }

    /// The work is about to start; `false` when everyone has gone.
    pub(super) fn takes_off(&self) -> bool {
        let mut state = lock(&self.0.state);
        state.executing = state.end.is_none();
        state.elsewhere = None;
        state.executing
    }

    /// Another process works on the key.
    pub(super) fn is_elsewhere(&self, until: Instant) {
        lock(&self.0.state).elsewhere = Some(until);
    }

    /// The end.
    pub(super) fn land(self, landed: Landed<T>) {
        self.0.land(landed);
    }
}

/// The task was thrown away: the runtime shuts down, or a store panicked.
impl<T> Drop for Landing<T> {
    fn drop(&mut self) {
        if lock(&self.0.state).end.is_none() {
            let kind = if std::thread::panicking() { store_panicked() } else { ErrorKind::Cancelled };
            self.0.land(Landed::Failed(Error::new(kind)));
        }
    }
}

fn store_panicked() -> ErrorKind {
    ErrorKind::Panicked { message: "the idempotency store panicked".into() }
}

/// The key was used for another request.
pub(super) fn conflict(key: &Key) -> Error {
    Error::new(ErrorKind::Conflict { key: key.as_str().into() })
}
