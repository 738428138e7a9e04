use std::sync::Arc;
use std::task::{Context, Poll};

use orch_core::{Error, HasContext};
use tokio::time::Instant;
use tower::Service;

use super::ResponseFuture;
use super::session::{Session, Terms};

/// The service made by [`RetryLayer`](super::RetryLayer).
#[derive(Clone, Debug)]
pub struct Retry<S> {
    inner: S,
    terms: Arc<Terms>,
}

impl<S> Retry<S> {
    pub(super) fn new(inner: S, terms: Arc<Terms>) -> Self {
        Self { inner, terms }
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

    #[inline]
    fn call(&mut self, mut request: R) -> Self::Future {
        self.terms.deposit();
        let context = request.context_mut();
        // A context as it was made can serve as the first attempt's, without a new allocation.
        if context.attempt() != 1 || !context.progress().take() {
            context.begin_attempt(1, Instant::now());
        }
        ResponseFuture::new(&mut self.inner, request, Session::new(Arc::clone(&self.terms)))
    }
}
