use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use orch_core::{Error, Event, HasContext};
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower::Service;
use tracing::Span;

use crate::trace::attempt_span;

/// The service that the loop repeats: says when an attempt begins, and runs it in a span of its own.
#[derive(Clone, Debug)]
pub(super) struct Attempt<S> {
    inner: S,
    /// An inner service that failed to become ready: the next call reports it, so that the policy hears of it.
    broken: Option<Error>,
}

impl<S> Attempt<S> {
    pub(super) fn new(inner: S) -> Self {
        Self { inner, broken: None }
    }
}

impl<S, R> Service<R> for Attempt<S>
where
    S: Service<R>,
    S::Error: Into<Error>,
    R: HasContext,
{
    type Response = S::Response;
    type Error = Failed;
    type Future = AttemptFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        if let Err(error) = ready!(self.inner.poll_ready(cx)) {
            self.broken = Some(error.into());
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        let (context, started) = (request.context(), Instant::now());
        if let Some(error) = self.broken.take() {
            return AttemptFuture::Broken { failed: Some(Failed { error, started, broken: true }) };
        }
        context.emit(|| Event::AttemptStarted { target: context.target().clone() });
        let span = attempt_span(context);
        let future = span.in_scope(|| self.inner.call(request));
        AttemptFuture::Running { future, span, started }
    }
}

/// How an attempt failed.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: Error,
    pub(super) started: Instant,
    /// The service below is broken for good.
    pub(super) broken: bool,
}

pin_project! {
    /// The future of [`Attempt`].
    #[project = AttemptProj]
    pub(super) enum AttemptFuture<F> {
        Running { #[pin] future: F, span: Span, started: Instant },
        Broken { failed: Option<Failed> },
    }
}

impl<F, T, E> Future for AttemptFuture<F>
where
    F: Future<Output = Result<T, E>>,
    E: Into<Error>,
{
    type Output = Result<T, Failed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            AttemptProj::Running { future, span, started } => {
                let _entered = span.enter();
                let result = ready!(future.poll(cx));
                Poll::Ready(result.map_err(|error| Failed { error: error.into(), started: *started, broken: false }))
            }
            AttemptProj::Broken { failed } => {
                Poll::Ready(Err(failed.take().expect("a finished future is not polled again")))
            }
        }
    }
}
