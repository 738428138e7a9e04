use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use orch_core::service::TryReady;
use orch_core::{Deadline, Error, Output};
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower::Service;

use super::account::Account;
use crate::timer::Timer;

pin_project! {
    /// The future of [`Budgeted`](super::Budgeted).
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
        Running {
            #[pin] future: TryReady<S, R>,
            #[pin] timer: Timer,
            account: Option<Account>,
            deadline: Option<Deadline>,
        },
        Refused { error: Option<Error> },
    }
}

impl<S, R> ResponseFuture<S, R>
where
    S: Service<R>,
{
    pub(super) fn running(future: TryReady<S, R>, account: Option<Account>, deadline: Option<Deadline>) -> Self {
        Self { state: State::Running { future, timer: Timer::unset(), account, deadline } }
    }

    pub(super) fn refused(error: Error) -> Self {
        Self { state: State::Refused { error: Some(error) } }
    }
}

impl<S, R> Future for ResponseFuture<S, R>
where
    S: Service<R, Response = Output>,
    S::Error: Into<Error>,
{
    type Output = Result<Output, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::Running { future, timer, account, deadline } => {
                if let Poll::Ready(result) = future.poll(cx) {
                    let result = result.map_err(Into::into);
                    return Poll::Ready(match account {
                        Some(account) => account.settle(result),
                        None => result,
                    });
                }
                if let Some(account) = account {
                    account.warn();
                }
                let Some(deadline) = deadline else { return Poll::Pending };
                ready!(timer.poll_by(cx, deadline.instant()));
                Poll::Ready(Err(deadline.error(Instant::now())))
            }
            StateProj::Refused { error } => {
                Poll::Ready(Err(error.take().expect("a finished future is not polled again")))
            }
        }
    }
}
