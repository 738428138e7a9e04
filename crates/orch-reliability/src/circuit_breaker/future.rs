use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use orch_core::Error;
use orch_core::service::TryReady;
use pin_project_lite::pin_project;
use tower::Service;

use super::breaker::Admitted;
use super::verdict::Verdict;

pin_project! {
    /// The future of [`CircuitBreaker`](super::CircuitBreaker).
    ///
    /// # Cancellation
    /// Dropping it gives a probe's place back. It says nothing about the target, unless the call had already
    /// run for longer than [`slow_after`](super::CircuitBreakerConfig::slow_after).
    #[project = FutureProj]
    #[must_use = "futures do nothing unless polled"]
    pub enum ResponseFuture<S: Service<R>, R> {
        /// The call was let through.
        #[doc(hidden)]
        Admitted { #[pin] future: TryReady<S, R>, admitted: Admitted },
        /// It was not.
        #[doc(hidden)]
        Rejected { error: Option<Error> },
    }
}

impl<S, R> Future for ResponseFuture<S, R>
where
    S: Service<R>,
    S::Error: Into<Error>,
{
    type Output = Result<S::Response, Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            FutureProj::Admitted { future, admitted } => {
                let result = ready!(admitted.step(|| future.poll(cx))).map_err(Into::into);
                admitted.report(Verdict::of(&result));
                Poll::Ready(result)
            }
            FutureProj::Rejected { error } => {
                Poll::Ready(Err(error.take().expect("a finished future is not polled again")))
            }
        }
    }
}
