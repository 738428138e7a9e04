//! From measured answers to a summary.

use serde_json::Value;

use crate::bundle::{
    Cluster, ConfidenceKind, ConsensusSource, DistanceStatistics, Interval, ModelGap, Statistics, Summary,
};
use crate::cluster::clusters;
use crate::confidence::{PRIOR, THETA, agreement, confidence_by, entropy_of, mode_posterior, wilson};
use crate::consensus::{Voice, by_field, default_epsilon, id};
use crate::matrix::{Matrix, pairs};
use crate::options::BundleLimits;
use crate::statistics::{alpha, entropy, model_gap, numbers, pair_agreement};
use crate::tree::Comparer;
use crate::truncate::Kept;
use crate::validate::Validator;

/// The answers that count, at least one, in launch order.
pub(crate) struct Answers<'a> {
    pub(crate) voices: Vec<Voice<'a>>,
    pub(crate) matrix: &'a Matrix,
    /// The distances of their words as sets.
    pub(crate) words: &'a Matrix,
    pub(crate) comparer: &'a Comparer,
    /// As set by the caller.
    pub(crate) epsilon: Option<f64>,
    pub(crate) min_valid: usize,
    pub(crate) validator: Option<&'a dyn Validator>,
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
        clusters(self.matrix, &self.members(), |at| self.voices[at].weight, self.epsilon())
    }

    /// The largest distance of any two.
    pub(crate) fn diameter(&self) -> f64 {
        self.matrix.diameter(&self.members())
    }

    /// The agreement on the answer of the medoid of the leading cluster.
    pub(crate) fn agreement(&self, medoid: usize) -> f64 {
        let similar: f64 =
            self.voices.iter().map(|voice| voice.weight * (1.0 - self.matrix.between(voice.index, medoid))).sum();
        let (n, all) = (self.voices.len(), self.voices.iter().map(|voice| voice.weight).sum::<f64>());
        // Heavier voices count for more of the K that there are, and not for more than K.
        agreement(if n as f64 == all { similar } else { similar * n as f64 / all }, crate::count(n), THETA)
    }

    pub(crate) fn summarise(&self, fates: Fates, limits: BundleLimits) -> Summary {
        let (members, clusters) = (self.members(), self.clusters());
        let medoid = self.matrix.medoid(&clusters[0]);
        let findings = by_field(&self.voices, medoid, self.comparer, self.epsilon, Some(self.matrix));
        let alpha = alpha(&findings.units);
        let (consensus, consensus_source) = self.consensus(findings.consensus, medoid);
        let kept = Kept::within(limits, findings.disagreements, findings.distributions);
        let agreement = self.agreement(medoid);
        let spread = self.spread();
        let counts: Vec<u32> = clusters.iter().map(|cluster| crate::count(cluster.len())).collect();
        Summary {
            consensus,
            consensus_source,
            insufficient: members.len() < self.min_valid,
            disagreements: kept.disagreements,
            pairwise_distance: self.matrix.full(&members),
            compared: members.iter().copied().map(id).collect(),
            distributions: kept.distributions,
            confidence: agreement,
            confidence_kind: ConfidenceKind::Agreement,
            agreement,
            mode_posterior: mode_posterior(&counts, PRIOR),
            kernel_confidence: spread.and_then(|entropy| confidence_by(members.len(), entropy)),
            p_correct: None,
            clusters: clusters.iter().map(|members| self.cluster(members)).collect(),
            medoid: id(medoid),
            statistics: Statistics { von_neumann: spread, alpha, ..self.statistics(fates, &clusters, medoid) },
            approximate: self.comparer.notes().approximate(),
            truncated: kept.left_out.is_some(),
            truncation_info: kept.left_out,
        }
    }

    /// A mixture of fields that nobody answered may break what holds between fields.
    fn consensus(&self, found: Option<Value>, medoid: usize) -> (Option<Value>, ConsensusSource) {
        let voice = self.voices.iter().find(|voice| voice.index == medoid);
        match (found, self.validator) {
            (Some(value), _) if !(value.is_object() || value.is_array()) => (Some(value), ConsensusSource::Medoid),
            (Some(value), Some(validator)) if validator.check(&value).is_err() => {
                (voice.map(|voice| voice.value.clone()), ConsensusSource::Fallback)
            }
            (found, _) => (found, ConsensusSource::Fields),
        }
    }

    /// The von Neumann entropy by the words of the answers, whatever metric their clusters are made with.
    fn spread(&self) -> Option<f64> {
        let place = |at: usize| self.voices[at].index;
        let similar = |a: usize, b: usize| 1.0 - self.words.between(place(a), place(b));
        (self.voices.len() > 1).then(|| entropy_of(self.voices.len(), similar))
    }

    fn weight(&self, members: &[usize]) -> f64 {
        self.voices.iter().filter(|voice| members.contains(&voice.index)).map(|voice| voice.weight).sum()
    }

    fn cluster(&self, members: &[usize]) -> Cluster {
        Cluster {
            replicate_ids: members.iter().copied().map(id).collect(),
            weight: self.weight(members),
            medoid: id(self.matrix.medoid(members)),
        }
    }

    fn statistics(&self, fates: Fates, clusters: &[Vec<usize>], medoid: usize) -> Statistics {
        let weights: Vec<f64> = clusters.iter().map(|members| self.weight(members)).collect();
        let counts: Vec<u32> = clusters.iter().map(|members| crate::count(members.len())).collect();
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
            pair_agreement: pair_agreement(&counts),
            margin: (weights[0] - second) / k,
            wilson: Interval { low, high },
            von_neumann: None,
            degree: self.degree(),
            alpha: None,
            model_gap: self.model_gap(),
        }
    }

    fn degree(&self) -> f64 {
        let members = self.members();
        let apart: f64 = pairs(&members).map(|(a, b)| self.matrix.between(a, b)).sum();
        2.0 * apart / (members.len() * members.len()) as f64
    }

    fn model_gap(&self) -> Option<ModelGap> {
        let places: Vec<usize> = (0..self.voices.len()).collect();
        let pair = |(a, b): (usize, usize)| {
            let (a, b) = (self.voices[a], self.voices[b]);
            Some((self.matrix.between(a.index, b.index), a.model? == b.model?))
        };
        model_gap(pairs(&places).filter_map(pair))
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
