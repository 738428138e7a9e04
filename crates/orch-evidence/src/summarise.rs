//! From measured answers to a summary.

use crate::bundle::{Cluster, ConfidenceKind, Disagreement, DistanceStatistics, Interval, Statistics, Summary};
use crate::cluster::clusters;
use crate::confidence::{PRIOR, THETA, agreement, confidence_of, mode_posterior, wilson};
use crate::consensus::{Voice, by_field, default_epsilon, id};
use crate::distance::{Distance, TokenJaccard};
use crate::matrix::{Matrix, pairs};
use crate::statistics::{entropy, numbers, pair_agreement};

/// The answers that count, at least one, in launch order.
pub(crate) struct Answers<'a> {
    pub(crate) voices: Vec<Voice<'a>>,
    pub(crate) matrix: &'a Matrix,
    pub(crate) metric: &'a dyn Distance,
    /// As set by the caller.
    pub(crate) epsilon: Option<f64>,
}

/// What became of all replicates.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fates {
    pub(crate) requested: u32,
    pub(crate) started: u32,
    pub(crate) failed: u32,
    pub(crate) invalid: u32,
    pub(crate) cancelled: u32,
}

impl Answers<'_> {
    pub(crate) fn epsilon(&self) -> f64 {
        self.epsilon.unwrap_or_else(|| default_epsilon(self.voices.iter().map(|voice| voice.tree)))
    }

    fn members(&self) -> Vec<usize> {
        self.voices.iter().map(|voice| voice.index).collect()
    }

    /// The groups of equal answers, the largest first.
    pub(crate) fn clusters(&self) -> Vec<Vec<usize>> {
        clusters(self.matrix, &self.members(), self.epsilon())
    }

    /// The largest distance of any two.
    pub(crate) fn diameter(&self) -> f64 {
        self.matrix.diameter(&self.members())
    }

    /// The agreement on the answer of the medoid of the leading cluster.
    pub(crate) fn agreement(&self, medoid: usize) -> f64 {
        let similar: f64 = self.voices.iter().map(|voice| 1.0 - self.matrix.between(voice.index, medoid)).sum();
        agreement(similar, crate::count(self.voices.len()), THETA)
    }

    pub(crate) fn summarise(&self, fates: Fates, max_diffs: usize) -> Summary {
        let (members, clusters) = (self.members(), self.clusters());
        let medoid = self.matrix.medoid(&clusters[0]);
        let findings = by_field(&self.voices, medoid, self.metric, self.epsilon);
        let (disagreements, truncation_info) = most_divided(findings.disagreements, max_diffs);
        let agreement = self.agreement(medoid);
        let counts: Vec<u32> = clusters.iter().map(|cluster| crate::count(cluster.len())).collect();
        Summary {
            consensus: findings.consensus,
            disagreements,
            pairwise_distance: self.matrix.full(&members),
            compared: members.iter().copied().map(id).collect(),
            distributions: findings.distributions,
            confidence: agreement,
            confidence_kind: ConfidenceKind::Agreement,
            agreement,
            mode_posterior: mode_posterior(&counts, PRIOR),
            kernel_confidence: self.kernel_confidence(),
            p_correct: None,
            clusters: clusters.iter().map(|members| self.cluster(members)).collect(),
            medoid: id(medoid),
            statistics: self.statistics(fates, &counts, medoid),
            truncated: truncation_info.is_some(),
            truncation_info,
        }
    }

    /// By the words of the answers, whatever metric their clusters are made with.
    fn kernel_confidence(&self) -> Option<f64> {
        let apart = |a: usize, b: usize| self.voices[a].tree.distance(self.voices[b].tree, &TokenJaccard);
        confidence_of(self.voices.len(), |a, b| 1.0 - apart(a, b))
    }

    fn cluster(&self, members: &[usize]) -> Cluster {
        Cluster {
            replicate_ids: members.iter().copied().map(id).collect(),
            weight: members.len() as f64,
            medoid: id(self.matrix.medoid(members)),
        }
    }

    fn statistics(&self, fates: Fates, counts: &[u32], medoid: usize) -> Statistics {
        let weights: Vec<f64> = counts.iter().copied().map(f64::from).collect();
        let (k, entropy) = (weights.iter().sum::<f64>(), entropy(&weights));
        let second = weights.get(1).copied().unwrap_or(0.0);
        let (low, high) = wilson(weights[0], k);
        Statistics {
            requested: fates.requested,
            started: fates.started,
            valid: crate::count(self.voices.len()),
            failed: fates.failed,
            invalid: fates.invalid,
            cancelled: fates.cancelled,
            distance: self.distances(medoid),
            entropy,
            entropy_ratio: (k > 1.0).then(|| entropy / k.ln()),
            effective_answers: entropy.exp(),
            pair_agreement: pair_agreement(counts),
            margin: (weights[0] - second) / k,
            wilson: Interval { low, high },
        }
    }

    fn distances(&self, medoid: usize) -> Option<DistanceStatistics> {
        let members = self.members();
        let all: Vec<f64> = pairs(&members).map(|(a, b)| self.matrix.between(a, b)).collect();
        let all = numbers(&all)?;
        let others = members.len() - 1;
        let to_medoid = members.iter().map(|at| self.matrix.between(*at, medoid)).sum::<f64>() / others as f64;
        Some(DistanceStatistics { min: all.min, median: all.median, mean: all.mean, max: all.max, to_medoid })
    }
}

/// The most divided first, and what was left out of them.
fn most_divided(mut all: Vec<Disagreement>, max: usize) -> (Vec<Disagreement>, Option<String>) {
    all.sort_by(|a, b| b.entropy.total_cmp(&a.entropy).then_with(|| (&a.pointer, a.kind).cmp(&(&b.pointer, b.kind))));
    let found = all.len();
    all.truncate(max);
    let left_out = found - all.len();
    let info = (left_out > 0).then(|| format!("{left_out} of {found} disagreements, the least divided ones"));
    (all, info)
}
