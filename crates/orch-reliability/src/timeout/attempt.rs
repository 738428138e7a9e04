use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use orch_core::service::{TryReady, try_ready};
use orch_core::{Deadline, Error, HasContext, Progress};
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower::Service;

use super::expiry::{Expiry, Running};
use super::{Attempt, Timeout};
use crate::timer::Timer;

impl<S, R> Service<R> for Timeout<S, Attempt>
where
    S: Service<R> + Clone,
    S::Error: Into<Error>,
    R: HasContext,
{
    type Response = S::Response;
    type Error = Error;
    type Future = AttemptFuture<TryReady<S, R>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        let (context, started) = (request.context(), Instant::now());
        if let Err(error) = context.check(started) {
            return AttemptFuture { state: State::Refused { error: Some(error) } };
        }
        let watch =
            Watch { limits: self.limits, started, deadline: context.deadline(), progress: context.progress().clone() };
        let future = try_ready(&mut self.inner, request);
        AttemptFuture { state: State::Running { future, timer: Timer::unset(), watch } }
    }
}

/// What the future looks at while it waits.
#[derive(Debug)]
struct Watch {
    limits: Attempt,
    started: Instant,
    deadline: Option<Deadline>,
    progress: Progress,
}

impl Watch {
    fn running(&self) -> Running {
        Running {
            started: self.started,
            expects_chunks: self.progress.expects_chunks(),
            first_chunk: self.progress.first_at(),
            last_sign: self.progress.last_at(),
            deadline: self.deadline,
        }
    }

    /// Ready with the error of the limit that has passed.
    fn poll_expired(&self, mut timer: Pin<&mut Timer>, cx: &mut Context<'_>) -> Poll<Error> {
        loop {
            let (now, running) = (Instant::now(), self.running());
            let expiry = Expiry::next(&self.limits, &running);
            if expiry.at <= now {
                return Poll::Ready(expiry.error(now));
            }
            if timer.as_mut().poll_by(cx, expiry.look_again(&self.limits, &running, now)).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

pin_project! {
    /// The future of [`Timeout`] for one attempt.
    #[must_use = "futures do nothing unless polled"]
    pub struct AttemptFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F> {
        Running { #[pin] future: F, #[pin] timer: Timer, watch: Watch },
        // It was too late, or cancelled, before it began.
        Refused { error: Option<Error> },
    }
}

impl<F, T, E> Future for AttemptFuture<F>
where
    F: Future<Output = Result<T, E>>,
    E: Into<Error>,
{
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::Running { future, timer, watch } => {
                if let Poll::Ready(result) = future.poll(cx) {
                    return Poll::Ready(result.map_err(Into::into));
                }
                watch.poll_expired(timer, cx).map(Err)
            }
            StateProj::Refused { error } => {
                Poll::Ready(Err(error.take().expect("a finished future is not polled again")))
            }
        }
    }
}
