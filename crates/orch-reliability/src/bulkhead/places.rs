use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use orch_core::Target;
use tokio::sync::Semaphore;

/// The semaphore of every target that was called.
#[derive(Debug)]
pub(super) struct Places {
    per_target: usize,
    semaphores: Mutex<HashMap<Target, Arc<Semaphore>>>,
}

/// From so many targets on, those that nobody uses are forgotten before one is added. They would be made anew just as
/// they are: all places free.
const KEPT: usize = 256;

impl Places {
    pub(super) fn new(per_target: usize) -> Self {
        Self { per_target, semaphores: Mutex::default() }
    }

    pub(super) fn of(&self, target: &Target) -> Arc<Semaphore> {
        // Nothing in here can stop half-way, so a poisoned map is still right.
        let mut semaphores = self.semaphores.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(semaphore) = semaphores.get(target) {
            return Arc::clone(semaphore);
        }
        if semaphores.len() >= KEPT {
            // Permits and waiters hold the semaphore too.
            semaphores.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
        }
        let semaphore = Arc::new(Semaphore::new(self.per_target));
        semaphores.insert(target.clone(), Arc::clone(&semaphore));
        semaphore
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
        for n in 0..10 * KEPT {
            assert_eq!(places.of(&Target::new(format!("t{n}"))).available_permits(), 1);
        }
        assert!(places.semaphores.lock().unwrap().len() <= KEPT + 1);
        assert_eq!(places.of(&busy).available_permits(), 0);
        drop(permit);
        assert_eq!(places.of(&busy).available_permits(), 1);
    }
}
