//! What a layer keeps for each target: a circuit, places, a limit.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use orch_core::Target;
use tokio::time::Instant;

/// From so many targets on, those that are at rest are forgotten.
const SWEEP_AT: usize = 64;

/// Values by target, made when a target is first called. Those that nobody uses and that have come to rest are
/// forgotten, so the memory follows the targets in use, not the targets ever seen.
#[derive(Debug)]
pub(crate) struct PerTarget<V> {
    shelf: RwLock<Shelf<V>>,
}

#[derive(Debug)]
struct Shelf<V> {
    by_target: HashMap<Target, Arc<V>>,
    sweep_at: usize,
}

/// A value that can come to rest.
pub(crate) trait Rests {
    /// Whether one made anew would serve as well. Asked only of a value that nobody uses.
    fn is_at_rest(&self, now: Instant) -> bool;

    /// It is forgotten: the last chance to tell others.
    fn forgotten(&self) {}
}

impl<V> Default for PerTarget<V> {
    fn default() -> Self {
        Self { shelf: RwLock::new(Shelf { by_target: HashMap::new(), sweep_at: SWEEP_AT }) }
    }
}

impl<V: Rests> PerTarget<V> {
    /// The target's value; made if there is none.
    pub(crate) fn of(&self, target: &Target, make: impl FnOnce() -> V) -> Arc<V> {
        self.existing(target).unwrap_or_else(|| {
            // Nothing under the lock can stop half-way, so a poisoned shelf is still right.
            let mut shelf = self.shelf.write().unwrap_or_else(PoisonError::into_inner);
            shelf.make_room(Instant::now());
            Arc::clone(shelf.by_target.entry(target.clone()).or_insert_with(|| Arc::new(make())))
        })
    }

    /// The target's value, if there is one.
    pub(crate) fn existing(&self, target: &Target) -> Option<Arc<V>> {
        self.shelf.read().unwrap_or_else(PoisonError::into_inner).by_target.get(target).cloned()
    }

    /// The targets that have a value, by name.
    pub(crate) fn targets(&self) -> Vec<Target> {
        let shelf = self.shelf.read().unwrap_or_else(PoisonError::into_inner);
        let mut targets: Vec<_> = shelf.by_target.keys().cloned().collect();
        targets.sort();
        targets
    }
}

impl<V: Rests> Shelf<V> {
    /// Each sweep is paid for by as many new targets as it leaves behind, so that adding n costs n.
    fn make_room(&mut self, now: Instant) {
        if self.by_target.len() < self.sweep_at {
            return;
        }
        self.by_target.retain(|_, value| {
            let kept = Arc::strong_count(value) > 1 || !value.is_at_rest(now);
            if !kept {
                value.forgotten();
            }
            kept
        });
        self.sweep_at = SWEEP_AT.max(2 * self.by_target.len());
    }
}

/// What a service found for the first target it was called for. Most services only ever serve one; for that one they
/// need neither a lock nor a hash from then on.
#[derive(Debug)]
pub(crate) struct First<T>(OnceLock<(Target, T)>);

impl<T: Clone> First<T> {
    pub(crate) const fn unknown() -> Self {
        Self(OnceLock::new())
    }

    /// What `find` gives for the target, remembered for the first one.
    #[inline]
    pub(crate) fn or_find(&self, target: &Target, find: impl FnOnce() -> T) -> T {
        match self.0.get() {
            Some((first, found)) if first == target => found.clone(),
            Some(_) => find(),
            None => {
                let found = find();
                // Whoever is first stays; another one's is as good.
                let _ = self.0.set((target.clone(), found.clone()));
                found
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// At rest when told so; counts how often it is asked.
    #[derive(Default)]
    struct Asked {
        busy: bool,
        asked: Arc<AtomicUsize>,
    }

    impl Rests for Asked {
        fn is_at_rest(&self, _: Instant) -> bool {
            self.asked.fetch_add(1, Ordering::Relaxed);
            !self.busy
        }
    }

    fn target(n: usize) -> Target {
        Target::new(format!("t{n}"))
    }

    #[test]
    fn targets_at_rest_are_forgotten_and_those_in_use_are_kept() {
        let all = PerTarget::<Asked>::default();
        let used = all.of(&target(0), Asked::default);
        all.of(&target(1), || Asked { busy: true, ..Asked::default() });
        for n in 2..10 * SWEEP_AT {
            all.of(&target(n), Asked::default);
        }
        let kept = all.targets();
        assert!(kept.len() <= SWEEP_AT, "{}", kept.len());
        assert!(kept.contains(&target(0)) && kept.contains(&target(1)));
        assert!(Arc::ptr_eq(&used, &all.existing(&target(0)).unwrap()));
    }

    #[test]
    fn targets_that_never_rest_cost_a_look_or_two_each_however_many_there_are() {
        let (all, asked) = (PerTarget::<Asked>::default(), Arc::new(AtomicUsize::new(0)));
        let many = 64 * SWEEP_AT;
        for n in 0..many {
            all.of(&target(n), || Asked { busy: true, asked: Arc::clone(&asked) });
        }
        assert_eq!(all.targets().len(), many);
        assert!(asked.load(Ordering::Relaxed) <= 2 * many, "{}", asked.load(Ordering::Relaxed));
    }

    #[test]
    fn the_first_target_is_found_once_and_others_each_time() {
        let (first, found) = (First::unknown(), AtomicUsize::new(0));
        let find = |name: &str| first.or_find(&name.into(), || found.fetch_add(1, Ordering::Relaxed));
        assert_eq!([find("a"), find("a"), find("b"), find("b"), find("a")], [0, 0, 1, 2, 0]);
    }
}
