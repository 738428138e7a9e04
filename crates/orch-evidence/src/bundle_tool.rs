use std::sync::Arc;

use async_trait::async_trait;
use orch_core::{
    BoxTool, Budget, Effect, Error, Estimate, IntoTool, Output, Request, Tool, ToolKind, ToolSpec, try_ready,
};
use serde::de::DeserializeOwned;
use tower::Layer;

use crate::confidence::{AgreementCalibrator, Calibrator};
use crate::decision::SharedPolicy;
use crate::options::{BundleOptions, Waves};
use crate::replicate::{ReplicateLayer, ReplicateService};
use crate::{AsyncPairScorer, Consensus, ConsensusRules, Distance, StopRule};

/// A tool whose every call is replicated, kept in its parts.
///
/// It is not a [`Tool`] itself: whoever registers it takes it apart, so that retry, timeouts, limits and circuit breaker
/// are stacked around the replicated tool, and see each replicate. [`opaque`](Self::opaque) makes a
/// plain tool of it.
///
/// ```
/// use orch_core::{Error, Output, Request, ToolSpec, tool_fn};
/// use orch_evidence::BundleTool;
///
/// let ask = tool_fn(ToolSpec::pure("ask"), |_: Request| async { Ok::<_, Error>(Output::from("Paris")) });
/// let bundle = BundleTool::new("capital_bundle", ask).k(5).epsilon(0.2);
/// assert!(bundle.check().is_ok());
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct BundleTool {
    spec: ToolSpec,
    layer: ReplicateLayer,
    inner: BoxTool,
}

impl BundleTool {
    /// Up to 3 replicates of each call of `inner`, under a name of their own. Version, description, input
    /// schema, target and effect are those of `inner`.
    pub fn new(name: impl Into<Arc<str>>, inner: impl IntoTool) -> Self {
        let inner = inner.into_tool();
        Self { spec: spec(name.into(), inner.spec()), layer: ReplicateLayer::default(), inner }
    }

    /// Sets what the tool does, for people and planners.
    pub fn description(mut self, description: impl Into<Arc<str>>) -> Self {
        self.spec = self.spec.with_description(description);
        self
    }

    /// Replaces all settings of the replication.
    pub fn layer(mut self, layer: ReplicateLayer) -> Self {
        self.layer = layer;
        self
    }

    /// Sets the number of replicates, 1 to 64; default 3. Another number is refused by [`check`](Self::check), and at every call.
    pub fn k(self, k: u32) -> Self {
        self.with(|layer| layer.k(k))
    }

    /// See [`BundleOptions::epsilon`].
    pub fn epsilon(self, epsilon: f64) -> Self {
        self.with(|layer| layer.epsilon(epsilon))
    }

    /// See [`BundleOptions::seed`].
    pub fn seed(self, base: u64) -> Self {
        self.with(|layer| layer.seed(base))
    }

    /// See [`BundleOptions::waves`].
    pub fn waves(self, waves: Waves) -> Self {
        self.with(|layer| layer.waves(waves))
    }

    /// See [`BundleOptions::max_parallel`].
    pub fn max_parallel(self, replicates: u32) -> Self {
        self.with(|layer| layer.max_parallel(replicates))
    }

    /// See [`BundleOptions::per_replicate_budget`].
    pub fn per_replicate_budget(self, budget: Budget) -> Self {
        self.with(|layer| layer.per_replicate_budget(budget))
    }

    /// Lays options over those that are set.
    pub fn options(self, options: BundleOptions) -> Self {
        self.with(|layer| layer.options(options))
    }

    /// See [`ReplicateLayer::answers`].
    pub fn answers<T: Consensus + DeserializeOwned>(self) -> Self {
        self.with(ReplicateLayer::answers::<T>)
    }

    /// Sets when the answer is settled; default [`adaptive`](crate::stopping::adaptive).
    pub fn stop(self, rule: impl StopRule + 'static) -> Self {
        self.with(|layer| layer.stop(rule))
    }

    /// Sets how texts are compared; default [`TokenLevenshtein`](crate::TokenLevenshtein).
    pub fn distance(self, metric: impl Distance + 'static) -> Self {
        self.with(|layer| layer.distance(metric))
    }

    /// See [`ReplicateLayer::calibrator`].
    pub fn calibrator(self, calibrator: Calibrator) -> Self {
        self.with(|layer| layer.calibrator(calibrator))
    }

    /// See [`ReplicateLayer::agreement_calibrator`].
    pub fn agreement_calibrator(self, calibrator: AgreementCalibrator) -> Self {
        self.with(|layer| layer.agreement_calibrator(calibrator))
    }

    /// See [`ReplicateLayer::policy`].
    pub fn policy(self, policy: impl Into<SharedPolicy>) -> Self {
        self.with(|layer| layer.policy(policy))
    }

    /// See [`ReplicateLayer::scorer`].
    pub fn scorer(self, scorer: impl AsyncPairScorer + 'static) -> Self {
        self.with(|layer| layer.scorer(scorer))
    }

    /// See [`BundleOptions::weights`].
    pub fn weights(self, weights: impl IntoIterator<Item = f64>) -> Self {
        self.with(|layer| layer.weights(weights))
    }

    /// See [`BundleOptions::rules`].
    pub fn rules(self, rules: ConsensusRules) -> Self {
        self.with(|layer| layer.rules(rules))
    }

    /// What the bundle is called, expects and does.
    pub fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    /// Whether all settings can be kept, and the tool may run any number of times.
    ///
    /// # Errors
    /// `InvalidRequest` that points at the setting and names its value, or names the tool's effect.
    pub fn check(&self) -> Result<(), Error> {
        self.layer.check()?;
        match self.spec.effect() {
            Effect::Pure => Ok(()),
            effect => {
                let tool = self.inner.spec().name();
                let reason =
                    format!("`{}` replicates `{tool}`, whose effect is {effect:?}, not Pure", self.spec.name());
                Err(Error::invalid("/effect", reason))
            }
        }
    }

    /// The parts: the bundle's spec, the layer that replicates, and the tool that is replicated.
    ///
    /// The estimate of a call is that of one replicate: the layer multiplies it.
    pub fn into_parts(self) -> (ToolSpec, ReplicateLayer, BoxTool) {
        let spec = self.spec.with_default_options(self.layer.choice());
        (spec, self.layer, self.inner)
    }

    /// A plain tool: what is stacked around it sees one call and knows nothing of replicates, so a retry
    /// repeats all K of them. The estimate of a call is that of one replicate.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn opaque(self) -> Result<BoxTool, Error> {
        self.check()?;
        let (spec, layer, inner) = self.into_parts();
        let service = layer.layer(inner.clone());
        Ok(Opaque { spec, service, inner }.into_tool())
    }

    fn with(self, change: impl FnOnce(ReplicateLayer) -> ReplicateLayer) -> Self {
        Self { layer: change(self.layer), ..self }
    }
}

fn spec(name: Arc<str>, inner: &ToolSpec) -> ToolSpec {
    let spec = match inner.effect() {
        Effect::Pure => ToolSpec::pure(name),
        Effect::IdempotentDownstream => ToolSpec::idempotent(name),
        Effect::AtMostOnce => ToolSpec::at_most_once(name),
    };
    let spec = spec
        .with_version(inner.version())
        .with_description(inner.description())
        .with_target(inner.target().clone())
        .with_kind(ToolKind::Bundle);
    match inner.input_schema() {
        Some(schema) => spec.with_input_schema(schema.clone()),
        None => spec,
    }
}

struct Opaque {
    spec: ToolSpec,
    service: ReplicateService<BoxTool>,
    inner: BoxTool,
}

#[async_trait]
impl Tool for Opaque {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn estimate(&self, request: &Request) -> Result<Estimate, Error> {
        self.inner.estimate(request)
    }

    async fn call(self: Arc<Self>, request: Request) -> Result<Output, Error> {
        let mut service = self.service.clone();
        try_ready(&mut service, request).await
    }
}
