//! How bundles are made and scored.

use std::sync::Arc;

use orch_evidence::confidence::{TAU, snne};
use orch_evidence::stopping::Never;
use orch_evidence::{Bundle, Distance, Prepared, StopRule, TokenJaccard};
use serde_json::Value;

use crate::bundles::bundle;
use crate::set::Answer;
use crate::watch::Watch;

/// The distance of texts and the stop rules that are compared.
pub(crate) struct Bench {
    pub(crate) metric: Arc<dyn Distance>,
    pub(crate) rules: Vec<Arc<dyn StopRule>>,
}

impl Bench {
    /// The bundle of all these answers; `None`: none is valid. And after how many of them each rule stops.
    pub(crate) fn watched(&self, answers: &[&Answer]) -> anyhow::Result<(Option<Bundle>, Vec<usize>)> {
        let watch = Arc::new(Watch::new(&self.rules));
        let rule: Arc<dyn StopRule> = Arc::clone(&watch) as _;
        let all = bundle(&values(answers), &rule, &self.metric)?;
        // Two are always launched.
        let samples = watch.stopped_at().into_iter().map(|at| at.map_or(answers.len(), |at| at.max(2) as usize));
        Ok((all, samples.collect()))
    }

    /// The bundle of all these answers; `None`: none is valid.
    pub(crate) fn whole(&self, answers: &[&Answer]) -> anyhow::Result<Option<Bundle>> {
        let never: Arc<dyn StopRule> = Arc::new(Never);
        bundle(&values(answers), &never, &self.metric)
    }

    /// The scores that a bundle has as it is, by their names.
    pub(crate) fn scores(&self, bundle: &Bundle) -> Vec<(&'static str, f64)> {
        let summary = &bundle.summary;
        let optional = [
            ("mode_posterior", summary.mode_posterior),
            ("kernel", summary.kernel_confidence),
            ("snne", snne(&self.by_words(bundle), TAU)),
        ];
        let known = optional.into_iter().filter_map(|(name, score)| Some((name, score?)));
        known.chain([("confidence", summary.confidence)]).collect()
    }

    /// The distances of texts by their words; those of JSON as they are in the bundle.
    fn by_words(&self, bundle: &Bundle) -> Vec<Vec<f64>> {
        let counted = bundle.replicates.iter().filter(|replicate| replicate.counted);
        let texts: Option<Vec<Prepared>> =
            counted.map(|replicate| Some(self.metric.prepare(replicate.output.as_ref()?.as_text()?))).collect();
        let Some(texts) = texts else { return bundle.summary.pairwise_distance.clone() };
        let words = TokenJaccard::default();
        texts.iter().map(|a| texts.iter().map(|b| words.distance(a, b)).collect()).collect()
    }
}

fn values<'a>(answers: &[&'a Answer]) -> Vec<&'a Value> {
    answers.iter().map(|answer| &answer.value).collect()
}
