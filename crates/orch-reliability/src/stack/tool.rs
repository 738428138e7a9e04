use orch_core::HealthBoard;
use tower::Layer;

use super::ReliabilityConfig;
use crate::ConfigError;
use crate::bulkhead::{Bulkhead, BulkheadLayer};
use crate::catch_panic::{CatchPanic, CatchPanicLayer};
use crate::circuit_breaker::{CircuitBreaker, CircuitBreakerLayer};
use crate::rate_limit::{RateLimit, RateLimitLayer};
use crate::retry::{Retry, RetryLayer};
use crate::timeout::{Attempt, Timeout, TimeoutLayer};

/// A tool inside its layers; see [`ReliabilityStack::tool`](super::ReliabilityStack::tool).
pub type ToolStack<S> = Retry<CircuitBreaker<RateLimit<Bulkhead<Timeout<CatchPanic<S>, Attempt>>>>>;

/// The layers around a tool; see [`ReliabilityStack::tool`](super::ReliabilityStack::tool).
#[derive(Clone, Debug)]
pub struct ToolStackLayer {
    retry: RetryLayer,
    pub(super) breaker: CircuitBreakerLayer,
    rate_limit: RateLimitLayer,
    pub(super) bulkhead: BulkheadLayer,
    attempt: TimeoutLayer<Attempt>,
}

impl ToolStackLayer {
    pub(super) fn new(config: &ReliabilityConfig, health: HealthBoard) -> Result<Self, ConfigError> {
        Ok(Self {
            retry: RetryLayer::new(config.retry.clone())?,
            breaker: breaker(config, health)?,
            rate_limit: rate_limit(config)?,
            bulkhead: BulkheadLayer::builder().max_in_flight(config.max_in_flight).max_wait(config.max_wait).build()?,
            attempt: TimeoutLayer::attempt(config.attempt_timeout)
                .first_chunk(config.first_chunk_timeout)
                .idle(config.idle_timeout),
        })
    }

    /// Takes over from an earlier stack the limits whose settings are the same.
    pub(super) fn share_limits(
        &mut self,
        config: &ReliabilityConfig,
        earlier: &Self,
        earlier_config: &ReliabilityConfig,
    ) {
        if config.rate_limits == earlier_config.rate_limits {
            self.rate_limit = earlier.rate_limit.clone();
        }
        if config.places() == earlier_config.places() {
            self.bulkhead = earlier.bulkhead.clone();
        }
    }
}

fn breaker(config: &ReliabilityConfig, health: HealthBoard) -> Result<CircuitBreakerLayer, ConfigError> {
    let mut breaker = CircuitBreakerLayer::builder().config(config.circuit_breaker.clone()).health(health);
    for (target, own) in &config.circuit_breakers {
        breaker = breaker.for_target(target.clone(), own.clone());
    }
    breaker.build()
}

fn rate_limit(config: &ReliabilityConfig) -> Result<RateLimitLayer, ConfigError> {
    let mut rate_limit = RateLimitLayer::builder();
    for (target, own) in &config.rate_limits {
        rate_limit = rate_limit.for_target(target.clone(), own.clone());
    }
    rate_limit.build()
}

impl<S> Layer<S> for ToolStackLayer {
    type Service = ToolStack<S>;

    fn layer(&self, tool: S) -> ToolStack<S> {
        let caught = CatchPanicLayer::new().layer(tool);
        let limited = self.rate_limit.layer(self.bulkhead.layer(self.attempt.layer(caught)));
        self.retry.layer(self.breaker.layer(limited))
    }
}
