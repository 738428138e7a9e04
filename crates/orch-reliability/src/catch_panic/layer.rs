use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use orch_core::{Error, ErrorKind};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

/// Turns a panic of the inner service into [`ErrorKind::Panicked`] for the caller whose call it was, and nobody else.
///
/// Caught are panics in `poll_ready`, in `call` and in the future; the message is that of the panic if it is text.
/// The panic hook still runs, so the backtrace is printed as usual. Where panics abort the process there is nothing
/// to catch.
///
/// # Order
/// Inside all other layers, around the tool: the breaker sees the failure, permits and reservations are
/// given back as for any other error. Further out, a panic would unwind through the layers inside it.
/// Readiness is passed through.
#[derive(Clone, Copy, Debug, Default)]
pub struct CatchPanicLayer(());

impl CatchPanicLayer {
    /// The layer; it has no settings.
    #[must_use]
    pub fn new() -> Self {
        Self(())
    }
}

impl<S> Layer<S> for CatchPanicLayer {
    type Service = CatchPanic<S>;

    fn layer(&self, inner: S) -> CatchPanic<S> {
        CatchPanic { inner }
    }
}

/// The service made by [`CatchPanicLayer`].
#[derive(Clone, Debug)]
pub struct CatchPanic<S> {
    inner: S,
}

impl<S, R> Service<R> for CatchPanic<S>
where
    S: Service<R>,
    S::Error: Into<Error>,
{
    type Response = S::Response;
    type Error = Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match caught(|| self.inner.poll_ready(cx)) {
            Ok(readiness) => readiness.map_err(Into::into),
            Err(panicked) => Poll::Ready(Err(panicked)),
        }
    }

    fn call(&mut self, request: R) -> Self::Future {
        match caught(|| self.inner.call(request)) {
            Ok(future) => ResponseFuture { state: State::Running { future } },
            Err(panicked) => ResponseFuture { state: State::Panicked { error: Some(panicked) } },
        }
    }
}

pin_project! {
    /// The future of [`CatchPanic`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F> {
        Running { #[pin] future: F },
        // The inner service panicked when it was called.
        Panicked { error: Option<Error> },
    }
}

impl<F, T, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<T, E>>,
    E: Into<Error>,
{
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::Running { future } => match caught(|| future.poll(cx)) {
                Ok(poll) => Poll::Ready(ready!(poll).map_err(Into::into)),
                Err(panicked) => Poll::Ready(Err(panicked)),
            },
            StateProj::Panicked { error } => {
                Poll::Ready(Err(error.take().expect("a finished future is not polled again")))
            }
        }
    }
}

/// What `work` gives, or its panic as an error.
///
/// Unwind safe: a future that panicked is not polled again, and a service that panicked in `call` is asked for
/// readiness before its next call, as after any other call.
fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|payload| Error::new(ErrorKind::Panicked { message: text_of(payload.as_ref()) }))
}

fn text_of(payload: &(dyn Any + Send)) -> Arc<str> {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        Arc::from(*text)
    } else if let Some(text) = payload.downcast_ref::<String>() {
        Arc::from(text.as_str())
    } else {
        "its payload is not text".into()
    }
}
