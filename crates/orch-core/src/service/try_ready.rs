use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;
use tower::Service;
use tower::util::Oneshot;

/// Calls `service` whether it is ready or not, and keeps tower's contract: `call` only on the instance that was ready.
///
/// The service is asked once. If it is ready, that very instance is called, without a clone. If it is
/// not, a fresh clone takes its place and the *waiting* instance moves into the future, which waits and
/// then calls it. So a layer built on this is always ready itself and reserves nothing in `poll_ready`;
/// what outer layers see is an error from a layer inside that rejects, never backpressure.
#[inline]
pub fn try_ready<S, R>(service: &mut S, request: R) -> TryReady<S, R>
where
    S: Service<R> + Clone,
{
    match service.poll_ready(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(())) => TryReady::Called { future: service.call(request) },
        Poll::Ready(Err(error)) => TryReady::Failed { error: Some(error) },
        Poll::Pending => {
            let fresh = service.clone();
            let waiting = std::mem::replace(service, fresh);
            TryReady::Waiting { future: Oneshot::new(waiting, request) }
        }
    }
}

pin_project! {
    /// The future of [`try_ready`].
    #[project = TryReadyProj]
    #[must_use = "futures do nothing unless polled"]
    pub enum TryReady<S: Service<R>, R> {
        /// The service was ready and was called.
        #[doc(hidden)]
        Called { #[pin] future: S::Future },
        /// The service was not ready.
        #[doc(hidden)]
        Waiting { #[pin] future: Oneshot<S, R> },
        /// The service is broken.
        #[doc(hidden)]
        Failed { error: Option<S::Error> },
    }
}

impl<S: Service<R>, R> Future for TryReady<S, R> {
    type Output = Result<S::Response, S::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            TryReadyProj::Called { future } => future.poll(cx),
            TryReadyProj::Waiting { future } => future.poll(cx),
            TryReadyProj::Failed { error } => {
                Poll::Ready(Err(error.take().expect("a finished future is not polled again")))
            }
        }
    }
}
