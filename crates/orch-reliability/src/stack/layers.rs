use std::sync::Arc;

use orch_core::HealthBoard;
use orch_core::store::IdempotencyStore;
use tower::Layer;

use super::ReliabilityConfig;
use crate::ConfigError;
use crate::budget::{BudgetLayer, Budgeted};
use crate::bulkhead::{Bulkhead, BulkheadLayer};
use crate::catch_panic::{CatchPanic, CatchPanicLayer};
use crate::circuit_breaker::{CircuitBreaker, CircuitBreakerLayer};
use crate::idempotency::{Idempotency, IdempotencyLayer};
use crate::rate_limit::{RateLimit, RateLimitLayer};
use crate::retry::{Retry, RetryLayer};
use crate::timeout::{Attempt, Timeout, TimeoutLayer, Total};
use crate::trace::{Trace, TraceLayer};

/// The layers of a [`ReliabilityConfig`], in the documented order: one stack around each tool, one around each run.
///
/// Clones, and all services made from them, share breakers, limits, places and remembered results, each by target or
/// key; so one stack serves any number of tools.
#[derive(Clone, Debug)]
pub struct ReliabilityStack {
    tool: ToolStackLayer,
    run: RunStackLayer,
}

impl ReliabilityStack {
    pub(super) fn new(config: &ReliabilityConfig) -> Result<Self, ConfigError> {
        Ok(Self { tool: ToolStackLayer::new(config, None)?, run: RunStackLayer::new(config)? })
    }

    /// What stands around a tool: retry → circuit breaker → rate limit → bulkhead → attempt timeout → catch-panic.
    #[must_use]
    pub fn tool(&self) -> ToolStackLayer {
        self.tool.clone()
    }

    /// What stands around a run: trace → total deadline → idempotency → budget; inside it planning, fallback, tools.
    #[must_use]
    pub fn run(&self) -> RunStackLayer {
        self.run.clone()
    }
}

impl ReliabilityConfig {
    /// As [`build`](Self::build), with breakers that write every change to `health`, and results kept in `store`.
    ///
    /// # Errors
    /// Names the first setting that cannot be used.
    pub fn build_with(
        &self,
        health: HealthBoard,
        store: Arc<dyn IdempotencyStore>,
    ) -> Result<ReliabilityStack, ConfigError> {
        let ReliabilityStack { mut run, .. } = self.build()?;
        run.idempotency = IdempotencyLayer::with_store(store).config(self.idempotency);
        Ok(ReliabilityStack { tool: ToolStackLayer::new(self, Some(health))?, run })
    }
}

/// The layers around a tool; see [`ReliabilityStack::tool`].
#[derive(Clone, Debug)]
pub struct ToolStackLayer {
    retry: RetryLayer,
    breaker: CircuitBreakerLayer,
    rate_limit: RateLimitLayer,
    bulkhead: BulkheadLayer,
    attempt: TimeoutLayer<Attempt>,
}

impl ToolStackLayer {
    fn new(config: &ReliabilityConfig, health: Option<HealthBoard>) -> Result<Self, ConfigError> {
        let mut breaker = CircuitBreakerLayer::builder().config(config.circuit_breaker.clone());
        for (target, own) in &config.circuit_breakers {
            breaker = breaker.for_target(target.clone(), own.clone());
        }
        if let Some(health) = health {
            breaker = breaker.health(health);
        }
        let mut rate_limit = RateLimitLayer::builder();
        for (target, own) in &config.rate_limits {
            rate_limit = rate_limit.for_target(target.clone(), own.clone());
        }
        let bulkhead = BulkheadLayer::builder().max_in_flight(config.max_in_flight).max_wait(config.max_wait);
        Ok(Self {
            retry: RetryLayer::new(config.retry.clone())?,
            breaker: breaker.build()?,
            rate_limit: rate_limit.build()?,
            bulkhead: bulkhead.build()?,
            attempt: TimeoutLayer::attempt(config.attempt_timeout)
                .first_chunk(config.first_chunk_timeout)
                .idle(config.idle_timeout),
        })
    }
}

impl<S> Layer<S> for ToolStackLayer {
    type Service = Retry<CircuitBreaker<RateLimit<Bulkhead<Timeout<CatchPanic<S>, Attempt>>>>>;

    fn layer(&self, tool: S) -> Self::Service {
        let caught = CatchPanicLayer::new().layer(tool);
        let limited = self.rate_limit.layer(self.bulkhead.layer(self.attempt.layer(caught)));
        self.retry.layer(self.breaker.layer(limited))
    }
}

/// The layers around a run; see [`ReliabilityStack::run`].
#[derive(Clone, Debug)]
pub struct RunStackLayer {
    total: TimeoutLayer<Total>,
    idempotency: IdempotencyLayer,
    budget: BudgetLayer,
}

impl RunStackLayer {
    fn new(config: &ReliabilityConfig) -> Result<Self, ConfigError> {
        let budget = BudgetLayer::new(config.budget.clone())
            .map_err(|error| ConfigError::new("budget", format_args!("{:?}", config.budget), error.to_string()))?;
        Ok(Self {
            total: TimeoutLayer::total(config.deadline),
            idempotency: IdempotencyLayer::in_memory().config(config.idempotency),
            budget,
        })
    }
}

impl<S> Layer<S> for RunStackLayer {
    type Service = Trace<Timeout<Idempotency<Budgeted<S>>, Total>>;

    fn layer(&self, run: S) -> Self::Service {
        let once = self.idempotency.layer(self.budget.layer(run));
        TraceLayer::new().layer(self.total.layer(once))
    }
}
