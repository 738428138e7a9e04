use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use orch_core::{Error, Output, Request};

/// Numbers instances and calls.
pub(super) type Id = u64;

pub(super) type Answer = Arc<dyn Fn(&Request) -> Result<Output, Error> + Send + Sync>;

/// What was done to a [`ProbeService`](super::ProbeService) and its clones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Calls that began.
    pub calls: usize,
    /// Calls that answered.
    pub completed: usize,
    /// Calls that were dropped before they answered.
    pub dropped: usize,
    /// Calls that are running.
    pub in_flight: usize,
    /// The most that ever ran at the same time.
    pub max_in_flight: usize,
    /// Polls of calls.
    pub polls: usize,
    /// Calls on an instance that was not found ready before. Must stay 0.
    pub called_unready: usize,
    /// Clones that were made.
    pub clones: usize,
    /// Instances that exist.
    pub alive: usize,
    /// Instances that were found ready and are not called yet: each holds a place that others cannot have.
    pub reserved: usize,
}

#[derive(Clone, Debug, Default)]
pub(super) enum Readiness {
    #[default]
    Ready,
    Pending,
    Broken(Error),
}

pub(super) struct State {
    pub(super) readiness: Readiness,
    pub(super) ready_after: u32,
    pub(super) answer_after: u32,
    pub(super) held: bool,
    pub(super) answer: Answer,
    pub(super) counts: Counts,
    pub(super) requests: Vec<Request>,
    pub(super) called: Vec<Id>,
    pub(super) waited: Vec<Id>,
    instances: Id,
    waiting_instances: HashMap<Id, Waker>,
    pub(super) waiting_calls: HashMap<Id, Waker>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            readiness: Readiness::Ready,
            ready_after: 0,
            answer_after: 0,
            held: false,
            answer: Arc::new(|_| Ok(Output::default())),
            counts: Counts::default(),
            requests: Vec::new(),
            called: Vec::new(),
            waited: Vec::new(),
            instances: 0,
            waiting_instances: HashMap::new(),
            waiting_calls: HashMap::new(),
        }
    }
}

impl State {
    /// A new instance.
    pub(super) fn enter(&mut self) -> Id {
        self.counts.alive += 1;
        self.instances += 1;
        self.instances - 1
    }

    pub(super) fn leave(&mut self, id: Id, reserved: bool) {
        self.counts.alive -= 1;
        self.counts.reserved -= usize::from(reserved);
        self.waiting_instances.remove(&id);
    }

    pub(super) fn poll_ready(
        &mut self,
        id: Id,
        left: &mut Option<u32>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        let left = left.get_or_insert(self.ready_after);
        match &self.readiness {
            Readiness::Broken(error) => return Poll::Ready(Err(error.clone())),
            Readiness::Ready if *left == 0 => {
                self.counts.reserved += 1;
                return Poll::Ready(Ok(()));
            }
            Readiness::Ready => {
                *left -= 1;
                cx.waker().wake_by_ref();
            }
            Readiness::Pending => {
                self.waiting_instances.insert(id, cx.waker().clone());
            }
        }
        if !self.waited.contains(&id) {
            self.waited.push(id);
        }
        Poll::Pending
    }

    /// A call begins; its number.
    pub(super) fn begin(&mut self, instance: Id, was_ready: bool, request: Request) -> Id {
        let counts = &mut self.counts;
        counts.reserved -= usize::from(was_ready);
        counts.called_unready += usize::from(!was_ready);
        counts.calls += 1;
        counts.in_flight += 1;
        counts.max_in_flight = counts.max_in_flight.max(counts.in_flight);
        self.requests.push(request);
        self.called.push(instance);
        self.called.len() as Id
    }
}

#[derive(Default)]
pub(super) struct Shared(Mutex<State>);

impl Shared {
    pub(super) fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        self.change_quietly(|state| read(state))
    }

    pub(super) fn change_quietly<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the behaviour and wakes everybody who waits, outside the lock.
    pub(super) fn change(&self, change: impl FnOnce(&mut State)) {
        let wakers: Vec<Waker> = self.change_quietly(|state| {
            change(state);
            let instances = state.waiting_instances.drain().map(|(_, waker)| waker);
            instances.chain(state.waiting_calls.drain().map(|(_, waker)| waker)).collect()
        });
        wakers.into_iter().for_each(Waker::wake);
    }
}
