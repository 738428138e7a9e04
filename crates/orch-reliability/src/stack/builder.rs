use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use orch_core::store::IdempotencyStore;
use orch_core::{Budget, HealthBoard};

use super::{ReliabilityConfig, RunStackLayer, ToolStackLayer};
use crate::bulkhead::BulkheadLayer;
use crate::circuit_breaker::CircuitBreakerHandle;
use crate::{ConfigError, IdempotencyLayer};

/// The layers of a [`ReliabilityConfig`], in the documented order: one stack around each tool, one around each run.
///
/// Clones, and all services made from them, share breakers, limits, places and remembered results, each by target or
/// key; so one stack serves any number of tools.
#[derive(Clone, Debug)]
pub struct ReliabilityStack {
    config: ReliabilityConfig,
    health: HealthBoard,
    tool: ToolStackLayer,
    run: RunStackLayer,
}

impl ReliabilityStack {
    /// What stands around a tool: retry → circuit breaker → rate limit → bulkhead → attempt timeout → catch-panic.
    #[must_use]
    pub fn tool(&self) -> ToolStackLayer {
        self.tool.clone()
    }

    /// As [`tool`](Self::tool), with the retries and timeouts that the tool of this name has of its own.
    #[must_use]
    pub fn tool_named(&self, name: &str) -> ToolStackLayer {
        self.tool.named(name)
    }

    /// What stands around a run: trace → catch-panic → total deadline → idempotency → budget; inside it planning,
    /// fallback, tools.
    #[must_use]
    pub fn run(&self) -> RunStackLayer {
        self.run.clone()
    }

    /// The places of [`tool`](Self::tool) alone, for tools that must not be repeated or broken.
    #[must_use]
    pub fn bulkhead(&self) -> BulkheadLayer {
        self.tool.bulkhead.clone()
    }

    /// Looks at the circuits and overrules them.
    #[must_use]
    pub fn circuit_breakers(&self) -> CircuitBreakerHandle {
        self.tool.breaker.handle()
    }

    /// Where the circuit breakers write how their targets are.
    #[must_use]
    pub fn health(&self) -> &HealthBoard {
        &self.health
    }

    /// The settings that the layers were made from.
    pub fn config(&self) -> &ReliabilityConfig {
        &self.config
    }

    /// The configured deadline of every run.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.config.deadline
    }

    /// The configured budget of every run.
    pub fn budget(&self) -> &Budget {
        &self.config.budget
    }
}

/// Makes a [`ReliabilityStack`]; see [`ReliabilityConfig::stack`].
#[derive(Clone)]
#[must_use]
pub struct StackBuilder<'a> {
    config: &'a ReliabilityConfig,
    health: Option<HealthBoard>,
    store: Option<Arc<dyn IdempotencyStore>>,
    earlier: Option<&'a ReliabilityStack>,
}

impl ReliabilityConfig {
    /// The layers, with a health board and a memory of their own.
    ///
    /// # Errors
    /// Names the first setting that cannot be used.
    pub fn build(&self) -> Result<ReliabilityStack, ConfigError> {
        self.stack().build()
    }

    /// Makes the layers around stores and state of one's own.
    ///
    /// ```
    /// use orch_core::HealthBoard;
    /// use orch_reliability::ReliabilityConfig;
    ///
    /// let health = HealthBoard::new();
    /// let config = ReliabilityConfig::default();
    /// let stack = config.stack().health(health.clone()).build()?;
    /// // Later, with other settings: what did not change goes on as it is.
    /// let config = config.max_in_flight(8);
    /// let stack = config.stack().share(&stack).build()?;
    /// # let _ = stack;
    /// # Ok::<(), orch_reliability::ConfigError>(())
    /// ```
    pub fn stack(&self) -> StackBuilder<'_> {
        StackBuilder { config: self, health: None, store: None, earlier: None }
    }
}

impl<'a> StackBuilder<'a> {
    /// Circuit breakers write every change to this board; default: a new one.
    pub fn health(mut self, health: HealthBoard) -> Self {
        self.health = Some(health);
        self
    }

    /// Runs with an idempotency key are remembered here; default: in memory, at most 64 MiB.
    pub fn store(mut self, store: Arc<dyn IdempotencyStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Shares the state of an earlier stack: its memory of keys always, and its circuits (with their health), rate
    /// limits and places as far as their settings are the same. [`health`](Self::health) and [`store`](Self::store)
    /// win over it.
    pub fn share(mut self, earlier: &'a ReliabilityStack) -> Self {
        self.earlier = Some(earlier);
        self
    }

    /// The layers.
    ///
    /// # Errors
    /// Names the first setting that cannot be used.
    pub fn build(self) -> Result<ReliabilityStack, ConfigError> {
        let config = self.config;
        config.check()?;
        let same_circuits =
            self.earlier.filter(|earlier| self.health.is_none() && config.same_circuits(&earlier.config));
        let health = same_circuits.map(|earlier| earlier.health.clone()).or(self.health).unwrap_or_default();
        let mut tool = ToolStackLayer::new(config, health.clone())?;
        if let Some(earlier) = same_circuits {
            tool.breaker = earlier.tool.breaker.clone();
        }
        if let Some(earlier) = self.earlier {
            tool.share_limits(config, &earlier.tool, &earlier.config);
        }
        let idempotency = match (self.store, self.earlier) {
            (Some(store), _) => IdempotencyLayer::with_store(store),
            (None, Some(earlier)) => earlier.run.idempotency.clone(),
            (None, None) => IdempotencyLayer::in_memory(),
        };
        let run = RunStackLayer::new(config, idempotency)?;
        Ok(ReliabilityStack { config: config.clone(), health, tool, run })
    }
}

impl fmt::Debug for StackBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StackBuilder").field("config", self.config).finish_non_exhaustive()
    }
}
