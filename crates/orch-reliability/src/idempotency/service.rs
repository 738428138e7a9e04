use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use orch_core::store::{Fingerprint, HasFingerprint, Key};
use orch_core::{CallContext, Error, HasContext, try_ready};
use tokio::runtime::Handle;
use tokio::time::Instant;
use tower::Service;
use tracing::Instrument;

use super::bounded::Bounded;
use super::work::Work;
use super::{IdempotencyLayer, Replay, ResponseFuture, record};

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
        match request.context().key().filter(|_| self.layer.config.enabled) {
            None => ResponseFuture::Passing { future: try_ready(&mut self.inner, request) },
            Some(key) => {
                let fingerprint = self.layer.fingerprint(&request);
                match self.layer.recall(key, &fingerprint, request.context()) {
                    Some(result) => ResponseFuture::Known { result: Some(result) },
                    None => {
                        let (layer, inner) = (self.layer.clone(), self.inner.clone());
                        ResponseFuture::Keyed { future: Box::pin(layer.call(key.clone(), fingerprint, inner, request)) }
                    }
                }
            }
        }
    }
}

impl IdempotencyLayer {
    /// A result that is at hand, or that the caller is too late for one.
    fn recall<T: Replay>(
        &self,
        key: &Key,
        fingerprint: &Fingerprint,
        caller: &CallContext,
    ) -> Option<Result<T, Error>> {
        let record = self.store.recall(key, fingerprint)?;
        // What cannot be read is a matter for the long way.
        let response = record::read::<T>(&record).ok()?;
        Some(caller.check(Instant::now()).map(|()| response.mark_replayed()))
    }

    /// Boards the flight of the key, starting its work if need be, and waits for its landing.
    async fn call<S, R>(
        self,
        key: Key,
        fingerprint: Fingerprint,
        inner: S,
        mut request: R,
    ) -> Result<S::Response, Error>
    where
        S: Service<R> + Send + 'static,
        S::Response: Replay,
        S::Error: Into<Error>,
        S::Future: Send + 'static,
        R: HasContext + Send + 'static,
    {
        let caller = request.context().clone();
        caller.check(Instant::now())?;
        let Ok(runtime) = Handle::try_current() else {
            return Err(Error::tool_execution("idempotency needs a tokio runtime to work in").with_not_executed());
        };
        let (seat, opened) = self.flights.board(&key, fingerprint, &self.config, &caller)?;
        if let Some(landing) = opened {
            *request.context_mut() = landing.flight().context().clone();
            let Self { store, config, .. } = self;
            let store = Bounded::new(store, config.store_timeout);
            let work = Work { store, config, effect: caller.effect(), landing };
            start(Box::pin(work.run(inner, request).in_current_span()), &runtime).await;
        }
        seat.landed(&caller).await
    }

    fn fingerprint<R: HasFingerprint>(&self, request: &R) -> Fingerprint {
        // Without conflict detection all requests of a key are the same to everyone.
        const ANY: Fingerprint = Fingerprint::from_bytes([0; 16]);
        if self.config.conflict_detection { request.fingerprint() } else { ANY }
    }
}

/// Polls the work once where it is, for much of it needs no waiting: a stored answer, a tool that answers at once. If it
/// waits, it goes on in a task of its own, so that no caller's end ends it.
async fn start<F>(mut work: Pin<Box<F>>, runtime: &Handle)
where
    F: Future<Output = ()> + Send + 'static,
{
    let first = poll_fn(|cx| Poll::Ready(catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx)))));
    // As in a task, a panic ends the work and not its caller, who hears of it as everyone does: by the landing.
    if let Ok(Poll::Pending) = first.await {
        drop(runtime.spawn(work));
    }
}
