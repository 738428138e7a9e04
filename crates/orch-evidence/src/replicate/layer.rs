use std::fmt;
use std::sync::Arc;

use orch_core::{Budget, Error};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower::Layer;

use super::ReplicateService;
use super::validation::Validation;
use crate::confidence::{AgreementCalibrator, Calibration, Calibrator};
use crate::decision::SharedPolicy;
use crate::distance::{Distance, TokenLevenshtein};
use crate::options::{BundleOptions, Delivery, Diversity, Order, Waves};
use crate::stopping::StopRule;
use crate::validate::Validator;
use crate::{AsyncPairScorer, Consensus, ConsensusRules, typed};

/// Calls the inner service up to K times and answers with the [`Bundle`](crate::Bundle) of what came back.
///
/// Two replicates first, then one at a time, until the stop rule says that the answer is settled or all K
/// have ended. Each has its own seed, idempotency key and meter ([`Part::Replicate`](orch_core::Part)). A
/// replicate that fails is listed with its error and not repeated here: that is a retry layer's work. The
/// answer is `{"evidence_bundle": {..}}`, a typed [`BundleContent`](crate::BundleContent); its usage is the sum of all
/// replicates.
///
/// A request's options are read as [`BundleOptions`], laid over the settings of the layer; the inner service gets
/// those under `inner`. Under a budget that does not cover K estimates, fewer replicates run
/// (`replicates_reduced`). When time or money runs out, what has ended is the evidence.
///
/// Events: `replicate_started`, `replicate_done`, `partial_summary` from the second valid answer on,
/// `bundle_ready`, and of the answer itself what the [`Delivery`] says.
///
/// # Errors
/// `InvalidRequest` for settings or options that cannot be kept, outside any tool's scope, and for a tool whose
/// [`Effect`](orch_core::Effect) is not `Pure`. `ReplicatesFailed` with all causes when no replicate gave a valid answer;
/// `BudgetExceeded` or `DeadlineExceeded`, with that error as their source, when there is none for that reason, or
/// `Cancelled`. An answer that was paid for and cannot be used is the output of its cause.
///
/// # Order
/// Outside retry, circuit breaker, rate limit, bulkhead and timeouts, so that they see each replicate. Inside
/// them a retry would repeat all K calls for one failure, a breaker would count bundles, and an
/// attempt timeout would have to hold for all K together. Inside idempotency and the run's deadline; an
/// idempotency layer inside it works too, because every replicate has a key of its own.
/// Inside [`ScopeLayer`](orch_core::ScopeLayer) or [`Dispatch`](orch_core::Dispatch), which say that the tool may
/// run any number of times; without them every call is refused.
///
/// # Cancellation
/// Dropping the future drops all replicates; what they had used is booked by then.
#[derive(Clone)]
#[must_use]
pub struct ReplicateLayer {
    pub(super) options: BundleOptions,
    pub(super) rule: Option<Arc<dyn StopRule>>,
    pub(super) metric: Arc<dyn Distance>,
    pub(super) scorer: Option<Arc<dyn AsyncPairScorer>>,
    pub(super) calibration: Arc<Calibration>,
    pub(super) policy: Option<SharedPolicy>,
    pub(super) validation: Validation,
}

impl Default for ReplicateLayer {
    fn default() -> Self {
        Self::new(BundleOptions::DEFAULT_K)
    }
}

impl ReplicateLayer {
    /// Up to `k` replicates, 1 to 64. Another number is refused by [`check`](Self::check), and at every call.
    pub fn new(k: u32) -> Self {
        Self {
            options: BundleOptions::new().k(k),
            rule: None,
            metric: Arc::new(TokenLevenshtein),
            scorer: None,
            calibration: Arc::default(),
            policy: None,
            validation: Validation::default(),
        }
    }

    /// Lays options over those that are set.
    pub fn options(mut self, options: BundleOptions) -> Self {
        let options = options.over(&self.options);
        self.validation.inline(&options, &self.options);
        self.options = options;
        self
    }

    /// What whoever chooses this bundle should know of it.
    pub(crate) fn choice(&self) -> Value {
        self.options.of_choice()
    }

    /// Sets the number of replicates, 1 to 64; default 3.
    pub fn k(self, k: u32) -> Self {
        self.options(BundleOptions::new().k(k))
    }

    /// See [`BundleOptions::epsilon`].
    pub fn epsilon(self, epsilon: f64) -> Self {
        self.options(BundleOptions::new().epsilon(epsilon))
    }

    /// See [`BundleOptions::seed`].
    pub fn seed(self, base: u64) -> Self {
        self.options(BundleOptions::new().seed(base))
    }

    /// See [`BundleOptions::waves`].
    pub fn waves(self, waves: Waves) -> Self {
        self.options(BundleOptions::new().waves(waves))
    }

    /// See [`BundleOptions::order`].
    pub fn order(self, order: Order) -> Self {
        self.options(BundleOptions::new().order(order))
    }

    /// See [`BundleOptions::max_parallel`].
    pub fn max_parallel(self, replicates: u32) -> Self {
        self.options(BundleOptions::new().max_parallel(replicates))
    }

    /// See [`BundleOptions::per_replicate_budget`].
    pub fn per_replicate_budget(self, budget: Budget) -> Self {
        self.options(BundleOptions::new().per_replicate_budget(budget))
    }

    /// Sets when the answer is settled; default [`adaptive`](crate::stopping::adaptive).
    pub fn stop(mut self, rule: impl StopRule + 'static) -> Self {
        self.options = self.options.without_stop();
        self.rule = Some(Arc::new(rule));
        self
    }

    /// Sets how texts are compared; default [`TokenLevenshtein`].
    pub fn distance(mut self, metric: impl Distance + 'static) -> Self {
        self.metric = Arc::new(metric);
        self
    }

    /// Adds a calibrator, which makes the chance to be right of the agreement of bundles with exactly its key; that
    /// chance is then their confidence. Default: none, and the confidence is the agreement.
    pub fn calibrator(self, calibrator: Calibrator) -> Self {
        self.calibrated(|calibration| calibration.calibrator(calibrator))
    }

    /// Adds a calibrator that corrects the agreement of bundles with exactly its key; default: none.
    pub fn agreement_calibrator(self, calibrator: AgreementCalibrator) -> Self {
        self.calibrated(|calibration| calibration.agreement_calibrator(calibrator))
    }

    /// Sets what decides on each bundle, by its run's request id; default: nothing, and `decision` is `None`.
    pub fn policy(mut self, policy: impl Into<SharedPolicy>) -> Self {
        self.policy = Some(policy.into());
        self
    }

    fn calibrated(mut self, change: impl FnOnce(Calibration) -> Calibration) -> Self {
        self.calibration = Arc::new(change(Arc::unwrap_or_clone(self.calibration)));
        self
    }

    /// Says that answers are values of a type: they are compared by its [rules](ConsensusRules::of), and one that is no
    /// `T`, or that its [`check`](Consensus::check) refuses, does not count, as with a [`validator`](Self::validator). A
    /// consensus of fields that is refused gives way to the medoid's answer. Read it as
    /// [`Evidence<T>`](crate::Evidence).
    pub fn answers<T: Consensus + DeserializeOwned>(self) -> Self {
        self.options(BundleOptions::new().rules(ConsensusRules::of::<T>())).validator(typed::validator::<T>())
    }

    /// Sets what an answer must be to be valid, besides not empty. A schema that the options name or contain wins.
    pub fn validator(mut self, validator: impl Validator + 'static) -> Self {
        self.validation.own(Arc::new(validator));
        self
    }

    /// Knows a JSON Schema by its URI: answers are checked against it when
    /// [`schema_uri`](BundleOptions::schema_uri) is this one. Needs the feature `jsonschema`; nothing that the schema
    /// refers to is fetched. What is no schema is refused by [`check`](Self::check), and at every call.
    pub fn schema(mut self, uri: impl Into<String>, schema: &Value) -> Self {
        self.validation.know(uri.into(), schema);
        self
    }

    /// See [`BundleOptions::delivery`].
    pub fn delivery(self, delivery: Delivery) -> Self {
        self.options(BundleOptions::new().delivery(delivery))
    }

    /// See [`BundleOptions::diversity`].
    pub fn diversity(self, diversity: Diversity) -> Self {
        self.options(BundleOptions::new().diversity(diversity))
    }

    /// See [`BundleOptions::min_valid`].
    pub fn min_valid(self, answers: u32) -> Self {
        self.options(BundleOptions::new().min_valid(answers))
    }

    /// Has the distances of texts told by a scorer, such as a [`CosineScorer`](crate::CosineScorer); where it fails, the
    /// distance is used. Default: none.
    pub fn scorer(mut self, scorer: impl AsyncPairScorer + 'static) -> Self {
        self.scorer = Some(Arc::new(scorer));
        self
    }

    /// See [`BundleOptions::weights`].
    pub fn weights(self, weights: impl IntoIterator<Item = f64>) -> Self {
        self.options(BundleOptions::new().weights(weights))
    }

    /// See [`BundleOptions::rules`].
    pub fn rules(self, rules: ConsensusRules) -> Self {
        self.options(BundleOptions::new().rules(rules))
    }

    /// Whether all settings can be kept.
    ///
    /// # Errors
    /// `InvalidRequest` that points at the setting and names its value.
    pub fn check(&self) -> Result<(), Error> {
        self.options.check()?;
        self.validation.check()?;
        self.rule.as_ref().map_or(Ok(()), StopRule::check)?;
        self.policy.as_ref().map_or(Ok(()), SharedPolicy::check)
    }
}

impl fmt::Debug for ReplicateLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplicateLayer")
            .field("options", &self.options)
            .field("metric", &self.metric.name())
            .finish_non_exhaustive()
    }
}

impl<S> Layer<S> for ReplicateLayer {
    type Service = ReplicateService<S>;
    fn layer(&self, inner: S) -> ReplicateService<S> {
        ReplicateService::new(inner, self.clone())
    }
}
