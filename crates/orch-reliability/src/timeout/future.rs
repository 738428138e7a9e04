use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use orch_core::Error;
use pin_project_lite::pin_project;

/// What ends a call that is not ready: looked at after each poll of it.
pub trait Watch {
    /// Ready with the error of the limit that has passed.
    fn poll_over(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Error>;
}

pin_project! {
    /// The future of [`Timeout`](super::Timeout).
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, W> {
        #[pin]
        state: State<F, W>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, W> {
        Running { #[pin] future: F, #[pin] watch: W },
        // It was too late, or cancelled, before it began.
        Refused { error: Option<Error> },
    }
}

impl<F, W> ResponseFuture<F, W> {
    #[inline]
    pub(super) fn running(future: F, watch: W) -> Self {
        Self { state: State::Running { future, watch } }
    }

    pub(super) fn refused(error: Error) -> Self {
        Self { state: State::Refused { error: Some(error) } }
    }
}

impl<F, W, T, E> Future for ResponseFuture<F, W>
where
    F: Future<Output = Result<T, E>>,
    W: Watch,
    E: Into<Error>,
{
    type Output = Result<T, Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        match state.as_mut().project() {
            StateProj::Running { future, watch } => match future.poll(cx) {
                Poll::Ready(result) => Poll::Ready(result.map_err(Into::into)),
                Poll::Pending => {
                    let error = ready!(watch.poll_over(cx));
                    // The call that took too long ends now, not when somebody drops the future.
                    state.set(State::Refused { error: None });
                    Poll::Ready(Err(error))
                }
            },
            StateProj::Refused { error } => {
                Poll::Ready(Err(error.take().expect("a finished future is not polled again")))
            }
        }
    }
}
