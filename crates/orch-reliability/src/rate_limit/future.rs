use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use orch_core::service::{TryReady, try_ready};
use orch_core::{CallContext, Error, HasContext, LimitHint, Output};
use pin_project_lite::pin_project;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::sync::PollSemaphore;
use tower::Service;

use super::gate::{Gate, Ticket};
use super::layer::limited;
use crate::timer::Timer;

/// A request in the line, until `until` at the latest.
#[derive(Debug)]
pub(super) struct Queued {
    // Before the ticket, so that it is given back first.
    turn: Option<OwnedSemaphorePermit>,
    turns: PollSemaphore,
    ticket: Ticket,
    until: Instant,
}

impl Queued {
    pub(super) fn new(ticket: Ticket, until: Instant) -> Self {
        Self { turn: None, turns: PollSemaphore::new(ticket.gate().turn()), ticket, until }
    }

    fn poll_leave(
        &mut self,
        mut timer: Pin<&mut Timer>,
        cx: &mut Context<'_>,
        context: &CallContext,
    ) -> Poll<Result<(), Error>> {
        if self.turn.is_none() {
            match self.turns.poll_acquire(cx) {
                Poll::Ready(turn) => self.turn = turn,
                Poll::Pending => {
                    ready!(timer.poll_by(cx, self.until));
                    return Poll::Ready(Err(self.too_late(context)));
                }
            }
        }
        loop {
            let Err(at) = self.ticket.gate().ask(Instant::now()) else {
                return Poll::Ready(Ok(()));
            };
            // The provider has lowered the rate meanwhile.
            if at > self.until {
                return Poll::Ready(Err(self.too_late(context)));
            }
            ready!(timer.as_mut().poll_by(cx, at));
        }
    }

    fn too_late(&self, context: &CallContext) -> Error {
        let now = Instant::now();
        match context.deadline() {
            Some(deadline) if deadline.instant() <= now => deadline.error(now),
            _ => limited(context.target(), self.ticket.wait(now)),
        }
    }
}

pin_project! {
    /// The future of [`RateLimit`](super::RateLimit).
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, R>
    where
        S: Service<R>,
    {
        #[pin]
        state: State<S, R>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, R>
    where
        S: Service<R>,
    {
        Waiting { inner: S, request: Option<R>, queued: Queued, #[pin] timer: Timer },
        Calling { #[pin] future: TryReady<S, R>, gate: Option<Arc<Gate>> },
        Rejected { error: Option<Error> },
    }
}

impl<S, R> ResponseFuture<S, R>
where
    S: Service<R> + Clone,
{
    pub(super) fn calling(inner: &mut S, request: R, gate: Option<Arc<Gate>>) -> Self {
        Self { state: State::Calling { future: try_ready(inner, request), gate } }
    }

    pub(super) fn waiting(inner: S, request: R, queued: Queued) -> Self {
        Self { state: State::Waiting { inner, request: Some(request), queued, timer: Timer::unset() } }
    }

    pub(super) fn rejected(error: Error) -> Self {
        Self { state: State::Rejected { error: Some(error) } }
    }
}

impl<S, R> Future for ResponseFuture<S, R>
where
    S: Service<R> + Clone,
    S::Response: 'static,
    S::Error: Into<Error>,
    R: HasContext,
{
    type Output = Result<S::Response, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            match state.as_mut().project() {
                StateProj::Waiting { inner, request, queued, timer } => {
                    let context = request.as_ref().expect("taken when the state changes").context();
                    ready!(queued.poll_leave(timer, cx, context))?;
                    let request = request.take().expect("checked above");
                    let (future, gate) = (try_ready(inner, request), Some(Arc::clone(queued.ticket.gate())));
                    // Leaves the line, and the turn to the next.
                    state.set(State::Calling { future, gate });
                }
                StateProj::Calling { future, gate } => {
                    let result = ready!(future.poll(cx)).map_err(Into::into);
                    if let Some(gate) = gate
                        && let Some(hint) = hint(&result)
                    {
                        gate.note(hint);
                    }
                    return Poll::Ready(result);
                }
                StateProj::Rejected { error } => {
                    return Poll::Ready(Err(error.take().expect("a finished future is not polled again")));
                }
            }
        }
    }
}

/// What the provider said of its limits. Of answers, only an [`Output`] can tell.
fn hint<T: 'static>(result: &Result<T, Error>) -> Option<LimitHint> {
    match result {
        Ok(response) => (response as &dyn Any).downcast_ref().and_then(Output::limits),
        Err(error) => error.limits(),
    }
}
