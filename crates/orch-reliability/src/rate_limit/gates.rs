use std::collections::HashMap;
use std::sync::Arc;

use orch_core::Target;
use tokio::time::Instant;

use super::RateLimitConfig;
use super::gate::Gate;
use crate::per_target::{PerTarget, Rests};

/// The gate of every target that was called and is limited.
#[derive(Debug, Default)]
pub(super) struct Gates {
    default: Option<RateLimitConfig>,
    special: HashMap<Target, RateLimitConfig>,
    gates: PerTarget<Gate>,
}

impl Gates {
    pub(super) fn new(default: Option<RateLimitConfig>, special: HashMap<Target, RateLimitConfig>) -> Self {
        Self { default, special, gates: PerTarget::default() }
    }

    /// `None` when the target is not limited.
    pub(super) fn of(&self, target: &Target) -> Option<Arc<Gate>> {
        let config = self.special.get(target).or(self.default.as_ref())?;
        Some(self.gates.of(target, || Gate::new(config)))
    }
}

impl Rests for Gate {
    fn is_at_rest(&self, now: Instant) -> bool {
        self.is_rested(now)
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
        for n in 0..256 {
            let _ = gates.of(&Target::new(format!("t{n}")));
        }
        tokio::time::advance(Duration::from_secs(59)).await;
        let used = Target::new("t0");
        assert!(matches!(gates.of(&used).unwrap().enter(None), Entry::Open));
        tokio::time::advance(Duration::from_secs(1)).await;
        let _ = gates.of(&Target::new("one more"));
        assert_eq!(gates.gates.targets().len(), 2);
        assert!(matches!(gates.of(&used).unwrap().enter(None), Entry::Full(wait) if wait == Duration::from_secs(59)));
    }
}
