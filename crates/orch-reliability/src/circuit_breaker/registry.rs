use std::collections::HashMap;
use std::sync::Arc;

use orch_core::{HealthBoard, Target};

use super::CircuitBreakerConfig;
use super::breaker::Breaker;
use super::state::Rules;
use crate::per_target::PerTarget;

/// The circuits of a layer, made when a target is first called.
#[derive(Debug)]
pub(super) struct Registry {
    default: CircuitBreakerConfig,
    special: HashMap<Target, CircuitBreakerConfig>,
    health: Option<HealthBoard>,
    seed: u64,
    circuits: PerTarget<Breaker>,
}

impl Registry {
    pub(super) fn new(
        default: CircuitBreakerConfig,
        special: HashMap<Target, CircuitBreakerConfig>,
        health: Option<HealthBoard>,
        seed: u64,
    ) -> Self {
        Self { default, special, health, seed, circuits: PerTarget::default() }
    }

    pub(super) fn circuit(&self, target: &Target) -> Arc<Breaker> {
        self.circuits.of(target, || {
            let config = self.special.get(target).unwrap_or(&self.default).clone();
            Breaker::new(target.clone(), Rules { config, seed: self.seed }, self.health.clone())
        })
    }

    pub(super) fn existing(&self, target: &Target) -> Option<Arc<Breaker>> {
        self.circuits.existing(target)
    }

    pub(super) fn targets(&self) -> Vec<Target> {
        self.circuits.targets()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use orch_core::{CallContext, Circuit, Error};

    use super::*;
    use crate::circuit_breaker::state::Order;
    use crate::circuit_breaker::verdict::Verdict;

    #[tokio::test(start_paused = true)]
    async fn quiet_circuits_are_forgotten_those_forced_open_and_busy_ones_are_kept() {
        let registry = Registry::new(CircuitBreakerConfig::default(), HashMap::new(), None, 0);
        registry.circuit(&"open".into()).order(Order::Open);
        let busy = registry.circuit(&"busy".into()).admit(&CallContext::new()).unwrap();
        for n in 0..200 {
            let quiet = registry.circuit(&format!("quiet-{n}").into());
            quiet.admit(&CallContext::new()).unwrap().report(Verdict::Success);
        }
        assert_eq!(registry.targets().len(), 202);
        tokio::time::advance(Duration::from_secs(60)).await;
        for n in 0..100 {
            let _ = registry.circuit(&format!("new-{n}").into());
        }
        let kept = registry.targets();
        assert!(kept.len() < 202, "{}", kept.len());
        assert!(kept.contains(&"open".into()) && kept.contains(&"busy".into()));
        drop(busy);
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_circuit_that_nobody_asks_about_is_forgotten_and_healthy_on_the_board() {
        let (board, failing) = (HealthBoard::new(), Target::new("failing"));
        let config = CircuitBreakerConfig::default().jitter(0.0);
        let registry = Registry::new(config, HashMap::new(), Some(board.clone()), 0);
        for _ in 0..5 {
            let failed = Err::<(), _>(Error::transient("it failed"));
            registry.circuit(&failing).admit(&CallContext::new()).unwrap().report(Verdict::of(&failed));
        }
        let crowd = |name: &str| (0..300).for_each(|n| drop(registry.circuit(&format!("{name}-{n}").into())));
        // Open for 30 s, then waiting for somebody to ask.
        tokio::time::advance(Duration::from_secs(929)).await;
        crowd("early");
        assert!(registry.targets().contains(&failing));
        assert_ne!(board.read(&failing).circuit, Circuit::Closed);
        tokio::time::advance(Duration::from_secs(1)).await;
        crowd("late");
        assert!(!registry.targets().contains(&failing));
        assert_eq!(board.read(&failing).circuit, Circuit::Closed);
    }
}
