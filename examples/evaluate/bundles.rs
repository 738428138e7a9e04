//! Recorded answers through the bundler, as if they came from a tool.

use std::sync::Arc;

use anyhow::Context;
use orch_core::{ErrorKind, Output};
use orch_evidence::{Bundle, BundleOptions, Bundler, Distance, StopRule};
use serde_json::Value;

/// The bundle of these answers, in this order, as far as the rule lets it go. `None`: no answer is valid.
pub(crate) fn bundle(
    answers: &[&Value],
    rule: &Arc<dyn StopRule>,
    metric: &Arc<dyn Distance>,
) -> anyhow::Result<Option<Bundle>> {
    let k = u32::try_from(answers.len()).context("too many answers")?;
    let bundler =
        Bundler::new(&BundleOptions::new().k(k))?.with_stop(Arc::clone(rule)).with_distance(Arc::clone(metric));
    match bundler.replay(|index| Ok(Output::from(answers[index as usize - 1].clone()))) {
        Ok(bundle) => Ok(Some(bundle)),
        Err(error) if matches!(error.kind(), ErrorKind::ReplicatesFailed { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The place of a replicate in launch order, given its id (`r1` is the first).
pub(crate) fn place(id: &str) -> Option<usize> {
    id.strip_prefix('r')?.parse::<usize>().ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use orch_evidence::TokenLevenshtein;
    use orch_evidence::stopping::{Lock, Never};
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_go_through_the_rule_and_empty_ones_are_none() {
        let answers = [json!("a"), json!("a"), json!("b")];
        let answers: Vec<&Value> = answers.iter().collect();
        let metric: Arc<dyn Distance> = Arc::new(TokenLevenshtein);
        let lock: Arc<dyn StopRule> = Arc::new(Lock);
        let found = bundle(&answers, &lock, &metric).unwrap().unwrap();
        assert_eq!((found.meta.k_started, place(&found.summary.medoid)), (2, Some(0)));
        let never: Arc<dyn StopRule> = Arc::new(Never);
        assert_eq!(bundle(&answers, &never, &metric).unwrap().unwrap().meta.k_started, 3);
        assert_eq!(bundle(&[&json!(""), &json!(null)], &never, &metric).unwrap(), None);
    }
}
