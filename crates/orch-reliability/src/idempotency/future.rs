use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use orch_core::Error;
use orch_core::service::TryReady;
use pin_project_lite::pin_project;
use tower::Service;

pin_project! {
    /// The future of [`Idempotency`](super::Idempotency).
    ///
    /// # Cancellation
    /// Dropping it ends this caller's wait. The work goes on for the others; when nobody is left, it goes on or
    /// ends as [`OnAbandon`](super::OnAbandon) says, unless it had not started: then it never does.
    #[project = FutureProj]
    #[must_use = "futures do nothing unless polled"]
    pub enum ResponseFuture<S: Service<R>, R> {
        /// The request has no key.
        #[doc(hidden)]
        Passing { #[pin] future: TryReady<S, R> },
        /// The request has a key whose result was at hand.
        #[doc(hidden)]
        Known { result: Option<Result<S::Response, Error>> },
        /// The request has a key.
        #[doc(hidden)]
        Keyed { future: Pin<Box<dyn Future<Output = Result<S::Response, Error>> + Send>> },
    }
}

impl<S, R> Future for ResponseFuture<S, R>
where
    S: Service<R>,
    S::Error: Into<Error>,
{
    type Output = Result<S::Response, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            FutureProj::Passing { future } => future.poll(cx).map_err(Into::into),
            FutureProj::Known { result } => Poll::Ready(result.take().expect("a finished future is not polled again")),
            FutureProj::Keyed { future } => future.as_mut().poll(cx),
        }
    }
}
