//! What may be set for one call.

mod choice;
mod diversity;
mod effective;
mod limits;
mod read;

use std::time::Duration;

use orch_core::Budget;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::choice::{Delivery, Order, StopName, Waves};
pub use self::diversity::{Diversity, Variation};
pub use self::limits::BundleLimits;
use crate::ConsensusRules;

/// What may be set for a bundle, each part only if given. A request's `tool_options` are these, in JSON,
/// laid over the layer's own values:
///
/// ```
/// use orch_evidence::BundleOptions;
/// use serde_json::json;
///
/// # fn main() -> Result<(), orch_core::Error> {
/// let asked = BundleOptions::from_json(&json!({ "k": 5, "waves": "all", "seed": 42 }))?;
/// assert_eq!(asked, BundleOptions::new().k(5).waves(orch_evidence::Waves::All).seed(42));
///
/// let error = BundleOptions::from_json(&json!({ "k": 0 })).unwrap_err();
/// assert!(error.to_string().contains("`/tool_options/k`"), "{error}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[must_use]
pub struct BundleOptions {
    /// How many replicates at most, 1 to 64; default 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    k: Option<u32>,
    /// The distance up to which two answers count as the same, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    epsilon: Option<f64>,
    /// The base from which the replicates' seeds follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    /// The seeds themselves, one for each replicate; instead of `seed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    seeds: Option<Vec<u64>>,
    /// How many replicates are started at a time; default `careful`.
    #[serde(skip_serializing_if = "Option::is_none")]
    waves: Option<Waves>,
    /// In which order ended replicates are looked at; default `launch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<Order>,
    /// The stop rule; default `adaptive`.
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<StopName>,
    /// How many replicates of this bundle run at the same time, at least 1; default: as many as the run allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_parallel: Option<u32>,
    /// What one replicate may use at most; default: no limit of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    per_replicate_budget: Option<Budget>,
    /// Whether an empty text or `null` is a valid answer; default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    allow_empty: Option<bool>,
    /// How many valid answers there must be, 1 to k; default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    min_valid: Option<u32>,
    /// What listeners get of the answer while the bundle is made; default `quiet`.
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<Delivery>,
    /// In what the replicates differ on purpose, besides their seeds; default `seeds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    diversity: Option<Diversity>,
    /// What all replicates may use together; default: no limit besides that of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<Budget>,
    /// How long the bundle may take, in milliseconds, more than 0; default: the run's deadline.
    #[serde(rename = "timeout_ms", with = "orch_core::serde_ms::option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<f64>")]
    timeout: Option<Duration>,
    /// How large the summary may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle_limits: Option<BundleLimits>,
    /// The JSON Schema that an answer must fit to be valid. Needs the feature `jsonschema`.
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<Value>,
    /// The schema that the answers follow, by its URI.
    #[serde(skip_serializing_if = "Option::is_none")]
    schema_uri: Option<String>,
    /// How the fields of structured answers are compared; default: by their types.
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<ConsensusRules>,
    /// How much each replicate's answer counts: one number for each, above 0; default: all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    weights: Option<Vec<f64>>,
    /// Whether a text that is JSON is compared as JSON; default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    parse_json: Option<bool>,
    /// The options that the replicated tool itself gets; default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    inner: Option<Value>,
}

impl BundleOptions {
    /// The number of replicates unless set.
    pub const DEFAULT_K: u32 = 3;
    /// The largest number of replicates.
    pub const MAX_K: u32 = 64;

    /// Nothing set.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many replicates at most, 1 to 64; default 3.
    pub fn k(mut self, replicates: u32) -> Self {
        self.k = Some(replicates);
        self
    }

    /// The distance up to which two answers count as the same, 0 to 1. Default: 0.02 of the leaves for JSON,
    /// 0.2 for texts of more than eight words, else 0; of answers of several kinds, what the median answer has.
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = Some(epsilon);
        self
    }

    /// The base from which the replicates' [`seeds`](crate::seeds()) follow; default: the call's own seed, else 0.
    pub fn seed(mut self, base: u64) -> Self {
        self.seed = Some(base);
        self
    }

    /// The seeds themselves, one for each replicate; they win over [`seed`](Self::seed).
    pub fn seeds(mut self, seeds: impl IntoIterator<Item = u64>) -> Self {
        self.seeds = Some(seeds.into_iter().collect());
        self
    }

    /// How many replicates are started at a time; default [`Waves::Careful`].
    pub fn waves(mut self, waves: Waves) -> Self {
        self.waves = Some(waves);
        self
    }

    /// In which order ended replicates are looked at; default [`Order::Launch`].
    pub fn order(mut self, order: Order) -> Self {
        self.order = Some(order);
        self
    }

    /// The stop rule, by name; it wins over the layer's own rule.
    pub fn stop(mut self, rule: StopName) -> Self {
        self.stop = Some(rule);
        self
    }

    /// How many replicates of this bundle run at the same time, at least 1; default: as many as the run allows.
    pub fn max_parallel(mut self, replicates: u32) -> Self {
        self.max_parallel = Some(replicates);
        self
    }

    /// What one replicate may use at most; default: no limit of its own.
    pub fn per_replicate_budget(mut self, budget: Budget) -> Self {
        self.per_replicate_budget = Some(budget);
        self
    }

    /// Whether an empty text or `null` is a valid answer; default: no.
    pub fn allow_empty(mut self, allow: bool) -> Self {
        self.allow_empty = Some(allow);
        self
    }

    /// How many valid answers there must be, 1 to k; default 1. With fewer the summary says `insufficient`. No rule
    /// stops the run before there are so many; once they cannot be reached any more, no further replicate is started.
    pub fn min_valid(mut self, answers: u32) -> Self {
        self.min_valid = Some(answers);
        self
    }

    /// What listeners get of the answer while the bundle is made; default [`Delivery::Quiet`].
    pub fn delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = Some(delivery);
        self
    }

    /// In what the replicates differ on purpose, besides their seeds; default [`Diversity::Seeds`].
    pub fn diversity(mut self, diversity: Diversity) -> Self {
        self.diversity = Some(diversity);
        self
    }

    /// What all replicates may use together; default: no limit besides that of the run.
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// How long the bundle may take, more than 0; what has ended by then is the evidence. Default: the run's deadline.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How large the summary may be.
    pub fn limits(mut self, limits: BundleLimits) -> Self {
        self.bundle_limits = Some(limits);
        self
    }

    /// The JSON Schema that an answer must fit to be valid. Needs the feature `jsonschema`; nothing that it refers to
    /// is fetched. It wins over the layer's own [`validator`](crate::ReplicateLayer::validator).
    pub fn schema(mut self, schema: impl Into<Value>) -> Self {
        self.schema = Some(schema.into());
        self
    }

    /// The schema that the answers follow, by its URI. It is checked when the layer has a
    /// [`schema`](crate::ReplicateLayer::schema) of this URI, and noted in the bundle in any case.
    pub fn schema_uri(mut self, uri: impl Into<String>) -> Self {
        self.schema_uri = Some(uri.into());
        self
    }

    /// How much each replicate's answer counts, in launch order: one number for each, finite and above 0; only their
    /// ratios matter. Default: all the same. [`LabelFree`](crate::weights::LabelFree) learns them from a history.
    ///
    /// They decide clusters, consensus and agreement. Stop rules count heads, and with weights they end a run only while the
    /// heaviest answer is also the one that most replicates gave.
    pub fn weights(mut self, weights: impl IntoIterator<Item = f64>) -> Self {
        self.weights = Some(weights.into_iter().collect());
        self
    }

    /// How the fields of structured answers are compared; default: by their types. Given rules replace all others.
    pub fn rules(mut self, rules: ConsensusRules) -> Self {
        self.rules = Some(rules);
        self
    }

    /// Whether a text that is JSON, alone or in a fence of backticks, is compared and validated as JSON; default: no. Of a
    /// key that comes twice the last one counts, with a warning in the replicate's `quality`. Another text stays one, with a
    /// warning too.
    pub fn parse_json(mut self, parse: bool) -> Self {
        self.parse_json = Some(parse);
        self
    }

    /// The options that the replicated tool itself gets; default: none.
    pub fn inner(mut self, options: impl Into<Value>) -> Self {
        self.inner = Some(options.into());
        self
    }

    /// These options laid over `base`.
    pub fn over(self, base: &Self) -> Self {
        Self {
            k: self.k.or(base.k),
            epsilon: self.epsilon.or(base.epsilon),
            // Whoever names a base seed does not mean the list of somebody else.
            seeds: self.seeds.or_else(|| base.seeds.clone().filter(|_| self.seed.is_none())),
            seed: self.seed.or(base.seed),
            waves: self.waves.or(base.waves),
            order: self.order.or(base.order),
            stop: self.stop.or(base.stop),
            max_parallel: self.max_parallel.or(base.max_parallel),
            per_replicate_budget: self.per_replicate_budget.or_else(|| base.per_replicate_budget.clone()),
            allow_empty: self.allow_empty.or(base.allow_empty),
            min_valid: self.min_valid.or(base.min_valid),
            delivery: self.delivery.or(base.delivery),
            diversity: self.diversity.or_else(|| base.diversity.clone()),
            budget: self.budget.or_else(|| base.budget.clone()),
            timeout: self.timeout.or(base.timeout),
            bundle_limits: self.bundle_limits.or(base.bundle_limits),
            schema: self.schema.or_else(|| base.schema.clone()),
            schema_uri: self.schema_uri.or_else(|| base.schema_uri.clone()),
            rules: self.rules.or_else(|| base.rules.clone()),
            weights: self.weights.or_else(|| base.weights.clone()),
            parse_json: self.parse_json.or(base.parse_json),
            inner: self.inner.or_else(|| base.inner.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
