use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use orch_core::{HealthBoard, Target};
use tokio::time::Instant;

use super::CircuitBreakerConfig;
use super::breaker::Breaker;
use super::state::Rules;

/// From how many circuits on quiet ones are forgotten.
const SWEEP_AT: usize = 64;

/// The circuits of a layer, made when a target is first called.
#[derive(Debug)]
pub(super) struct Registry {
    default: CircuitBreakerConfig,
    special: HashMap<Target, CircuitBreakerConfig>,
    health: Option<HealthBoard>,
    seed: u64,
    circuits: RwLock<Circuits>,
}

#[derive(Debug)]
struct Circuits {
    by_target: HashMap<Target, Arc<Breaker>>,
    sweep_at: usize,
}

impl Registry {
    pub(super) fn new(
        default: CircuitBreakerConfig,
        special: HashMap<Target, CircuitBreakerConfig>,
        health: Option<HealthBoard>,
        seed: u64,
    ) -> Self {
        let circuits = RwLock::new(Circuits { by_target: HashMap::new(), sweep_at: SWEEP_AT });
        Self { default, special, health, seed, circuits }
    }

    pub(super) fn circuit(&self, target: &Target) -> Arc<Breaker> {
        self.existing(target).unwrap_or_else(|| self.make(target))
    }

    pub(super) fn existing(&self, target: &Target) -> Option<Arc<Breaker>> {
        self.circuits.read().unwrap_or_else(PoisonError::into_inner).by_target.get(target).cloned()
    }

    pub(super) fn targets(&self) -> Vec<Target> {
        let circuits = self.circuits.read().unwrap_or_else(PoisonError::into_inner);
        let mut targets: Vec<_> = circuits.by_target.keys().cloned().collect();
        targets.sort();
        targets
    }

    fn make(&self, target: &Target) -> Arc<Breaker> {
        let mut circuits = self.circuits.write().unwrap_or_else(PoisonError::into_inner);
        circuits.make_room(Instant::now());
        let entry = circuits.by_target.entry(target.clone()).or_insert_with(|| {
            let config = self.special.get(target).unwrap_or(&self.default).clone();
            let rules = Rules { config, seed: self.seed };
            Arc::new(Breaker::new(target.clone(), rules, self.health.clone()))
        });
        Arc::clone(entry)
    }
}

impl Circuits {
    /// Forgets circuits that nobody uses and that would behave the same if made anew. Each sweep is paid for by
    /// as many new targets as it looks at.
    fn make_room(&mut self, now: Instant) {
        if self.by_target.len() < self.sweep_at {
            return;
        }
        self.by_target.retain(|_, circuit| Arc::strong_count(circuit) > 1 || !circuit.is_idle(now));
        self.sweep_at = SWEEP_AT.max(2 * self.by_target.len());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use orch_core::CallContext;

    use super::*;
    use crate::circuit_breaker::state::Order;

    #[tokio::test(start_paused = true)]
    async fn quiet_circuits_are_forgotten_open_and_busy_ones_are_kept() {
        let registry = Registry::new(CircuitBreakerConfig::default(), HashMap::new(), None, 0);
        registry.circuit(&"open".into()).order(Order::Open);
        let busy = registry.circuit(&"busy".into()).admit(&CallContext::new()).unwrap();
        for n in 0..200 {
            let _ = registry.circuit(&format!("quiet-{n}").into());
        }
        assert_eq!(registry.targets().len(), 202);
        tokio::time::advance(Duration::from_secs(900)).await;
        for n in 0..100 {
            let _ = registry.circuit(&format!("new-{n}").into());
        }
        let kept = registry.targets();
        assert!(kept.len() < 202, "{}", kept.len());
        assert!(kept.contains(&"open".into()) && kept.contains(&"busy".into()));
        drop(busy);
    }
}
