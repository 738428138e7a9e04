use std::sync::Arc;
use std::time::Duration;

use orch_core::store::IdempotencyStore;
use orch_core::{Budget, HealthBoard, IntoTool, Target};
use orch_evidence::BundleTool;
use orch_planning::{Planner, RulePlanner};
use orch_reliability::rate_limit::RateLimitBuilder;
use orch_reliability::{
    BudgetLayer, BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer, IdempotencyConfig, IdempotencyLayer,
    RateLimitConfig, RateLimitLayer, RetryLayer, RetryPolicy,
};

use crate::BuildError;
use crate::client::{Client, Inner};
use crate::registration::Registration;
use crate::settings::Settings;
use crate::stacks::{self, Layers};

/// Collects what a [`Client`] is made of. Everything but the tools has a default that is safe in production.
#[derive(Clone, Default)]
#[must_use]
pub struct ClientBuilder {
    registrations: Vec<Registration>,
    settings: Settings,
    planner: Option<Arc<dyn Planner>>,
    retry: RetryPolicy,
    breaker: CircuitBreakerConfig,
    breakers: Vec<(Target, CircuitBreakerConfig)>,
    rate_limits: Vec<(Target, RateLimitConfig)>,
    idempotency: IdempotencyConfig,
    store: Option<Arc<dyn IdempotencyStore>>,
    /// State of an earlier client that this one shares unless its settings change.
    shared_health: Option<HealthBoard>,
    shared_breaker: Option<CircuitBreakerLayer>,
    shared_rate_limit: Option<RateLimitLayer>,
    shared_idempotency: Option<IdempotencyLayer>,
}

impl ClientBuilder {
    /// Registers a tool.
    pub fn tool(mut self, tool: impl IntoTool) -> Self {
        self.registrations.push(Registration::Tool(tool.into_tool()));
        self
    }

    /// Registers a bundle; retry, timeout, limits and breaker are put around each of its replicates.
    pub fn bundle(mut self, bundle: BundleTool) -> Self {
        let (spec, layer, inner) = bundle.into_parts();
        self.registrations.push(Registration::Bundle { spec, layer: Box::new(layer), inner });
        self
    }

    /// Sets who chooses the tool of a run that names none; default: [`RulePlanner`] without rules.
    pub fn planner(mut self, planner: impl Planner) -> Self {
        self.planner = Some(Arc::new(planner));
        self
    }

    /// Sets how failed attempts are repeated; default [`RetryPolicy::default`].
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Sets the circuit breaker of one target (a provider's name, or a tool's).
    pub fn circuit_breaker(mut self, target: impl Into<Target>, config: CircuitBreakerConfig) -> Self {
        self.breakers.push((target.into(), config));
        self.forget_circuits()
    }

    /// Sets the circuit breaker of every other target; default [`CircuitBreakerConfig::default`].
    pub fn default_circuit_breaker(mut self, config: CircuitBreakerConfig) -> Self {
        self.breaker = config;
        self.forget_circuits()
    }

    /// Limits the requests per minute to one target (a provider's name, or a tool's); default: no limit.
    pub fn rate_limit(mut self, target: impl Into<Target>, config: RateLimitConfig) -> Self {
        self.rate_limits.push((target.into(), config));
        self.shared_rate_limit = None;
        self
    }

    /// Sets how runs with an idempotency key are remembered; default [`IdempotencyConfig::default`].
    pub fn idempotency(mut self, config: IdempotencyConfig) -> Self {
        self.idempotency = config;
        self
    }

    /// Sets where runs with an idempotency key are remembered; default: in memory, at most 64 MiB.
    pub fn idempotency_store(mut self, store: Arc<dyn IdempotencyStore>) -> Self {
        self.store = Some(store);
        self.shared_idempotency = None;
        self
    }

    /// Sets the budget of every run; a run's own is combined with it, the smaller wins field by field. Default: none.
    pub fn budget(mut self, budget: Budget) -> Self {
        self.settings.budget = budget;
        self
    }

    /// Sets when a run must have ended unless it says otherwise; default 300 s.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.settings.deadline = deadline;
        self
    }

    /// Sets how long one attempt may take; default 60 s.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.settings.attempt_timeout = timeout;
        self
    }

    /// Sets how long the first chunk of a streamed answer may take; default 30 s.
    pub fn first_chunk_timeout(mut self, timeout: Duration) -> Self {
        self.settings.first_chunk_timeout = timeout;
        self
    }

    /// Sets how long a streamed answer may pause; default 30 s.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.settings.idle_timeout = timeout;
        self
    }

    /// Sets how many calls per target may be in flight, and how long another one waits for a place; default 64 and 5 s.
    pub fn bulkhead(mut self, max_in_flight: usize, max_wait: Duration) -> Self {
        self.settings.max_in_flight = max_in_flight;
        self.settings.max_wait = max_wait;
        self
    }

    /// Sets how many replicates of one run work at the same time; default 10, 0 counts as 1.
    pub fn max_parallel(mut self, replicates: usize) -> Self {
        self.settings.max_parallel = replicates;
        self
    }

    /// The client.
    ///
    /// # Errors
    /// Tools of one name, rules that name unknown tools, settings out of bounds, a replicated tool that is not `Pure`.
    pub fn build(mut self) -> Result<Client, BuildError> {
        self.settings.budget.check()?;
        let health = self.shared_health.get_or_insert_default().clone();
        let layers = self.layers(&health)?;
        self.shared_breaker = Some(layers.breaker.clone());
        self.shared_rate_limit = Some(layers.rate_limit.clone());
        self.shared_idempotency = Some(layers.idempotency.clone());
        let planner = match &self.planner {
            Some(planner) => Arc::clone(planner),
            None => Arc::new(RulePlanner::default()),
        };
        let reliable = stacks::reliable(&self.registrations, &layers, planner, &health)?;
        let basic = stacks::basic(&self.registrations, &layers)?;
        Ok(Client::new(Inner { reliable, basic, health, builder: self }))
    }

    /// Circuits with other settings begin anew, and so does what they say of their targets.
    fn forget_circuits(mut self) -> Self {
        self.shared_breaker = None;
        self.shared_health = None;
        self
    }

    fn layers(&self, health: &HealthBoard) -> Result<Layers, BuildError> {
        let settings = &self.settings;
        let breaker = match &self.shared_breaker {
            Some(breaker) => breaker.clone(),
            None => self.breaker_layer(health)?,
        };
        let rate_limit = match &self.shared_rate_limit {
            Some(limit) => limit.clone(),
            None => self.rate_limit_layer()?,
        };
        let idempotency = match (&self.shared_idempotency, &self.store) {
            (Some(layer), _) => layer.clone(),
            (None, Some(store)) => IdempotencyLayer::with_store(Arc::clone(store)),
            (None, None) => IdempotencyLayer::in_memory(),
        };
        Ok(Layers {
            retry: RetryLayer::new(self.retry.clone())?,
            breaker,
            rate_limit,
            bulkhead: BulkheadLayer::builder()
                .max_in_flight(settings.max_in_flight)
                .max_wait(settings.max_wait)
                .build()?,
            attempt: stacks::attempt_timeout(settings),
            budget: BudgetLayer::new(Budget::new())?,
            idempotency: idempotency.config(self.idempotency),
        })
    }

    fn breaker_layer(&self, health: &HealthBoard) -> Result<CircuitBreakerLayer, BuildError> {
        let mut builder = CircuitBreakerLayer::builder().config(self.breaker.clone()).health(health.clone());
        for (target, config) in &self.breakers {
            builder = builder.for_target(target.clone(), config.clone());
        }
        Ok(builder.build()?)
    }

    fn rate_limit_layer(&self) -> Result<RateLimitLayer, BuildError> {
        let limit = |builder: RateLimitBuilder, (target, config): &(Target, RateLimitConfig)| {
            builder.for_target(target.clone(), config.clone())
        };
        Ok(self.rate_limits.iter().fold(RateLimitLayer::builder(), limit).build()?)
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn registrations(&self) -> &[Registration] {
        &self.registrations
    }
}

impl std::fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tools: Vec<_> = self.registrations.iter().map(|registration| registration.spec().name()).collect();
        f.debug_struct("ClientBuilder").field("tools", &tools).field("settings", &self.settings).finish_non_exhaustive()
    }
}
