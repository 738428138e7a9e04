use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use orch_core::{HealthBoard, Target};

use super::registry::Registry;
use super::{CircuitBreakerConfig, CircuitBreakerLayer};
use crate::ConfigError;

/// Makes a [`CircuitBreakerLayer`]; without a change, by the settings of [`CircuitBreakerConfig::default`].
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct CircuitBreakerBuilder {
    default: CircuitBreakerConfig,
    special: HashMap<Target, CircuitBreakerConfig>,
    health: Option<HealthBoard>,
    seed: Option<u64>,
}

/// The setters of the configuration, for all targets without one of their own.
macro_rules! settings {
    ($($name:ident: $kind:ty,)*) => {$(
        #[doc = concat!("As [`CircuitBreakerConfig::", stringify!($name), "`].")]
        pub fn $name(mut self, value: $kind) -> Self {
            self.default = self.default.$name(value);
            self
        }
    )*};
}

impl CircuitBreakerBuilder {
    settings! {
        failure_threshold: u32,
        failure_rate: f64,
        min_calls: u32,
        window: Duration,
        cooldown: Duration,
        max_cooldown: Duration,
        jitter: f64,
        probes: u32,
        successes_to_close: u32,
        probe_lease: Duration,
        slow_after: Duration,
        slow_rate: f64,
    }

    /// Replaces the settings of all targets without settings of their own.
    pub fn config(mut self, config: CircuitBreakerConfig) -> Self {
        self.default = config;
        self
    }

    /// Gives a target settings of its own; the last ones for a target count.
    pub fn for_target(mut self, target: impl Into<Target>, config: CircuitBreakerConfig) -> Self {
        self.special.insert(target.into(), config);
        self
    }

    /// Writes every change to this board, where planners read it; default: to none.
    pub fn health(mut self, board: HealthBoard) -> Self {
        self.health = Some(board);
        self
    }

    /// Makes the jitter repeatable; default: another one in every process.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The layer.
    ///
    /// # Errors
    /// Names the first setting that is out of its range.
    pub fn build(self) -> Result<CircuitBreakerLayer, ConfigError> {
        self.default.validate()?;
        for (target, config) in &self.special {
            config.validate().map_err(|error| error.of(target))?;
        }
        Ok(self.valid())
    }

    pub(super) fn valid(self) -> CircuitBreakerLayer {
        let seed = self.seed.unwrap_or_else(|| fastrand::u64(..));
        let registry = Registry::new(self.default, self.special, self.health, seed);
        CircuitBreakerLayer { registry: Arc::new(registry) }
    }
}

#[cfg(test)]
mod tests {
    use orch_core::{CallContext, Error};

    use super::*;
    use crate::circuit_breaker::verdict::Verdict;

    /// How long a circuit stays open after a failure.
    fn open_for(layer: &CircuitBreakerLayer) -> Duration {
        let circuit = layer.registry.circuit(&"down".into());
        let failed = Err::<(), _>(Error::transient("it failed"));
        Arc::clone(&circuit).admit(&CallContext::new()).unwrap().report(Verdict::of(&failed));
        circuit.admit(&CallContext::new()).unwrap_err().retry_after().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_builder_was_told_before_and_after_its_settings_were_replaced_holds() {
        let config =
            CircuitBreakerConfig::default().failure_threshold(1).cooldown(Duration::from_secs(100)).jitter(0.5);
        let board = HealthBoard::new();
        let built = || CircuitBreakerLayer::builder().health(board.clone()).config(config.clone());
        let (one, two) = (open_for(&built().seed(7).build().unwrap()), open_for(&built().seed(7).build().unwrap()));
        assert_eq!(one, two, "one seed, one jitter");
        assert!((50..150).contains(&one.as_secs()), "{one:?}");
        assert_ne!(board.read(&"down".into()), orch_core::Health::default());
        assert_ne!(one, open_for(&built().seed(8).build().unwrap()));
    }
}
