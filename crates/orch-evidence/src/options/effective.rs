//! What holds: the value that is set, else the default.

use std::sync::LazyLock;
use std::time::Duration;

use orch_core::Budget;
use serde_json::{Value, json};

use super::{BundleLimits, BundleOptions, Delivery, Diversity, Order, StopName, Waves};
use crate::ConsensusRules;
use crate::seeds::seeds;

impl BundleOptions {
    pub(crate) fn replicates(&self) -> u32 {
        self.k.unwrap_or(Self::DEFAULT_K)
    }

    /// What whoever chooses this bundle should know of it.
    pub(crate) fn of_choice(&self) -> Value {
        let mut options = json!({ "k": self.replicates() });
        if let Some(epsilon) = self.epsilon {
            options["epsilon"] = json!(epsilon);
        }
        options
    }

    pub(crate) fn epsilon_given(&self) -> Option<f64> {
        self.epsilon
    }

    pub(crate) fn wave(&self) -> Waves {
        self.waves.unwrap_or_default()
    }

    pub(crate) fn looked_at(&self) -> Order {
        self.order.unwrap_or_default()
    }

    pub(crate) fn without_stop(self) -> Self {
        Self { stop: None, ..self }
    }

    pub(crate) fn stop_name(&self) -> Option<StopName> {
        self.stop
    }

    pub(crate) fn parallel(&self) -> usize {
        self.max_parallel.map_or(usize::MAX, |most| most as usize)
    }

    pub(crate) fn replicate_budget(&self) -> Option<&Budget> {
        self.per_replicate_budget.as_ref()
    }

    pub(crate) fn empty_is_valid(&self) -> bool {
        self.allow_empty.unwrap_or(false)
    }

    pub(crate) fn least_valid(&self) -> usize {
        self.min_valid.unwrap_or(1) as usize
    }

    pub(crate) fn delivered(&self) -> Delivery {
        self.delivery.unwrap_or_default()
    }

    pub(crate) fn diversified(&self) -> &Diversity {
        self.diversity.as_ref().unwrap_or(&Diversity::Seeds)
    }

    pub(crate) fn bundle_budget(&self) -> Option<&Budget> {
        self.budget.as_ref()
    }

    pub(crate) fn time_limit(&self) -> Option<Duration> {
        self.timeout
    }

    pub(crate) fn summary_limits(&self) -> BundleLimits {
        self.bundle_limits.unwrap_or_default()
    }

    pub(crate) fn inline_schema(&self) -> Option<&Value> {
        self.schema.as_ref()
    }

    pub(crate) fn uri_of_schema(&self) -> Option<&str> {
        self.schema_uri.as_deref()
    }

    /// The weight of a replicate by its place; 1 on average over all K.
    pub(crate) fn weight(&self, at: usize) -> f64 {
        let Some(weights) = &self.weights else { return 1.0 };
        let k = self.replicates() as usize;
        let all: f64 = weights.iter().take(k).sum();
        weights.get(at).map_or(1.0, |weight| weight * k as f64 / all)
    }

    pub(crate) fn is_weighted(&self) -> bool {
        self.weights.is_some()
    }

    pub(crate) fn reads_json(&self) -> bool {
        self.parse_json.unwrap_or(false)
    }

    pub(crate) fn rules_given(&self) -> &ConsensusRules {
        static NONE: LazyLock<ConsensusRules> = LazyLock::new(ConsensusRules::new);
        self.rules.as_ref().unwrap_or(&NONE)
    }

    pub(crate) fn inner_options(&self) -> &Value {
        self.inner.as_ref().unwrap_or(&Value::Null)
    }

    /// The seeds of all replicates; `base` is the seed of the call itself.
    pub(crate) fn all_seeds(&self, base: Option<u64>) -> Vec<u64> {
        let derived = || seeds(self.seed.or(base).unwrap_or(0), self.replicates());
        self.seeds.clone().unwrap_or_else(derived)
    }
}
