use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::time::Instant;

use crate::Target;

/// The state of a target's circuit breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Circuit {
    /// Calls pass.
    #[default]
    Closed,
    /// Calls are rejected until then.
    Open {
        /// When the first probe is let through.
        until: Instant,
    },
    /// A few probes decide.
    HalfOpen,
}

/// What is known about a target's condition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Its circuit.
    pub circuit: Circuit,
    /// It asked to be left alone until then (429 with Retry-After).
    pub cooldown_until: Option<Instant>,
    /// Its quota is used up until then.
    pub quota_until: Option<Instant>,
}

impl Health {
    /// When a call may be tried again; `None` means now.
    #[must_use]
    pub fn blocked_until(&self, now: Instant) -> Option<Instant> {
        let open = match self.circuit {
            Circuit::Open { until } => Some(until),
            Circuit::Closed | Circuit::HalfOpen => None,
        };
        open.max(self.cooldown_until).max(self.quota_until).filter(|until| *until > now)
    }
}

/// The health of every target, written by breakers and read by planners. Clones share one board.
#[derive(Clone, Debug, Default)]
pub struct HealthBoard(Arc<RwLock<HashMap<Target, Health>>>);

impl HealthBoard {
    /// An empty board: every target is healthy.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The health of a target; one that nobody wrote about is healthy.
    #[must_use]
    pub fn read(&self, target: &Target) -> Health {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(target).copied().unwrap_or_default()
    }

    /// Changes the health of a target.
    pub fn update(&self, target: &Target, change: impl FnOnce(&mut Health)) {
        let mut board = self.0.write().unwrap_or_else(PoisonError::into_inner);
        change(board.entry(target.clone()).or_default());
    }

    /// Asks everyone to leave a target alone until then; an earlier moment does not shorten a later one.
    pub fn raise_cooldown(&self, target: &Target, until: Instant) {
        self.update(target, |health| health.cooldown_until = health.cooldown_until.max(Some(until)));
    }

    /// Notes that a target's quota is used up until then; an earlier moment does not shorten a later one.
    pub fn raise_quota(&self, target: &Target, until: Instant) {
        self.update(target, |health| health.quota_until = health.quota_until.max(Some(until)));
    }

    /// Every target somebody wrote about, by name.
    #[must_use]
    pub fn snapshot(&self) -> Vec<(Target, Health)> {
        let board = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = board.iter().map(|(target, health)| (target.clone(), *health)).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_later_hint_extends_a_cooldown_and_an_earlier_one_does_not_shorten_it() {
        let (board, target, now) = (HealthBoard::new(), Target::new("openai"), Instant::now());
        for seconds in [5, 9, 2] {
            board.raise_cooldown(&target, now + Duration::from_secs(seconds));
        }
        assert_eq!(board.read(&target).blocked_until(now), Some(now + Duration::from_secs(9)));
        assert_eq!(board.read(&target).blocked_until(now + Duration::from_secs(9)), None);
        assert_eq!(board.read(&Target::new("other")), Health::default());
    }
}
