use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use orch_core::service::{TryReady, try_ready};
use orch_core::{Deadline, Error, ErrorKind, HasContext};
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tower::Service;

use super::{Timeout, Total};
use crate::timer::Timer;

impl<S, R> Service<R> for Timeout<S, Total>
where
    S: Service<R> + Clone,
    S::Error: Into<Error>,
    R: HasContext,
{
    type Response = S::Response;
    type Error = Error;
    type Future = TotalFuture<TryReady<S, R>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: R) -> Self::Future {
        let now = Instant::now();
        let context = request.context_mut();
        context.limit_deadline(Deadline::after(now, self.limits.total));
        if let Err(error) = context.check(now) {
            return TotalFuture { state: State::Refused { error: Some(error) } };
        }
        let deadline = context.deadline().expect("limited above");
        let token = context.cancellation().clone();
        let future = try_ready(&mut self.inner, request);
        let state = State::Running { future, timer: Timer::unset(), cancelled: None, token, deadline };
        TotalFuture { state }
    }
}

pin_project! {
    /// The future of [`Timeout`] for a whole run.
    #[must_use = "futures do nothing unless polled"]
    pub struct TotalFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F> {
        Running {
            #[pin] future: F,
            #[pin] timer: Timer,
            #[pin] cancelled: Option<WaitForCancellationFutureOwned>,
            token: CancellationToken,
            deadline: Deadline,
        },
        // It was too late, or cancelled, before it began.
        Refused { error: Option<Error> },
    }
}

impl<F, T, E> Future for TotalFuture<F>
where
    F: Future<Output = Result<T, E>>,
    E: Into<Error>,
{
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::Running { future, timer, mut cancelled, token, deadline } => {
                if let Poll::Ready(result) = future.poll(cx) {
                    return Poll::Ready(result.map_err(Into::into));
                }
                if cancelled.is_none() {
                    cancelled.set(Some(token.clone().cancelled_owned()));
                }
                if cancelled.as_pin_mut().expect("set above").poll(cx).is_ready() {
                    return Poll::Ready(Err(Error::new(ErrorKind::Cancelled)));
                }
                timer.poll_by(cx, deadline.instant()).map(|()| Err(deadline.error(Instant::now())))
            }
            StateProj::Refused { error } => {
                Poll::Ready(Err(error.take().expect("a finished future is not polled again")))
            }
        }
    }
}
