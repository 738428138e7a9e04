use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use orch_core::service::{TryReady, try_ready};
use orch_core::{CallContext, Error, HasContext};
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower::Service;

use super::RetryPolicy;
use super::attempt::Attempt;
use super::session::Session;
use crate::RetryBudget;

type Loop<S> = tower::retry::Retry<Session, Attempt<S>>;

/// The service made by [`RetryLayer`](super::RetryLayer).
#[derive(Clone)]
pub struct Retry<S> {
    attempts: Loop<S>,
    budget: Option<Arc<dyn RetryBudget>>,
}

impl<S> Retry<S> {
    pub(super) fn new(inner: S, policy: Arc<RetryPolicy>, budget: Option<Arc<dyn RetryBudget>>) -> Self {
        let session = Session::new(policy, budget.clone());
        Self { attempts: tower::retry::Retry::new(session, Attempt::new(inner)), budget }
    }
}

impl<S, R> Service<R> for Retry<S>
where
    S: Service<R> + Clone,
    S::Error: Into<Error>,
    R: HasContext + Clone,
{
    type Response = S::Response;
    type Error = Error;
    type Future = ResponseFuture<S, R>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: R) -> Self::Future {
        if let Some(budget) = &self.budget {
            budget.deposit();
        }
        let context = request.context_mut();
        if !is_untouched(context) {
            context.begin_attempt(1, Instant::now());
        }
        ResponseFuture { attempts: try_ready(&mut self.attempts, request) }
    }
}

/// Whether the context is as it was made, so that it can serve as the first attempt's without a new allocation.
fn is_untouched(context: &CallContext) -> bool {
    let progress = context.progress();
    context.attempt() == 1 && progress.last_at().is_none() && !progress.committed() && progress.usage().is_unknown()
}

impl<S: fmt::Debug> fmt::Debug for Retry<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Retry").field(self.attempts.get_ref()).finish()
    }
}

pin_project! {
    /// The future of [`Retry`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, R>
    where
        S: Service<R>,
        S: Clone,
        S::Error: Into<Error>,
        R: HasContext,
        R: Clone,
    {
        #[pin]
        attempts: TryReady<Loop<S>, R>,
    }
}

impl<S, R> Future for ResponseFuture<S, R>
where
    S: Service<R> + Clone,
    S::Error: Into<Error>,
    R: HasContext + Clone,
{
    type Output = Result<S::Response, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = ready!(self.project().attempts.poll(cx));
        Poll::Ready(result.map_err(Error::from))
    }
}
