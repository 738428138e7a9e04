//! The vote with weights that were learnt without labels.

use orch_evidence::weights::LabelFree;

use crate::metrics::{mean, share};
use crate::trial::Trial;

/// A vote with label-free weights.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weighted {
    /// How often the heaviest cluster is right; where weights are refused, the largest.
    pub(crate) accuracy: f64,
    /// The share of draws in which weights are refused.
    pub(crate) refused: f64,
}

/// Learns weights of the recorded places, once from one draw of every question, and votes with them. `None` unless all
/// questions have as many answers, two at least, each with a label.
pub(crate) fn weighted(trials: &[Vec<Trial>], sources: Option<usize>) -> anyhow::Result<Option<Weighted>> {
    let (Some(sources), Some(draws)) = (sources, trials.first().map(Vec::len)) else { return Ok(None) };
    let (mut accuracies, mut refused) = (Vec::new(), Vec::new());
    for draw in 0..draws {
        let drawn: Vec<&Trial> = trials.iter().filter_map(|trials| trials.get(draw)).collect();
        let rows: Vec<Vec<Option<u32>>> = drawn.iter().map(|trial| row(trial, sources)).collect();
        let learnt = LabelFree::fit(&rows)?;
        let Some(accuracy) = share(drawn.iter().filter_map(|trial| vote(trial, learnt.weights()))) else {
            return Ok(None);
        };
        accuracies.push(accuracy);
        refused.push(learnt.weights().is_none());
    }
    let found = mean(accuracies.into_iter()).zip(share(refused.into_iter()));
    Ok(found.map(|(accuracy, refused)| Weighted { accuracy, refused }))
}

/// For each recorded place the number of the cluster that its answer is in; `None` where it was not drawn.
fn row(trial: &Trial, sources: usize) -> Vec<Option<u32>> {
    let mut row = vec![None; sources];
    for (number, cluster) in (0..).zip(&trial.clusters) {
        cluster.places.iter().for_each(|place| row[*place] = Some(number));
    }
    row
}

/// Whether the heaviest cluster is right; of equally heavy ones the largest, and the first of those.
fn vote(trial: &Trial, weights: Option<&[f64]>) -> Option<bool> {
    let weight = |places: &[usize]| match weights {
        Some(weights) => places.iter().map(|place| weights[*place]).sum(),
        None => places.len() as f64,
    };
    let heavier = |a: f64, b: f64| if b > a + 1e-9 { b } else { a };
    let most = trial.clusters.iter().map(|cluster| weight(&cluster.places)).fold(0.0, heavier);
    let heaviest = trial.clusters.iter().find(|cluster| weight(&cluster.places) >= most - 1e-9);
    match heaviest {
        Some(cluster) => cluster.right,
        None => trial.right,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Group;

    fn trial(groups: &[(&[usize], bool)]) -> Trial {
        let clusters = groups.iter().map(|(places, right)| Group { places: places.to_vec(), right: Some(*right) });
        Trial { clusters: clusters.collect(), ..Trial::empty() }
    }

    #[test]
    fn weights_outvote_numbers_and_without_any_the_largest_group_wins() {
        let trial = trial(&[(&[0, 1], false), (&[2], true)]);
        assert_eq!(vote(&trial, None), Some(false));
        assert_eq!(vote(&trial, Some(&[0.5, 0.5, 2.0])), Some(true));
        assert_eq!(row(&trial, 4), [Some(0), Some(0), Some(1), None]);
    }

    #[test]
    fn questions_of_different_sources_have_no_weights() {
        assert!(weighted(&[vec![trial(&[(&[0], true)])]], None).unwrap().is_none());
    }
}
