//! The stop rules that are compared.

use std::sync::Arc;

use orch_evidence::StopRule;
use orch_evidence::stopping::{AdaptiveBeta, DirichletMode, Epsilon, Horizon, Lock, Window, adaptive};

/// Each rule with its name; all at the values that the crate documents for them.
pub(crate) fn rules() -> Vec<(&'static str, Arc<dyn StopRule>)> {
    vec![
        ("default", Arc::new(adaptive())),
        ("epsilon", Arc::new(Epsilon::new())),
        ("lock", Arc::new(Lock)),
        ("horizon", Arc::new(Horizon::new(0.5, 0.99))),
        ("adaptive-beta", Arc::new(AdaptiveBeta::new(0.95))),
        ("dirichlet-mode", Arc::new(DirichletMode::new(0.5, 0.95))),
        ("window", Arc::new(Window::new(5))),
    ]
}
