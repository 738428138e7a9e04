use std::time::Duration;

use orch_core::Budget;
use tower::Layer;

use super::ReliabilityConfig;
use crate::ConfigError;
use crate::budget::{BudgetLayer, Budgeted};
use crate::catch_panic::{CatchPanic, CatchPanicLayer};
use crate::idempotency::{Idempotency, IdempotencyLayer};
use crate::timeout::{Timeout, TimeoutLayer, Total};
use crate::trace::{Trace, TraceLayer};

/// A run inside its layers; see [`ReliabilityStack::run`](super::ReliabilityStack::run).
pub type RunStack<S> = Trace<CatchPanic<Timeout<Idempotency<Budgeted<S>>, Total>>>;

/// The layers around a run; see [`ReliabilityStack::run`](super::ReliabilityStack::run).
#[derive(Clone, Debug)]
pub struct RunStackLayer {
    total: TimeoutLayer<Total>,
    pub(super) idempotency: IdempotencyLayer,
    budget: BudgetLayer,
}

impl RunStackLayer {
    pub(super) fn new(config: &ReliabilityConfig, idempotency: IdempotencyLayer) -> Result<Self, ConfigError> {
        Ok(Self {
            total: TimeoutLayer::total(config.deadline),
            idempotency: idempotency.config(config.idempotency),
            budget: budget(&config.budget)?,
        })
    }

    /// Without the configured deadline and budget: only those hold that a run brings in its context.
    #[must_use]
    pub fn without_limits(mut self) -> Self {
        self.total = TimeoutLayer::total(CENTURY);
        self.budget = BudgetLayer::default();
        self
    }
}

/// Longer than any run.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

fn budget(budget: &Budget) -> Result<BudgetLayer, ConfigError> {
    BudgetLayer::new(budget.clone()).map_err(|error| {
        let value = serde_json::to_string(budget).unwrap_or_default();
        ConfigError::new("budget", value, error.to_string())
    })
}

impl<S> Layer<S> for RunStackLayer {
    type Service = RunStack<S>;

    fn layer(&self, run: S) -> RunStack<S> {
        let once = self.idempotency.layer(self.budget.layer(run));
        TraceLayer::new().layer(CatchPanicLayer::new().layer(self.total.layer(once)))
    }
}
