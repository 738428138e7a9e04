use std::collections::HashMap;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use orch_core::{Deadline, Error, HasContext, Target};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::PollSemaphore;
use tower::{Layer, Service};

use super::places::Places;
use super::queue::PlaceQueue;
use super::{BulkheadConfig, ResponseFuture};
use crate::ConfigError;
use crate::per_target::First;

/// Lets at most so many calls to one [target](orch_core::Target) work at the same time, so that a slow provider does
/// not tie up everything; those above wait a little, first come, first served, and are then rejected.
///
/// The place is taken inside the future, never in `poll_ready`, so idle clones hold nothing; it is given back when the
/// call ends or is dropped.
///
/// ```
/// use std::time::Duration;
/// use orch_reliability::BulkheadLayer;
///
/// let layer = BulkheadLayer::builder().max_in_flight(8).max_wait(Duration::from_secs(1)).build()?;
/// # let _ = layer;
/// # Ok::<(), orch_reliability::ConfigError>(())
/// ```
///
/// # Errors
/// `Overloaded` after `max_wait`, which is not repeated, moves to a fallback at once and leaves breakers alone; the
/// deadline's error when the run's deadline comes first.
///
/// # Order
/// Inside retry, circuit breaker and rate limit, outside [`TimeoutLayer::attempt`](crate::TimeoutLayer::attempt).
/// Outside retry, a call would keep its place during its waits. Outside the breaker, calls would queue for a
/// target whose circuit is open. Inside the attempt's timeout, the queue would look like a slow provider.
#[derive(Clone, Debug)]
pub struct BulkheadLayer {
    places: Arc<Places>,
}

/// 64 calls in flight, 5 s of waiting.
impl Default for BulkheadLayer {
    fn default() -> Self {
        Self::builder().build().expect("the defaults are valid")
    }
}

impl BulkheadLayer {
    /// Starts from the defaults.
    pub fn builder() -> BulkheadBuilder {
        BulkheadBuilder { config: BulkheadConfig::default(), by_target: HashMap::new() }
    }
}

/// Settings of a [`BulkheadLayer`].
#[derive(Clone, Debug)]
#[must_use]
pub struct BulkheadBuilder {
    config: BulkheadConfig,
    by_target: HashMap<Target, BulkheadConfig>,
}

impl BulkheadBuilder {
    /// Replaces both settings.
    pub fn config(mut self, config: BulkheadConfig) -> Self {
        self.config = config;
        self
    }

    /// Gives a target settings of its own.
    pub fn for_target(mut self, target: impl Into<Target>, config: BulkheadConfig) -> Self {
        self.by_target.insert(target.into(), config);
        self
    }

    /// Calls per target at the same time; default 64, 0 is refused.
    pub fn max_in_flight(mut self, calls: usize) -> Self {
        self.config = self.config.max_in_flight(calls);
        self
    }

    /// How long a call waits for its place; default 5 s. 0 rejects at once.
    pub fn max_wait(mut self, wait: Duration) -> Self {
        self.config = self.config.max_wait(wait);
        self
    }

    /// The layer. Its clones, and all services it makes, share their places.
    ///
    /// # Errors
    /// When `max_in_flight` is 0, or more than a semaphore can count.
    pub fn build(self) -> Result<BulkheadLayer, ConfigError> {
        self.config.check()?;
        self.by_target.values().try_for_each(BulkheadConfig::check)?;
        Ok(BulkheadLayer { places: Arc::new(Places::new(self.config, self.by_target)) })
    }
}

impl<S> Layer<S> for BulkheadLayer {
    type Service = Bulkhead<S>;

    fn layer(&self, inner: S) -> Bulkhead<S> {
        Bulkhead { inner, shared: Arc::new(Shared { layer: self.clone(), first: First::unknown() }) }
    }
}

/// The service made by [`BulkheadLayer`].
#[derive(Clone, Debug)]
pub struct Bulkhead<S> {
    inner: S,
    shared: Arc<Shared>,
}

/// The layer, and the places that this service needs most at hand.
#[derive(Debug)]
struct Shared {
    layer: BulkheadLayer,
    first: First<Arc<Semaphore>>,
}

impl Shared {
    fn of(&self, target: &Target) -> Arc<Semaphore> {
        self.first.or_find(target, || self.layer.places.of(target))
    }
}

impl<S, R> Service<R> for Bulkhead<S>
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
        let semaphore = self.shared.of(request.context().target());
        // Does not overtake: as long as anybody waits, free places go to those who wait.
        match Arc::clone(&semaphore).try_acquire_owned() {
            Ok(place) => ResponseFuture::calling(&mut self.inner, request, place),
            Err(_) => {
                let now = Instant::now();
                let wait = self.shared.layer.places.config(request.context().target()).max_wait;
                let until = Deadline::after(now, wait).instant();
                ResponseFuture::waiting(
                    self.inner.clone(),
                    request,
                    PlaceQueue::new(PollSemaphore::new(semaphore), now, until),
                )
            }
        }
    }
}

#[cfg(test)]
impl BulkheadLayer {
    pub(super) fn free_places(&self, target: &Target) -> usize {
        self.places.of(target).available_permits()
    }
}
