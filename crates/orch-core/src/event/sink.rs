use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use tokio::time::Instant;

use super::lane::Lane;
use super::{DeltaKind, Envelope, Event, Origin};
use crate::context::Identity;
use crate::{Redactor, wall_clock};

/// Where a run's events go. Clones share the listeners.
///
/// Emitting costs one atomic load when nobody listens, and never waits when somebody does.
#[derive(Clone, Default)]
pub struct EventSink(Option<Arc<Hub>>);

/// What was told is not shown.
impl fmt::Debug for EventSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSink").field("listening", &self.is_listening()).finish()
    }
}

struct Hub {
    identity: Arc<Identity>,
    redactor: Redactor,
    /// One of the constants below.
    audience: AtomicU8,
    state: Mutex<State>,
}

/// Nobody.
const NOBODY: u8 = 0;
/// Other sinks, whose listeners come and go unseen.
const SINKS: u8 = 1;
/// A stream at least.
const STREAMS: u8 = 2;

#[derive(Default)]
struct State {
    next_seq: u64,
    lanes: Vec<Arc<Mutex<Lane>>>,
    forwards: Vec<EventSink>,
    ended: bool,
    /// Room for those who are to be woken, kept so that an event needs none of its own.
    wakers: Vec<Waker>,
}

impl EventSink {
    /// Nobody listens, and nobody can.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    pub(crate) fn new(identity: Arc<Identity>, redactor: Redactor) -> Self {
        Self(Some(Arc::new(Hub { identity, redactor, audience: AtomicU8::new(NOBODY), state: Mutex::default() })))
    }

    /// Whether nobody listens, and nobody can.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// Whether somebody listens, here or at a sink that events are forwarded to.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.0.as_ref().is_some_and(|hub| hub.is_heard())
    }

    /// A stream of everything from now on; ends after the terminal event, or when every sink is gone.
    #[must_use = "dropping the stream stops listening"]
    pub fn subscribe(&self) -> EventStream {
        let lane = Arc::new(Mutex::new(Lane::default()));
        let mut hub = Weak::new();
        match &self.0 {
            Some(running) if running.add(&lane) => hub = Arc::downgrade(running),
            // Nothing follows: whoever waits is told at once.
            _ => drop(lock(&lane).close()),
        }
        EventStream { lane, hub }
    }

    /// Repeats every further event, except a terminal one, to the listeners of `other`, under that run's ids and numbers.
    pub fn forward_to(&self, other: &Self) {
        let (Some(hub), Some(target)) = (&self.0, &other.0) else { return };
        if Arc::ptr_eq(hub, target) {
            return;
        }
        let mut state = hub.lock();
        state.forwards.push(other.clone());
        hub.count(&state);
    }

    /// Takes back one [`forward_to`](Self::forward_to) to `other`; without one, nothing happens.
    pub fn stop_forwarding(&self, other: &Self) {
        let (Some(hub), Some(target)) = (&self.0, &other.0) else { return };
        let mut state = hub.lock();
        let place =
            state.forwards.iter().position(|sink| sink.0.as_ref().is_some_and(|sink| Arc::ptr_eq(sink, target)));
        if let Some(place) = place {
            state.forwards.remove(place);
            hub.count(&state);
        }
    }

    /// Emits an event with its origin; built only when somebody listens.
    pub fn emit(&self, build: impl FnOnce() -> (Origin, Event)) {
        if self.is_listening() {
            let (origin, event) = build();
            self.publish(origin, event);
        }
    }

    /// Emits a piece of an answer. One that joins a piece which the only listener has not read yet is not built at all.
    pub(crate) fn emit_delta(
        &self,
        (replicate, kind, text): (Option<u32>, DeltaKind, &str),
        origin: impl FnOnce() -> Origin,
    ) {
        if self.is_listening() && !self.join(replicate, kind, text) {
            self.publish(origin(), Event::Delta { kind, text: text.to_owned() });
        }
    }

    /// Whether the piece has joined another, and nobody else is to be told. What a redactor must see first never does.
    fn join(&self, replicate: Option<u32>, kind: DeltaKind, text: &str) -> bool {
        let Some(hub) = self.0.as_ref().filter(|hub| hub.redactor.is_none()) else { return false };
        let merged = {
            let mut state = hub.lock();
            if state.ended || !state.forwards.is_empty() {
                return false;
            }
            state.merge(replicate, kind, text)
        };
        if let Some(Some(waker)) = &merged {
            waker.wake_by_ref();
        }
        merged.is_some()
    }

    /// Copies the event only for sinks that it is repeated to, and for listeners beyond the first.
    fn publish(&self, origin: Origin, event: Event) {
        let Some(hub) = &self.0 else { return };
        let Some(event) = hub.redactor.event(event) else { return };
        let mut wakers = Vec::new();
        let repeated = {
            let mut state = hub.lock();
            if state.ended {
                return;
            }
            std::mem::swap(&mut wakers, &mut state.wakers);
            state.ended = event.is_terminal();
            let goes_on = !state.ended && !state.forwards.is_empty();
            let repeated = goes_on.then(|| (origin.clone(), event.clone(), state.forwards.clone()));
            let merged = match &event {
                Event::Delta { kind, text } => state.merge(origin.replicate, *kind, text),
                _ => None,
            };
            if let Some(waker) = merged {
                wakers.extend(waker);
            } else if !state.lanes.is_empty() {
                let envelope = hub.envelope(state.next_seq, origin, event);
                state.next_seq += 1;
                let (last, others) = state.lanes.split_last().expect("checked above");
                wakers.extend(others.iter().filter_map(|lane| lock(lane).push(envelope.clone())));
                wakers.extend(lock(last).push(envelope));
            }
            if wakers.is_empty() {
                std::mem::swap(&mut wakers, &mut state.wakers);
            }
            repeated
        };
        if !wakers.is_empty() {
            wakers.drain(..).for_each(Waker::wake);
            hub.lock().wakers = wakers;
        }
        if let Some((origin, event, forwards)) = repeated {
            for sink in forwards {
                sink.emit(|| (origin.clone(), event.clone()));
            }
        }
    }
}

impl State {
    /// A delta that joins another needs no envelope of its own; with the waker to be woken.
    fn merge(&mut self, replicate: Option<u32>, kind: DeltaKind, text: &str) -> Option<Option<Waker>> {
        let [only] = &*self.lanes else { return None };
        let waker = lock(only).merge(replicate, kind, text)?;
        self.next_seq += 1;
        Some(waker)
    }
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Notes who listens; to be done under the lock after each change.
    fn count(&self, state: &State) {
        let audience = match (state.lanes.is_empty(), state.forwards.is_empty()) {
            (false, _) => STREAMS,
            (true, false) => SINKS,
            (true, true) => NOBODY,
        };
        self.audience.store(audience, Ordering::Release);
    }

    fn is_heard(&self) -> bool {
        match self.audience.load(Ordering::Acquire) {
            NOBODY => false,
            SINKS => self.lock().forwards.iter().any(EventSink::is_listening),
            _ => true,
        }
    }

    /// Adds a listener; `false` when the run has ended.
    fn add(&self, lane: &Arc<Mutex<Lane>>) -> bool {
        let mut state = self.lock();
        if !state.ended {
            state.lanes.push(Arc::clone(lane));
            self.count(&state);
        }
        !state.ended
    }

    fn envelope(&self, seq: u64, source: Origin, event: Event) -> Envelope {
        Envelope {
            v: Envelope::VERSION,
            seq,
            at: wall_clock(),
            elapsed: Instant::now().saturating_duration_since(self.identity.started()),
            request_id: Arc::clone(self.identity.request_id()),
            trace_id: Arc::clone(self.identity.trace_id()),
            source,
            event,
        }
    }

    fn forget(&self, lane: &Arc<Mutex<Lane>>) {
        let mut state = self.lock();
        state.lanes.retain(|other| !Arc::ptr_eq(other, lane));
        self.count(&state);
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        for lane in state.lanes.drain(..) {
            let waker = lock(&lane).close();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The events of one run, for one listener. Dropping it stops listening; a slow reader slows nobody.
pub struct EventStream {
    lane: Arc<Mutex<Lane>>,
    hub: Weak<Hub>,
}

impl EventStream {
    /// The next event; `None` after the terminal one.
    ///
    /// # Cancellation
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Envelope> {
        poll_fn(|cx| lock(&self.lane).poll_next(cx)).await
    }
}

impl Stream for EventStream {
    type Item = Envelope;
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Envelope>> {
        lock(&self.lane).poll_next(cx)
    }
}

/// What has not been read is not shown.
impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").finish_non_exhaustive()
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        if let Some(hub) = self.hub.upgrade() {
            hub.forget(&self.lane);
        }
    }
}
