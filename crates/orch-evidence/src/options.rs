//! What may be set for one call.

use std::sync::Arc;

use orch_core::{Budget, Content, Error, ErrorKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::seeds::seeds;
use crate::stopping::{Epsilon, Lock, Never, StopRule, adaptive};

/// How many replicates are started at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waves {
    /// Two, then one at a time, as long as they are needed: the cheapest. The default.
    #[default]
    Careful,
    /// As many as may run at the same time; a stop cancels those that still run: the fastest.
    All,
}

/// In which order ended replicates are looked at to decide whether to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// As they were launched. The default: the decision does not depend on which one is fast.
    #[default]
    Launch,
    /// As they end: sooner, but it favours fast answers, which are often the short ones.
    Completion,
}

impl Order {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Launch => "launch",
            Self::Completion => "completion",
        }
    }
}

/// The stop rules that have a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StopName {
    /// [`adaptive`](crate::stopping::adaptive), the default.
    Adaptive,
    /// [`Epsilon`] with the bundle's epsilon.
    Epsilon,
    /// [`Lock`].
    Lock,
    /// [`Never`].
    Never,
}

impl StopName {
    pub(crate) fn rule(self) -> Arc<dyn StopRule> {
        match self {
            Self::Adaptive => Arc::new(adaptive()),
            Self::Epsilon => Arc::new(Epsilon::new()),
            Self::Lock => Arc::new(Lock),
            Self::Never => Arc::new(Never),
        }
    }
}

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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[must_use]
pub struct BundleOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    k: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epsilon: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seeds: Option<Vec<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waves: Option<Waves>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<Order>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<StopName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_parallel: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_replicate_budget: Option<Budget>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allow_empty: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_diffs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inner: Option<Value>,
}

impl BundleOptions {
    /// The number of replicates unless set.
    pub const DEFAULT_K: u32 = 3;
    /// The largest number of replicates.
    pub const MAX_K: u32 = 64;
    /// How many disagreements a summary has at most unless set.
    pub const DEFAULT_MAX_DIFFS: u32 = 100;

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
    /// 0.2 for texts of more than eight words, else 0.
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

    /// How many disagreements the summary has at most; default 100.
    pub fn max_diffs(mut self, disagreements: u32) -> Self {
        self.max_diffs = Some(disagreements);
        self
    }

    /// The schema that the answers follow, noted in the bundle.
    pub fn schema_uri(mut self, uri: impl Into<String>) -> Self {
        self.schema_uri = Some(uri.into());
        self
    }

    /// The options that the replicated tool itself gets; default: none.
    pub fn inner(mut self, options: impl Into<Value>) -> Self {
        self.inner = Some(options.into());
        self
    }

    /// The options of a request; `null` sets nothing.
    ///
    /// # Errors
    /// `InvalidRequest` that points below `/tool_options` and names the value: of an unknown field, a
    /// wrong type, or a value that [`check`](Self::check) refuses.
    pub fn from_json(options: &Value) -> Result<Self, Error> {
        if options.is_null() {
            return Ok(Self::new());
        }
        // A struct could be read from an array too, by position.
        if !options.is_object() {
            return Err(Error::invalid("/tool_options", format!("{options}: the options of a bundle are an object")));
        }
        let read: Self = Content::json(options.clone()).get().map_err(|error| under_tool_options(&error))?;
        read.check().map_err(|error| under_tool_options(&error))?;
        Ok(read)
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
            max_diffs: self.max_diffs.or(base.max_diffs),
            schema_uri: self.schema_uri.or_else(|| base.schema_uri.clone()),
            inner: self.inner.or_else(|| base.inner.clone()),
        }
    }

    /// Whether all that is set can be kept.
    ///
    /// # Errors
    /// `InvalidRequest` that points at the field and names its value.
    pub fn check(&self) -> Result<(), Error> {
        let k = self.replicates();
        if !(1..=Self::MAX_K).contains(&k) {
            return Err(Error::invalid("/k", format!("{k} replicates: there must be 1 to {}", Self::MAX_K)));
        }
        if let Some(epsilon) = self.epsilon.filter(|epsilon| !(0.0..=1.0).contains(epsilon)) {
            return Err(Error::invalid("/epsilon", format!("{epsilon} is not between 0 and 1")));
        }
        if self.max_parallel == Some(0) {
            return Err(Error::invalid("/max_parallel", "0 replicates at the same time: there must be at least 1"));
        }
        if let Some(seeds) = self.seeds.as_ref().filter(|seeds| seeds.len() < k as usize) {
            return Err(Error::invalid("/seeds", format!("{} seeds for {k} replicates", seeds.len())));
        }
        match &self.per_replicate_budget {
            Some(budget) => budget.check().map_err(|error| moved(&error, |at| format!("/per_replicate_{}", &at[1..]))),
            None => Ok(()),
        }
    }

    pub(crate) fn replicates(&self) -> u32 {
        self.k.unwrap_or(Self::DEFAULT_K)
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

    pub(crate) fn diffs(&self) -> usize {
        self.max_diffs.unwrap_or(Self::DEFAULT_MAX_DIFFS) as usize
    }

    pub(crate) fn schema(&self) -> Option<&str> {
        self.schema_uri.as_deref()
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

fn under_tool_options(error: &Error) -> Error {
    moved(error, |at| format!("/tool_options{at}"))
}

/// The same complaint about another place.
fn moved(error: &Error, to: impl Fn(&str) -> String) -> Error {
    match error.kind() {
        ErrorKind::InvalidRequest { pointer, reason } | ErrorKind::BadOutput { pointer, reason } => {
            Error::invalid(to(pointer), Arc::clone(reason))
        }
        _ => error.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(options: &Value) -> (String, String) {
        match BundleOptions::from_json(options).unwrap_err().kind() {
            ErrorKind::InvalidRequest { pointer, reason } => (pointer.to_string(), reason.to_string()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn values_out_of_range_are_refused_where_they_stand_and_named() {
        for (options, pointer, value) in [
            (json!({"k": 0}), "/tool_options/k", "0 replicates"),
            (json!({"k": 65}), "/tool_options/k", "65 replicates"),
            (json!({"k": -1}), "/tool_options/k", "-1"),
            (json!({"k": "three"}), "/tool_options/k", "three"),
            (json!({"epsilon": 1.5}), "/tool_options/epsilon", "1.5"),
            (json!({"max_parallel": 0}), "/tool_options/max_parallel", "0"),
            (json!({"seeds": [1, 2]}), "/tool_options/seeds", "2 seeds for 3"),
            (json!({"per_replicate_budget": {"tokens": 0}}), "/tool_options/per_replicate_budget", "0 tokens"),
            (json!({"waves": "huge"}), "/tool_options/waves", "huge"),
            (json!({"stop": "sometimes"}), "/tool_options/stop", "sometimes"),
            (json!([3]), "/tool_options", "[3]"),
            (json!("k=3"), "/tool_options", "k=3"),
        ] {
            let (at, reason) = refused(&options);
            assert_eq!(at, pointer, "{options}");
            assert!(reason.contains(value), "{options}: {reason}");
        }
    }

    #[test]
    fn an_unknown_field_is_refused_by_its_name() {
        let (at, reason) = refused(&json!({"epsilom": 0.2}));
        assert_eq!(at, "/tool_options/epsilom");
        assert!(reason.contains("epsilom"), "{reason}");
    }

    #[test]
    fn an_epsilon_that_is_no_number_is_refused() {
        let error = BundleOptions::new().epsilon(f64::NAN).check().unwrap_err();
        assert!(error.to_string().contains("`/epsilon`") && error.to_string().contains("NaN"), "{error}");
    }

    #[test]
    fn the_ends_of_the_ranges_are_inside() {
        for options in [json!({"k": 1, "epsilon": 0.0}), json!({"k": 64, "epsilon": 1}), json!({}), Value::Null] {
            assert!(BundleOptions::from_json(&options).is_ok(), "{options}");
        }
    }

    #[test]
    fn a_request_wins_over_the_layer_field_by_field() {
        let layer = BundleOptions::new().k(5).epsilon(0.1).seeds([1, 2, 3, 4, 5]);
        let merged = BundleOptions::new().k(2).seed(9).over(&layer);
        assert_eq!(merged, BundleOptions::new().k(2).epsilon(0.1).seed(9));
        assert_eq!(merged.all_seeds(None), seeds(9, 2));
    }

    #[test]
    fn seeds_follow_the_list_then_the_base_then_the_call() {
        assert_eq!(BundleOptions::new().seeds([7, 8, 9]).all_seeds(Some(1)), [7, 8, 9]);
        assert_eq!(BundleOptions::new().seed(4).all_seeds(Some(1)), seeds(4, 3));
        assert_eq!(BundleOptions::new().all_seeds(Some(1)), seeds(1, 3));
        assert_eq!(BundleOptions::new().all_seeds(None), seeds(0, 3));
    }
}
