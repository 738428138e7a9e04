use std::sync::Arc;
use std::task::{Context, Poll};

use orch_core::{Error, HasContext, try_ready};
use tower::Service;

use super::ResponseFuture;
use super::registry::Registry;

/// The service made by [`CircuitBreakerLayer`](super::CircuitBreakerLayer).
#[derive(Clone, Debug)]
pub struct CircuitBreaker<S> {
    pub(super) inner: S,
    pub(super) registry: Arc<Registry>,
}

impl<S, R> Service<R> for CircuitBreaker<S>
where
    S: Service<R> + Clone,
    S::Error: Into<Error>,
    R: HasContext,
{
    type Response = S::Response;
    type Error = Error;
    type Future = ResponseFuture<S, R>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        let context = request.context();
        match self.registry.circuit(context.target()).admit(context) {
            Ok(mut admitted) => {
                let future = admitted.step(|| try_ready(&mut self.inner, request));
                ResponseFuture::Admitted { future, admitted }
            }
            Err(error) => ResponseFuture::Rejected { error: Some(error) },
        }
    }
}
