use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use orch_core::{Error, HasContext};
use pin_project_lite::pin_project;
use tower::{Layer, Service};
use tracing::Span;

use super::span::{call_span, record};

/// Runs every call in a [`tracing`] span at level INFO.
///
/// The span is named `call` and has the fields `gen_ai.operation.name` (`execute_tool`), `gen_ai.tool.name`,
/// `request_id`, `trace_id`, `target`, `replicate`, and at the end `outcome` (`ok` or `error`), `error.type` (the
/// [class](orch_core::Class)) and `stopped`. Fields that are not known where the layer stands are empty. Inputs,
/// answers and the texts of errors are not recorded. Without a subscriber the cost is one check.
///
/// [`RetryLayer`](crate::RetryLayer) adds a span `attempt` at level DEBUG for each attempt, inside this one.
///
/// # Order
/// Outermost: what stands outside it is not in the span, and a rejection by an outer layer is not seen.
/// Readiness is passed through.
#[derive(Clone, Copy, Debug, Default)]
pub struct TraceLayer(());

impl TraceLayer {
    /// The layer; it has no settings.
    #[must_use]
    pub fn new() -> Self {
        Self(())
    }
}

impl<S> Layer<S> for TraceLayer {
    type Service = Trace<S>;

    fn layer(&self, inner: S) -> Trace<S> {
        Trace { inner }
    }
}

/// The service made by [`TraceLayer`].
#[derive(Clone, Debug)]
pub struct Trace<S> {
    inner: S,
}

impl<S, R> Service<R> for Trace<S>
where
    S: Service<R>,
    S::Error: Into<Error>,
    R: HasContext,
{
    type Response = S::Response;
    type Error = Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let span = call_span(request.context());
        let future = span.in_scope(|| self.inner.call(request));
        ResponseFuture { future, span }
    }
}

pin_project! {
    /// The future of [`Trace`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        future: F,
        span: Span,
    }
}

impl<F, T, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<T, E>>,
    E: Into<Error>,
{
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = {
            let _entered = this.span.enter();
            ready!(this.future.poll(cx)).map_err(Into::into)
        };
        record(this.span, &result);
        Poll::Ready(result)
    }
}
