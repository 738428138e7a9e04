use std::collections::HashMap;
use std::sync::Arc;

use orch_core::Target;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::BulkheadConfig;
use crate::per_target::{PerTarget, Rests};

/// The semaphore of every target that was called.
#[derive(Debug)]
pub(super) struct Places {
    config: BulkheadConfig,
    by_target: HashMap<Target, BulkheadConfig>,
    semaphores: PerTarget<Semaphore>,
}

impl Places {
    pub(super) fn new(config: BulkheadConfig, by_target: HashMap<Target, BulkheadConfig>) -> Self {
        Self { config, by_target, semaphores: PerTarget::default() }
    }

    /// The settings of a target.
    pub(super) fn config(&self, target: &Target) -> BulkheadConfig {
        self.by_target.get(target).copied().unwrap_or(self.config)
    }

    pub(super) fn of(&self, target: &Target) -> Arc<Semaphore> {
        self.semaphores.of(target, || Semaphore::new(self.config(target).max_in_flight))
    }
}

/// Permits and waiters hold the semaphore, so one that nobody holds has all its places free.
impl Rests for Semaphore {
    fn is_at_rest(&self, _: Instant) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_keeps_its_places_while_they_are_used_and_idle_targets_are_forgotten() {
        let places = Places::new(BulkheadConfig::default().max_in_flight(1), HashMap::new());
        let busy = Target::new("busy");
        let permit = places.of(&busy).try_acquire_owned().unwrap();
        for n in 0..1_000 {
            assert_eq!(places.of(&Target::new(format!("t{n}"))).available_permits(), 1);
        }
        assert!(places.semaphores.targets().len() < 500);
        assert_eq!(places.of(&busy).available_permits(), 0);
        drop(permit);
        assert_eq!(places.of(&busy).available_permits(), 1);
    }
}
