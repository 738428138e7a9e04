use std::sync::Arc;
use std::time::Duration;

use orch_core::store::IdempotencyStore;
use orch_core::{Budget, Effect, HealthBoard, InFlight, IntoTool, Redactor, Target, ToolSpec};
use orch_evidence::BundleTool;
use orch_planning::{Catalog, Planner, RulePlanner};
use orch_reliability::{
    BulkheadConfig, CircuitBreakerConfig, IdempotencyConfig, RateLimitConfig, ReliabilityConfig, ReliabilityStack,
    RetryPolicy, ToolReliability,
};

use crate::BuildError;
use crate::client::{Client, Inner};
use crate::registration::Registration;
use crate::settings::Settings;
use crate::stacks;

/// Collects what a [`Client`] is made of. Everything but the tools has a default that is safe in production.
#[derive(Clone, Default)]
#[must_use]
pub struct ClientBuilder {
    registrations: Vec<Registration>,
    settings: Settings,
    reliability: ReliabilityConfig,
    planner: Option<Arc<dyn Planner>>,
    health: Option<HealthBoard>,
    store: Option<Arc<dyn IdempotencyStore>>,
    /// The stack of the client that this builder came from; what its settings leave unchanged is shared.
    earlier: Option<ReliabilityStack>,
    /// The runs of an earlier client, if this one takes its place.
    in_flight: Option<InFlight>,
}

/// Setters of one field of the [`ReliabilityConfig`].
macro_rules! reliability {
    ($($(#[$doc:meta])* $name:ident => $field:ident: $kind:ty,)*) => {$(
        $(#[$doc])*
        pub fn $name(mut self, value: $kind) -> Self {
            self.reliability = self.reliability.$field(value);
            self
        }
    )*};
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

    /// Sets everything about reliability at once, from a configuration file say; the setters below change it further.
    pub fn reliability(mut self, config: ReliabilityConfig) -> Self {
        self.reliability = config;
        self
    }

    reliability! {
        /// Sets how failed attempts are repeated; default [`RetryPolicy::default`].
        retry => retry: RetryPolicy,
        /// Sets the circuit breaker of each target without one of its own; default [`CircuitBreakerConfig::default`].
        default_circuit_breaker => circuit_breaker: CircuitBreakerConfig,
        /// Sets how runs with an idempotency key are remembered; default [`IdempotencyConfig::default`].
        idempotency => idempotency: IdempotencyConfig,
        /// Sets the budget of every run; a run's own is combined with it, the smaller wins field by field. Default: none.
        budget => budget: Budget,
        /// Sets when a run must have ended unless it says otherwise; default 300 s, 0 is refused.
        deadline => deadline: Duration,
        /// Sets how long one attempt may take; default 60 s, 0 is refused.
        attempt_timeout => attempt_timeout: Duration,
        /// Sets how long the first chunk of a streamed answer may take; default 30 s, 0 is refused.
        first_chunk_timeout => first_chunk_timeout: Duration,
        /// Sets how long a streamed answer may pause; default 30 s, 0 is refused.
        idle_timeout => idle_timeout: Duration,
    }

    /// Sets the circuit breaker of one target (a provider's name, or a tool's).
    pub fn circuit_breaker(mut self, target: impl Into<Target>, config: CircuitBreakerConfig) -> Self {
        self.reliability = self.reliability.circuit_breaker_of(target, config);
        self
    }

    /// Limits the requests per minute to one target (a provider's name, or a tool's); default: no limit.
    pub fn rate_limit(mut self, target: impl Into<Target>, config: RateLimitConfig) -> Self {
        self.reliability = self.reliability.rate_limit_of(target, config);
        self
    }

    /// Gives a target (a provider's name, or a tool's) a number of calls in flight of its own.
    pub fn bulkhead_of(mut self, target: impl Into<Target>, config: BulkheadConfig) -> Self {
        self.reliability = self.reliability.bulkhead_of(target, config);
        self
    }

    /// Gives a tool (of a bundle: the tool that is replicated) retries and timeouts of its own.
    pub fn tool_reliability(mut self, name: impl Into<String>, own: ToolReliability) -> Self {
        self.reliability = self.reliability.tool(name, own);
        self
    }

    /// Sets how many calls per target may be in flight, and how long another one waits for a place; default 64 and 5 s.
    pub fn bulkhead(mut self, max_in_flight: usize, max_wait: Duration) -> Self {
        self.reliability = self.reliability.max_in_flight(max_in_flight).max_wait(max_wait);
        self
    }

    /// Sets where runs with an idempotency key are remembered; default: in memory, at most 64 MiB.
    pub fn idempotency_store(mut self, store: Arc<dyn IdempotencyStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Sets the board on which circuit breakers write how their targets are, to share it with others; default: its own.
    pub fn health_board(mut self, board: HealthBoard) -> Self {
        self.health = Some(board);
        self
    }

    /// Sets how many replicates of one run work at the same time; default 10, 0 counts as 1.
    pub fn max_parallel(mut self, replicates: usize) -> Self {
        self.settings.max_parallel = replicates;
        self
    }

    /// Sets what takes out of texts what must not leave the process: events, messages of errors, explanations, outcomes as
    /// JSON, logs. Default: nothing, since none of them holds what was asked or answered unless somebody listens or writes it
    /// out. Outcomes themselves, and the store, keep what was answered; see [`Redact`](orch_core::Redact).
    pub fn redactor(mut self, redactor: impl Into<Redactor>) -> Self {
        self.settings.redactor = redactor.into();
        self
    }

    /// The client.
    ///
    /// # Errors
    /// Tools of one name, rules that name unknown tools, settings out of bounds, a replicated tool that is not `Pure`.
    pub fn build(mut self) -> Result<Client, BuildError> {
        let (stack, planner) = (self.stack()?, self.planner_or_default());
        let (reliable, registry) = stacks::reliable(&self.registrations, &stack, Arc::clone(&planner))?;
        let basic = stacks::basic(&self.registrations, &stack)?;
        (self.health, self.store) = (None, None);
        self.earlier = Some(stack.clone());
        let strictest = registry.specs().map(ToolSpec::effect).max().unwrap_or(Effect::AtMostOnce);
        let catalog = Catalog::new(Arc::clone(&registry), stack.health().clone());
        let (in_flight, cancelled) = (self.in_flight.take().unwrap_or_default(), Default::default());
        let builder = self;
        Ok(Client::new(Inner {
            reliable,
            basic,
            planner,
            catalog,
            registry,
            strictest,
            stack,
            builder,
            in_flight,
            cancelled,
        }))
    }

    fn planner_or_default(&self) -> Arc<dyn Planner> {
        self.planner.clone().unwrap_or_else(|| Arc::new(RulePlanner::default()))
    }

    fn stack(&self) -> Result<ReliabilityStack, BuildError> {
        let mut stack = self.reliability.stack();
        if let Some(earlier) = &self.earlier {
            stack = stack.share(earlier);
        }
        if let Some(health) = &self.health {
            stack = stack.health(health.clone());
        }
        if let Some(store) = &self.store {
            stack = stack.store(Arc::clone(store));
        }
        Ok(stack.build()?)
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }
}

/// What a configuration reads of the code.
#[cfg(feature = "config")]
impl ClientBuilder {
    /// Whether [`build`](Self::build) makes a client.
    pub(crate) fn check(&self) -> Result<(), BuildError> {
        stacks::reliable(&self.registrations, &self.stack()?, self.planner_or_default()).map(|_| ())
    }

    pub(crate) fn reliability_config(&self) -> &ReliabilityConfig {
        &self.reliability
    }

    pub(crate) fn registrations(&self) -> &[Registration] {
        &self.registrations
    }

    /// Takes the place of an earlier client: with what that has learnt, instead of a board and, if `store` says so, a store
    /// of its own, and with its runs in flight, so that draining waits for them too.
    pub(crate) fn sharing(mut self, earlier: &Client, store: bool) -> Self {
        self.earlier = Some(earlier.inner().stack.clone());
        self.in_flight = Some(earlier.in_flight().clone());
        self.health = None;
        self.store = self.store.filter(|_| !store);
        self
    }

    pub(crate) fn has_store(&self) -> bool {
        self.store.is_some()
    }
}

impl std::fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tools: Vec<_> = self.registrations.iter().map(|registration| registration.spec().name()).collect();
        f.debug_struct("ClientBuilder").field("tools", &tools).field("settings", &self.settings).finish_non_exhaustive()
    }
}
