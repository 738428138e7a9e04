use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use orch_core::{Error, Output, Request};

use super::state::{Id, Shared};

/// A running call of a [`ProbeService`](super::ProbeService).
#[must_use = "futures do nothing unless polled"]
pub struct ProbeFuture<E = Error> {
    shared: Arc<Shared>,
    id: Id,
    request: Request,
    /// How often it still waits.
    left: u32,
    running: bool,
    error: PhantomData<fn() -> E>,
}

impl<E> ProbeFuture<E> {
    pub(super) fn start(shared: &Arc<Shared>, instance: Id, was_ready: bool, request: Request) -> Self {
        let (id, left) =
            shared.change_quietly(|state| (state.begin(instance, was_ready, request.clone()), state.answer_after));
        Self { shared: Arc::clone(shared), id, request, left, running: true, error: PhantomData }
    }
}

impl<E: From<Error>> Future for ProbeFuture<E> {
    type Output = Result<Output, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        assert!(this.running, "a call of the probe was polled after it had answered");
        let answer = this.shared.change_quietly(|state| {
            state.counts.polls += 1;
            if state.held {
                state.waiting_calls.insert(this.id, cx.waker().clone());
                return None;
            }
            if this.left > 0 {
                this.left -= 1;
                cx.waker().wake_by_ref();
                return None;
            }
            state.counts.in_flight -= 1;
            state.counts.completed += 1;
            Some(Arc::clone(&state.answer))
        });
        let Some(answer) = answer else { return Poll::Pending };
        this.running = false;
        Poll::Ready(answer(&this.request).map_err(E::from))
    }
}

impl<E> Drop for ProbeFuture<E> {
    fn drop(&mut self) {
        if self.running {
            self.shared.change_quietly(|state| {
                state.counts.in_flight -= 1;
                state.counts.dropped += 1;
                state.waiting_calls.remove(&self.id);
            });
        }
    }
}
