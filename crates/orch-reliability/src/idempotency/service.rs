use std::task::{Context, Poll};

use orch_core::store::{Fingerprint, HasFingerprint, Key};
use orch_core::{Error, HasContext, try_ready};
use tokio::runtime::Handle;
use tokio::time::Instant;
use tower::Service;
use tracing::Instrument;

use super::flight::Flight;
use super::flights::Departure;
use super::{IdempotencyLayer, Replay, ResponseFuture};

/// The service made by [`IdempotencyLayer`].
#[derive(Clone, Debug)]
pub struct Idempotency<S> {
    pub(super) inner: S,
    pub(super) layer: IdempotencyLayer,
}

impl<S, R> Service<R> for Idempotency<S>
where
    S: Service<R> + Clone + Send + 'static,
    S::Response: Replay,
    S::Error: Into<Error>,
    S::Future: Send + 'static,
    R: HasContext + HasFingerprint + Send + 'static,
{
    type Response = S::Response;
    type Error = Error;
    type Future = ResponseFuture<S, R>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        match request.context().key().filter(|_| self.layer.config.enabled).cloned() {
            None => ResponseFuture::Passing { future: try_ready(&mut self.inner, request) },
            Some(key) => {
                let (layer, inner) = (self.layer.clone(), self.inner.clone());
                ResponseFuture::Keyed { future: Box::pin(layer.call(key, inner, request)) }
            }
        }
    }
}

impl IdempotencyLayer {
    /// Boards the flight of the key, starting it if need be, and waits for its landing.
    async fn call<S, R>(self, key: Key, inner: S, mut request: R) -> Result<S::Response, Error>
    where
        S: Service<R> + Send + 'static,
        S::Response: Replay,
        S::Error: Into<Error>,
        S::Future: Send + 'static,
        R: HasContext + HasFingerprint + Send + 'static,
    {
        let caller = request.context().clone();
        caller.check(Instant::now())?;
        let Ok(runtime) = Handle::try_current() else {
            return Err(Error::tool_execution("idempotency needs a tokio runtime to work in").with_not_executed());
        };
        let fingerprint = self.fingerprint(&request);
        let (seat, opened) = self.flights.board(&key, fingerprint, &self.config, &caller)?;
        if let Some(Departure { landing, context }) = opened {
            *request.context_mut() = context.clone();
            let Self { store, config, .. } = self;
            let flight = Flight { store, config, key, fingerprint, effect: caller.effect(), context, landing };
            runtime.spawn(flight.fly(inner, request).in_current_span());
        }
        seat.landed(&caller).await
    }

    fn fingerprint<R: HasFingerprint>(&self, request: &R) -> Fingerprint {
        // Without conflict detection all requests of a key are the same to everyone.
        const ANY: Fingerprint = Fingerprint::from_bytes([0; 16]);
        if self.config.conflict_detection { request.fingerprint() } else { ANY }
    }
}
