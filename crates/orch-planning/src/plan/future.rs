use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use orch_core::service::TryReady;
use orch_core::{Error, Request};
use pin_project_lite::pin_project;
use tower::Service;

type Boxed<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

pin_project! {
    /// The future of [`Planned`](super::Planned).
    ///
    /// # Cancellation
    /// Dropping it drops the planner's future, or the call.
    #[must_use = "futures do nothing unless polled"]
    pub struct PlanFuture<S: Service<Request>> {
        #[pin]
        state: State<S>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S: Service<Request>> {
        Direct { #[pin] call: TryReady<S, Request> },
        Planning { planned: Boxed<S::Response> },
    }
}

impl<S: Service<Request>> PlanFuture<S> {
    /// The call of a request that has its route.
    pub(super) fn direct(call: TryReady<S, Request>) -> Self {
        Self { state: State::Direct { call } }
    }

    /// A plan, and then its call.
    pub(super) fn planning(planned: impl Future<Output = Result<S::Response, Error>> + Send + 'static) -> Self {
        Self { state: State::Planning { planned: Box::pin(planned) } }
    }
}

impl<S> Future for PlanFuture<S>
where
    S: Service<Request>,
    S::Error: Into<Error>,
{
    type Output = Result<S::Response, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::Direct { call } => call.poll(cx).map_err(Into::into),
            StateProj::Planning { planned } => planned.as_mut().poll(cx),
        }
    }
}
