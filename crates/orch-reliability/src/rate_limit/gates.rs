use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use orch_core::Target;
use tokio::time::Instant;

use super::RateLimitConfig;
use super::gate::Gate;

/// From so many targets on, those that nobody uses and that have rested are forgotten before one is added. They would be
/// made anew just as they are.
const KEPT: usize = 256;

/// The gate of every target that was called and is limited.
#[derive(Debug, Default)]
pub(super) struct Gates {
    default: Option<RateLimitConfig>,
    special: HashMap<Target, RateLimitConfig>,
    gates: Mutex<HashMap<Target, Arc<Gate>>>,
}

impl Gates {
    pub(super) fn new(default: Option<RateLimitConfig>, special: HashMap<Target, RateLimitConfig>) -> Self {
        Self { default, special, gates: Mutex::default() }
    }

    /// `None` when the target is not limited.
    pub(super) fn of(&self, target: &Target) -> Option<Arc<Gate>> {
        let config = self.special.get(target).or(self.default.as_ref())?;
        // Nothing in here can stop half-way, so a poisoned map is still right.
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = gates.get(target) {
            return Some(Arc::clone(gate));
        }
        if gates.len() >= KEPT {
            let now = Instant::now();
            gates.retain(|_, gate| Arc::strong_count(gate) > 1 || !gate.is_rested(now));
        }
        let gate = Arc::new(Gate::new(config));
        gates.insert(target.clone(), Arc::clone(&gate));
        Some(gate)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::gate::Entry;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn rested_targets_are_forgotten_and_those_that_were_just_used_are_kept() {
        let config = RateLimitConfig::per_minute(1).max_wait(Duration::ZERO);
        let gates = Gates::new(Some(config), HashMap::new());
        for n in 0..KEPT {
            let _ = gates.of(&Target::new(format!("t{n}")));
        }
        tokio::time::advance(Duration::from_secs(59)).await;
        let used = Target::new("t0");
        assert!(matches!(gates.of(&used).unwrap().enter(None), Entry::Open));
        tokio::time::advance(Duration::from_secs(1)).await;
        let _ = gates.of(&Target::new("one more"));
        assert_eq!(gates.gates.lock().unwrap().len(), 2);
        assert!(matches!(gates.of(&used).unwrap().enter(None), Entry::Full(wait) if wait == Duration::from_secs(59)));
    }
}
