use orch_core::Error;
use serde::{Deserialize, Serialize};

use super::curve::Label;
use super::{CalibrationKey, Calibrator, THETA, agreement};
use crate::bundle::Bundle;
use crate::cluster::clusters;
use crate::matrix::Matrix;

/// Corrects the agreement of a tool by its own history, without labels: a replicate that is withheld says whether
/// one more joins the consensus of the others.
///
/// What it makes is still an agreement, the chance that one more replicate joins the consensus; about
/// being right it knows nothing. It learns from bundles with more than K replicates, all of which ran whatever they said
/// ([`Never`](crate::stopping::Never)): those that a stop rule ended were chosen by their agreement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct AgreementCalibrator {
    /// So that a file of one kind is not read as the other.
    agreement: Calibrator,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    agreement: Calibrator,
}

impl TryFrom<Stored> for AgreementCalibrator {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self, Error> {
        Ok(Self { agreement: stored.agreement })
    }
}

impl AgreementCalibrator {
    /// Fits a curve to what [`withheld`] gave of each question of the history. Every question counts the same.
    ///
    /// # Errors
    /// `InvalidRequest` of an empty history, and for an agreement outside 0 to 1, which it names.
    pub fn fit(key: CalibrationKey, history: impl IntoIterator<Item = Vec<(f64, bool)>>) -> Result<Self, Error> {
        let labels = history.into_iter().flat_map(|question| {
            let weight = 1.0 / question.len().max(1) as f64;
            question.into_iter().map(move |(score, hit)| Label { score, hit, weight })
        });
        Ok(Self { agreement: Calibrator::fit_weighted(key, &labels.collect::<Vec<_>>())? })
    }

    /// Fits a curve for `k` replicates to bundles of one tool, model and metric with more than `k` replicates each.
    ///
    /// # Errors
    /// `InvalidRequest` for a bundle that differs in tool, model or metric from the first one, that has no more than
    /// `k` replicates, or that was stopped early; and without bundles.
    pub fn from_bundles<'a>(k: u32, bundles: impl IntoIterator<Item = &'a Bundle>) -> Result<Self, Error> {
        let mut history = Vec::new();
        let mut key: Option<CalibrationKey> = None;
        for (at, bundle) in bundles.into_iter().enumerate() {
            let refused = |reason: String| Err(Error::invalid(format!("/bundles/{at}"), reason));
            let own = CalibrationKey::of(bundle).with_k(k);
            if let Some(key) = key.as_ref().filter(|key| **key != own) {
                return refused(format!("it is of {own}, and the first one of {key}"));
            }
            if bundle.meta.early_stopped {
                return refused("it was stopped early, so it says more of agreement than there is".to_owned());
            }
            let found = withheld(&bundle.summary.pairwise_distance, k, bundle.meta.epsilon);
            if found.is_empty() {
                return refused(format!("it has {} replicates, and {k} need one more", bundle.summary.compared.len()));
            }
            history.push(found);
            key = Some(own);
        }
        let key = key.ok_or_else(|| Error::invalid("/bundles", "0 bundles: there must be at least 1"))?;
        Self::fit(key, history)
    }

    /// The chance that one more replicate joins a consensus with this agreement.
    ///
    /// # Errors
    /// As [`Calibrator::p_correct`].
    pub fn agreement(&self, key: &CalibrationKey, agreement: f64) -> Result<f64, Error> {
        self.agreement.p_correct(key, agreement)
    }

    /// What it was fitted for.
    #[must_use]
    pub fn key(&self) -> &CalibrationKey {
        self.agreement.key()
    }

    /// How many questions it was fitted on.
    #[must_use]
    pub fn questions(&self) -> u32 {
        self.agreement.labels().0
    }

    /// Why it is not to be relied on: fewer than 30 questions.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        self.agreement.warning()
    }
}

/// What replicates say of each other: the [`agreement`] of `k` of them, and whether one that was withheld joins their
/// consensus, that is, lies within `epsilon` of its medoid.
///
/// Of n replicates whose distances are given, those that follow each other in a circle are taken, and the next one
/// withheld: n pairs. None when there are no more than `k`, for a `k` of 0, and of a matrix that is not square.
///
/// ```
/// use orch_evidence::confidence::{THETA, agreement, withheld};
///
/// // Two that agree and one that does not.
/// let distances = [vec![0.0, 0.0, 1.0], vec![0.0, 0.0, 1.0], vec![1.0, 1.0, 0.0]];
/// let (agree, differ) = (agreement(2.0, 2, THETA), agreement(1.0, 2, THETA));
/// assert_eq!(withheld(&distances, 2, 0.0), [(agree, false), (differ, true), (differ, false)]);
/// ```
#[must_use]
pub fn withheld(distances: &[Vec<f64>], k: u32, epsilon: f64) -> Vec<(f64, bool)> {
    let (n, seen) = (distances.len(), k as usize);
    if seen == 0 || n <= seen || distances.iter().any(|row| row.len() != n) {
        return Vec::new();
    }
    let mut matrix = Matrix::new(n);
    for (a, b) in crate::matrix::pairs(&(0..n).collect::<Vec<_>>()) {
        matrix.set(a, b, distances[a][b]);
    }
    let from = |start: usize| {
        let members: Vec<usize> = (start..start + seen).map(|at| at % n).collect();
        let medoid = matrix.medoid(&clusters(&matrix, &members, |_| 1.0, epsilon)[0]);
        let similar: f64 = members.iter().map(|at| 1.0 - matrix.between(*at, medoid)).sum();
        let fresh = (start + seen) % n;
        (agreement(similar, k, THETA), matrix.between(fresh, medoid) <= epsilon)
    };
    (0..n).map(from).collect()
}
