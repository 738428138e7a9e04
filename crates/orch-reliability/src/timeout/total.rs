use std::pin::Pin;
use std::task::{Context, Poll};

use orch_core::service::{TryReady, try_ready};
use orch_core::{Cancellation, Deadline, Error, ErrorKind, HasContext};
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tower::Service;

use super::future::Watch;
use super::{ResponseFuture, Timeout, Total};
use crate::timer::Timer;

impl<S, R> Service<R> for Timeout<S, Total>
where
    S: Service<R> + Clone,
    S::Error: Into<Error>,
    R: HasContext,
{
    type Response = S::Response;
    type Error = Error;
    type Future = ResponseFuture<TryReady<S, R>, TotalWatch>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, mut request: R) -> Self::Future {
        let now = Instant::now();
        let context = request.context_mut();
        context.limit_deadline(Deadline::after(now, self.limits.total));
        if let Err(error) = context.check(now) {
            return ResponseFuture::refused(error);
        }
        let deadline = context.deadline().expect("limited above");
        let cancellation = context.shared_cancellation();
        let watch = TotalWatch { timer: Timer::unset(), cancelled: None, cancellation, deadline };
        ResponseFuture::running(try_ready(&mut self.inner, request), watch)
    }
}

pin_project! {
    /// What a whole run is watched by: its deadline, and its cancellation.
    #[derive(Debug)]
    pub struct TotalWatch {
        #[pin]
        timer: Timer,
        // Made when the call waits.
        #[pin]
        cancelled: Option<WaitForCancellationFutureOwned>,
        cancellation: Cancellation,
        deadline: Deadline,
    }
}

impl Watch for TotalWatch {
    fn poll_over(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Error> {
        let mut this = self.project();
        if this.cancelled.is_none() {
            this.cancelled.set(Some(this.cancellation.token().clone().cancelled_owned()));
        }
        if this.cancelled.as_pin_mut().expect("set above").poll(cx).is_ready() {
            return Poll::Ready(Error::new(ErrorKind::Cancelled));
        }
        this.timer.poll_by(cx, this.deadline.instant()).map(|()| this.deadline.error(Instant::now()))
    }
}
