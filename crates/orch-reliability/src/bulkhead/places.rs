use std::sync::Arc;

use orch_core::Target;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::per_target::{PerTarget, Rests};

/// The semaphore of every target that was called.
#[derive(Debug)]
pub(super) struct Places {
    per_target: usize,
    semaphores: PerTarget<Semaphore>,
}

impl Places {
    pub(super) fn new(per_target: usize) -> Self {
        Self { per_target, semaphores: PerTarget::default() }
    }

    pub(super) fn of(&self, target: &Target) -> Arc<Semaphore> {
        self.semaphores.of(target, || Semaphore::new(self.per_target))
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
        let places = Places::new(1);
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
