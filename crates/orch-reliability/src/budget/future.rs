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
        future: TryReady<S, R>,
        #[pin]
        timer: Timer,
        account: Option<Account>,
        deadline: Option<Deadline>,
    }
}

impl<S, R> ResponseFuture<S, R>
where
    S: Service<R>,
{
    pub(super) fn new(future: TryReady<S, R>, account: Option<Account>, deadline: Option<Deadline>) -> Self {
        Self { future, timer: Timer::unset(), account, deadline }
    }
}

impl<S, R> Future for ResponseFuture<S, R>
where
    S: Service<R, Response = Output>,
    S::Error: Into<Error>,
{
    type Output = Result<Output, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(result) = this.future.poll(cx) {
            let result = result.map_err(Into::into);
            return Poll::Ready(match this.account.as_mut() {
                Some(account) => account.settle(result),
                None => result,
            });
        }
        if let Some(account) = this.account {
            account.warn();
        }
        let Some(deadline) = this.deadline else { return Poll::Pending };
        ready!(this.timer.poll_by(cx, deadline.instant()));
        Poll::Ready(Err(deadline.error(Instant::now())))
    }
}
