use std::collections::HashMap;
use std::sync::Arc;

use orch_core::HealthBoard;
use tower::Layer;

use super::{ReliabilityConfig, ToolReliability};
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
    own: Own,
    /// Of tools that have something of their own.
    by_tool: Arc<HashMap<String, Own>>,
    pub(super) breaker: CircuitBreakerLayer,
    rate_limit: RateLimitLayer,
    pub(super) bulkhead: BulkheadLayer,
}

/// The layers that a tool may have for itself.
#[derive(Clone, Debug)]
struct Own {
    retry: RetryLayer,
    attempt: TimeoutLayer<Attempt>,
}

impl ToolStackLayer {
    pub(super) fn new(config: &ReliabilityConfig, health: HealthBoard) -> Result<Self, ConfigError> {
        let by_tool = config.tools.iter().map(|(name, tool)| Ok((name.clone(), own(config, tool)?)));
        Ok(Self {
            own: own(config, &ToolReliability::default())?,
            by_tool: Arc::new(by_tool.collect::<Result<_, ConfigError>>()?),
            breaker: breaker(config, health)?,
            rate_limit: rate_limit(config)?,
            bulkhead: bulkhead(config)?,
        })
    }

    /// The layers around one tool.
    pub(super) fn named(&self, tool: &str) -> Self {
        let own = self.by_tool.get(tool).unwrap_or(&self.own).clone();
        Self { own, ..self.clone() }
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
        if config.same_places(earlier_config) {
            self.bulkhead = earlier.bulkhead.clone();
        }
    }
}

/// What a tool has of its own, over what all have.
fn own(config: &ReliabilityConfig, tool: &ToolReliability) -> Result<Own, ConfigError> {
    let attempt = TimeoutLayer::attempt(tool.attempt_timeout.unwrap_or(config.attempt_timeout))
        .first_chunk(tool.first_chunk_timeout.unwrap_or(config.first_chunk_timeout))
        .idle(tool.idle_timeout.unwrap_or(config.idle_timeout));
    Ok(Own { retry: RetryLayer::new(tool.retry.as_ref().unwrap_or(&config.retry).clone())?, attempt })
}

fn bulkhead(config: &ReliabilityConfig) -> Result<BulkheadLayer, ConfigError> {
    let mut bulkhead = BulkheadLayer::builder().config(config.places());
    for (target, own) in &config.bulkheads {
        bulkhead = bulkhead.for_target(target.clone(), *own);
    }
    bulkhead.build()
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
        let limited = self.rate_limit.layer(self.bulkhead.layer(self.own.attempt.layer(caught)));
        self.own.retry.layer(self.breaker.layer(limited))
    }
}
