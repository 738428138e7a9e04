use std::collections::HashMap;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use orch_core::{Error, ErrorKind, HasContext, Target};
use tower::{Layer, Service};

use super::gate::{Entry, Gate};
use super::gates::Gates;
use super::queue::{Passed, TurnQueue};
use super::{RateLimitConfig, ResponseFuture};
use crate::ConfigError;
use crate::per_target::First;

/// Sends at most so many requests a minute to each [target](orch_core::Target), so that its own limit is not hit; those
/// above wait a little, first come, first served, and are then rejected.
///
/// The default limits nothing. A request takes its part of the limit when it leaves, not before, so one that is dropped
/// while it waits takes nothing, and those behind it move up. Time is tokio's.
///
/// What a provider says is left of its own limit ([`LimitHint`](orch_core::LimitHint), on errors and on answers that
/// are an [`Output`](orch_core::Output)) can only lower the rate: no more requests leave than it allows until its window
/// starts anew (at most 10 minutes). Targets without a limit of their own do not listen to hints.
///
/// ```
/// use std::time::Duration;
/// use orch_reliability::{RateLimitConfig, RateLimitLayer};
///
/// let layer = RateLimitLayer::builder()
///     .for_target("openai", RateLimitConfig::per_minute(500).burst(20))
///     .for_target("anthropic", RateLimitConfig::per_minute(50).max_wait(Duration::from_secs(30)))
///     .build()?;
/// # let _ = layer;
/// # Ok::<(), orch_reliability::ConfigError>(())
/// ```
///
/// # Errors
/// `RateLimited`, at once, when the request could not leave within [`max_wait`](RateLimitConfig::max_wait) or before the
/// run's deadline. [`Error::retry_after`] is when it could, after all who wait now; a retry layer outside waits for it
/// without charge, a fallback moves on at once, breakers stay as they are. When the deadline passes after all because
/// the provider lowered the rate meanwhile, its own error.
///
/// # Order
/// Inside retry and circuit breaker, outside the bulkhead and [`TimeoutLayer::attempt`](crate::TimeoutLayer::attempt).
/// Outside retry, only the first attempt of a call is counted. Outside the breaker, calls that an open circuit rejects
/// use up the limit. Inside the bulkhead, those who wait for their turn hold places. Inside the attempt's timeout, the
/// wait would look like a slow provider.
#[derive(Clone, Debug, Default)]
pub struct RateLimitLayer {
    gates: Arc<Gates>,
}

impl RateLimitLayer {
    /// Every target has this limit, each for itself.
    ///
    /// # Errors
    /// Names the first setting that is out of its range.
    pub fn new(config: RateLimitConfig) -> Result<Self, ConfigError> {
        Self::builder().config(config).build()
    }

    /// Starts without any limit.
    pub fn builder() -> RateLimitBuilder {
        RateLimitBuilder::default()
    }
}

/// Settings of a [`RateLimitLayer`].
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct RateLimitBuilder {
    default: Option<RateLimitConfig>,
    special: HashMap<Target, RateLimitConfig>,
}

impl RateLimitBuilder {
    /// The limit of each target without one of its own; default: none.
    pub fn config(mut self, config: RateLimitConfig) -> Self {
        self.default = Some(config);
        self
    }

    /// Gives a target a limit of its own; the last one for a target counts.
    pub fn for_target(mut self, target: impl Into<Target>, config: RateLimitConfig) -> Self {
        self.special.insert(target.into(), config);
        self
    }

    /// The layer. Its clones, and all services it makes, share their limits.
    ///
    /// # Errors
    /// Names the first setting that is out of its range.
    pub fn build(self) -> Result<RateLimitLayer, ConfigError> {
        self.default.as_ref().map_or(Ok(()), RateLimitConfig::check)?;
        for (target, config) in &self.special {
            config.check().map_err(|error| error.of(target))?;
        }
        Ok(RateLimitLayer { gates: Arc::new(Gates::new(self.default, self.special)) })
    }
}

impl<S> Layer<S> for RateLimitLayer {
    type Service = RateLimit<S>;

    fn layer(&self, inner: S) -> RateLimit<S> {
        RateLimit { inner, limits: Arc::new(Limits { gates: Arc::clone(&self.gates), first: First::unknown() }) }
    }
}

/// The service made by [`RateLimitLayer`].
#[derive(Clone, Debug)]
pub struct RateLimit<S> {
    inner: S,
    limits: Arc<Limits>,
}

/// The gates of the layer, the one that this service needs most at hand.
#[derive(Debug)]
struct Limits {
    gates: Arc<Gates>,
    first: First<Option<Arc<Gate>>>,
}

impl Limits {
    fn of(&self, target: &Target) -> Option<Arc<Gate>> {
        self.first.or_find(target, || self.gates.of(target))
    }
}

impl<S, R> Service<R> for RateLimit<S>
where
    S: Service<R> + Clone,
    S::Response: 'static,
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
        let Some(gate) = self.limits.of(context.target()) else {
            return ResponseFuture::calling(&mut self.inner, request, Passed(None));
        };
        match gate.enter(context.deadline().map(|deadline| deadline.instant())) {
            Entry::Open => ResponseFuture::calling(&mut self.inner, request, Passed(Some(gate))),
            Entry::Wait(ticket, until) => ResponseFuture::waiting(
                self.inner.clone(),
                request,
                TurnQueue::new(ticket, tokio::time::Instant::now(), until),
            ),
            Entry::Full(wait) => ResponseFuture::rejected(limited(context.target(), wait)),
        }
    }
}

pub(super) fn limited(target: &Target, wait: Duration) -> Error {
    Error::new(ErrorKind::RateLimited { target: target.clone() }).with_retry_after(wait)
}

#[cfg(test)]
impl RateLimitLayer {
    /// Whether nobody waits for this target.
    pub(super) fn is_empty(&self, target: &Target) -> bool {
        self.gates.of(target).is_none_or(|gate| gate.is_empty())
    }
}
