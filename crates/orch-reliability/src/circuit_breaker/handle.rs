use std::sync::Arc;

use orch_core::{Circuit, Target};
use tokio::time::Instant;

use super::registry::Registry;
use super::state::Order;

/// Looks at the circuits of a [`CircuitBreakerLayer`](super::CircuitBreakerLayer) and overrules them.
#[derive(Clone, Debug)]
pub struct CircuitBreakerHandle {
    registry: Arc<Registry>,
}

impl CircuitBreakerHandle {
    pub(super) fn new(registry: Arc<Registry>) -> Self {
        Self { registry }
    }

    /// How a target's circuit stands; one that was never called is closed.
    #[must_use]
    pub fn snapshot(&self, target: &Target) -> CircuitSnapshot {
        let circuit = self.registry.existing(target);
        circuit.map_or_else(CircuitSnapshot::default, |circuit| {
            circuit.read(|state, now| {
                let counts = state.counts(now);
                CircuitSnapshot {
                    circuit: state.circuit(now),
                    calls: counts.calls,
                    failures: counts.failures,
                    slow: counts.slow,
                    consecutive_failures: counts.consecutive,
                    openings: state.openings(),
                    cooldown_until: state.cooldown_until(now),
                }
            })
        })
    }

    /// Every target that has a circuit, by name.
    #[must_use]
    pub fn targets(&self) -> Vec<Target> {
        self.registry.targets()
    }

    /// Takes a target out of use: its circuit stays open until [`force_closed`](Self::force_closed) or
    /// [`reset`](Self::reset). Its rejections carry no `retry_after`: nobody knows.
    pub fn force_open(&self, target: &Target) {
        self.registry.circuit(target).order(Order::Open);
    }

    /// Closes a target's circuit, with empty counters. From then on it opens by its rules again; what the target
    /// asked for (Retry-After, a used-up quota) is still kept to.
    pub fn force_closed(&self, target: &Target) {
        self.registry.circuit(target).order(Order::Close);
    }

    /// Forgets everything about a target: its failures, and what it asked for.
    pub fn reset(&self, target: &Target) {
        self.registry.circuit(target).order(Order::Reset);
    }
}

/// How a circuit stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CircuitSnapshot {
    /// Closed, open or half-open.
    pub circuit: Circuit,
    /// Calls in the window whose outcome says something about the target.
    pub calls: u32,
    /// How many of them failed.
    pub failures: u32,
    /// How many of them were slow.
    pub slow: u32,
    /// Failures since the last success.
    pub consecutive_failures: u32,
    /// How many times it opened without staying closed for a cooldown in between.
    pub openings: u32,
    /// The target asked to be left alone until then.
    pub cooldown_until: Option<Instant>,
}
