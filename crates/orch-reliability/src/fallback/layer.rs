use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use orch_core::service::{TryReady, try_ready};
use orch_core::{Error, Output, Request};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use super::chain::run;

/// Tries the candidates of a request's [`Route`](orch_core::Route) in their order, until one answers.
///
/// It moves on by the [class](orch_core::Class) of the error: throttled, quota, transient, timeout, auth, unusable
/// answer and our own rejections do; a permanent failure only when the input was too long for the model; a run that is
/// over budget, late or cancelled never does, and nothing does once a part of an answer was delivered. After a tool
/// that must not run twice (or whose [effect](Error::effect) nobody told) it moves on only if that tool was
/// certainly not executed.
///
/// A request without fallbacks passes through. [`Output::served_by`](orch_core::Output::served_by) tells who answered.
///
/// # Errors
/// When every candidate failed, `FallbacksFailed` with the error of each, the shortest of their hints and the class of
/// the last. An error that does not move on is returned as it is; the failed attempts of the candidates before
/// it come first in its [`attempts`](Error::attempts).
///
/// # Order
/// Directly outside [`Dispatch`](orch_core::Dispatch), inside the budget and the planner: each candidate then has its
/// own retry, breaker and limits, and all share one deadline and one budget. Inside retry, one repeat would try
/// every candidate again.
#[derive(Clone, Copy, Debug, Default)]
pub struct FallbackLayer(());

impl FallbackLayer {
    /// The layer; it has no settings: what to try stands in the request's route.
    #[must_use]
    pub fn new() -> Self {
        Self(())
    }
}

impl<S> Layer<S> for FallbackLayer {
    type Service = Fallback<S>;

    fn layer(&self, inner: S) -> Fallback<S> {
        Fallback { inner }
    }
}

/// The service made by [`FallbackLayer`].
#[derive(Clone, Debug)]
pub struct Fallback<S> {
    inner: S,
}

impl<S> Service<Request> for Fallback<S>
where
    S: Service<Request, Response = Output> + Clone + Send + 'static,
    S::Error: Into<Error> + Send,
    S::Future: Send,
{
    type Response = Output;
    type Error = Error;
    type Future = ResponseFuture<S>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if request.route().is_none_or(|route| route.fallbacks().is_empty()) {
            return ResponseFuture { state: State::Single { future: try_ready(&mut self.inner, request) } };
        }
        ResponseFuture { state: State::Chain { future: Box::pin(run(self.inner.clone(), request)) } }
    }
}

pin_project! {
    /// The future of [`Fallback`]. Boxed only when there is something to fall back to.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S>
    where
        S: Service<Request>,
    {
        #[pin]
        state: State<S>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S>
    where
        S: Service<Request>,
    {
        Single { #[pin] future: TryReady<S, Request> },
        Chain { future: Pin<Box<dyn Future<Output = Result<Output, Error>> + Send>> },
    }
}

impl<S> Future for ResponseFuture<S>
where
    S: Service<Request, Response = Output>,
    S::Error: Into<Error>,
{
    type Output = Result<Output, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::Single { future } => future.poll(cx).map(|result| result.map_err(Into::into)),
            StateProj::Chain { future } => future.as_mut().poll(cx),
        }
    }
}
