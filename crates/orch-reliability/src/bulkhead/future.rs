use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use orch_core::service::{TryReady, try_ready};
use orch_core::{Deadline, Error, ErrorKind, HasContext, Target};
use pin_project_lite::pin_project;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::sync::PollSemaphore;
use tower::Service;

use crate::timer::Timer;

/// A turn to wait for, until `until` or the run's deadline.
#[derive(Debug)]
pub(super) struct Queue {
    semaphore: PollSemaphore,
    until: Instant,
}

impl Queue {
    pub(super) fn new(semaphore: PollSemaphore, until: Instant) -> Self {
        Self { semaphore, until }
    }

    fn poll_place(
        &mut self,
        timer: Pin<&mut Timer>,
        cx: &mut Context<'_>,
        target: &Target,
        deadline: Option<Deadline>,
    ) -> Poll<Result<OwnedSemaphorePermit, Error>> {
        if let Poll::Ready(place) = self.semaphore.poll_acquire(cx) {
            return Poll::Ready(Ok(place.expect("the semaphore is never closed")));
        }
        let deadline = deadline.filter(|deadline| deadline.instant() <= self.until);
        let until = deadline.map_or(self.until, |deadline| deadline.instant());
        ready!(timer.poll_by(cx, until));
        Poll::Ready(Err(match deadline {
            Some(deadline) => deadline.error(Instant::now()),
            None => Error::new(ErrorKind::Overloaded { target: target.clone() }),
        }))
    }
}

pin_project! {
    /// The future of [`Bulkhead`](super::Bulkhead).
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
        Waiting { inner: S, request: Option<R>, queue: Queue, #[pin] timer: Timer },
        Calling { #[pin] future: TryReady<S, R>, place: OwnedSemaphorePermit },
        Done,
    }
}

impl<S, R> ResponseFuture<S, R>
where
    S: Service<R> + Clone,
{
    pub(super) fn calling(inner: &mut S, request: R, place: OwnedSemaphorePermit) -> Self {
        Self { state: State::Calling { future: try_ready(inner, request), place } }
    }

    pub(super) fn waiting(inner: S, request: R, queue: Queue) -> Self {
        Self { state: State::Waiting { inner, request: Some(request), queue, timer: Timer::unset() } }
    }
}

impl<S, R> Future for ResponseFuture<S, R>
where
    S: Service<R> + Clone,
    S::Error: Into<Error>,
    R: HasContext,
{
    type Output = Result<S::Response, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            match state.as_mut().project() {
                StateProj::Waiting { inner, request, queue, timer } => {
                    let context = request.as_ref().expect("taken when the state changes").context();
                    let place = ready!(queue.poll_place(timer, cx, context.target(), context.deadline()))?;
                    let request = request.take().expect("checked above");
                    let future = try_ready(inner, request);
                    state.set(State::Calling { future, place });
                }
                StateProj::Calling { future, .. } => {
                    let result = ready!(future.poll(cx)).map_err(Into::into);
                    // The place is free now, not when somebody drops the future.
                    state.set(State::Done);
                    return Poll::Ready(result);
                }
                StateProj::Done => unreachable!("a finished future is not polled again"),
            }
        }
    }
}
