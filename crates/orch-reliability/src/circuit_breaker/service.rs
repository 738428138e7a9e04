use std::sync::Arc;
use std::task::{Context, Poll};

use orch_core::{Error, HasContext, Target, try_ready};
use tower::Service;

use super::ResponseFuture;
use super::breaker::Breaker;
use super::registry::Registry;
use crate::per_target::First;

/// The service made by [`CircuitBreakerLayer`](super::CircuitBreakerLayer).
#[derive(Clone, Debug)]
pub struct CircuitBreaker<S> {
    inner: S,
    circuits: Arc<Circuits>,
}

/// The circuits of the layer, the one that this service needs most at hand.
#[derive(Debug)]
struct Circuits {
    registry: Arc<Registry>,
    first: First<Arc<Breaker>>,
}

impl<S> CircuitBreaker<S> {
    pub(super) fn new(inner: S, registry: Arc<Registry>) -> Self {
        Self { inner, circuits: Arc::new(Circuits { registry, first: First::unknown() }) }
    }
}

impl Circuits {
    fn of(&self, target: &Target) -> Arc<Breaker> {
        self.first.or_find(target, || self.registry.circuit(target))
    }
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

    #[inline]
    fn call(&mut self, request: R) -> Self::Future {
        let context = request.context();
        match self.circuits.of(context.target()).admit(context) {
            Ok(mut admitted) => {
                let future = admitted.step(|| try_ready(&mut self.inner, request));
                ResponseFuture::Admitted { future, admitted }
            }
            Err(error) => ResponseFuture::Rejected { error: Some(error) },
        }
    }
}
