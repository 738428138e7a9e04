//! How far a whole matrix of distances is from saying one thing.

use super::eigen::eigenvalues;
use crate::statistics::entropy;

/// The temperature of [`snne`] with which it ranks best (Nguyen et al. 2025).
pub const TAU: f64 = 0.1;

/// The von Neumann entropy of the answers, in nats: `-tr(rho ln rho)` with `rho = (1 - D) / K`, where `D` holds the
/// distances of all pairs; 0 when all are the same, `ln K` when no two have anything in common.
///
/// Unlike the entropy of clusters it sees how near answers are, and needs no epsilon. Source: kernel language
/// entropy (Nikitin et al. 2024) with similarities of texts for its kernel. Distances that make no kernel have
/// negative eigenvalues, which are left out. `None` of an empty matrix or one that is not square.
///
/// ```
/// use orch_evidence::confidence::von_neumann_entropy;
///
/// let apart = [vec![0.0, 1.0], vec![1.0, 0.0]];
/// assert!((von_neumann_entropy(&apart).unwrap() - 2_f64.ln()).abs() < 1e-12);
/// assert_eq!(von_neumann_entropy(&[vec![0.0, 0.0], vec![0.0, 0.0]]), Some(0.0));
/// ```
#[must_use]
pub fn von_neumann_entropy(distances: &[Vec<f64>]) -> Option<f64> {
    is_square(distances).then(|| entropy_of(distances.len(), |a, b| 1.0 - distances[a][b]))
}

/// `1 - H / ln K` with the [`von_neumann_entropy`] H: 1 when all K answers are the same, 0 when no two have anything in
/// common. `None` of fewer than two.
///
/// A score that ranks free texts; it is no chance of anything. Give it distances by
/// [`TokenJaccard`](crate::TokenJaccard), whose similarities are a kernel.
#[must_use]
pub fn kernel_confidence(distances: &[Vec<f64>]) -> Option<f64> {
    confidence_by(distances.len(), von_neumann_entropy(distances)?)
}

/// Semantic nearest-neighbour entropy as a confidence: the mean over answers i of `ln sum_j exp(s_ij / tau)`, where `s`
/// is 1 less the distance, brought to 0 (no two have anything in common) to 1 (all the same).
///
/// A score that ranks free texts; it is no chance of anything. With a small `tau` (usually [`TAU`]) the near answers
/// decide. Source: Nguyen et al. 2025, "Beyond semantic entropy". `None` of fewer than two answers, of a matrix that
/// is not square, and for a `tau` that is not finite and above 0.
///
/// ```
/// use orch_evidence::confidence::{TAU, snne};
///
/// assert_eq!(snne(&[vec![0.0, 1.0], vec![1.0, 0.0]], TAU), Some(0.0));
/// assert_eq!(snne(&[vec![0.0, 0.0], vec![0.0, 0.0]], TAU), Some(1.0));
/// ```
#[must_use]
pub fn snne(distances: &[Vec<f64>], tau: f64) -> Option<f64> {
    let k = distances.len();
    if k < 2 || !is_square(distances) || !(tau.is_finite() && tau > 0.0) {
        return None;
    }
    // exp((s - 1) / tau) = exp(-d / tau): the largest term is 1, so nothing overflows.
    let near = |row: &Vec<f64>| row.iter().map(|distance| (-distance / tau).exp()).sum::<f64>().ln();
    let mean = distances.iter().map(near).sum::<f64>() / k as f64;
    let least = (1.0 + (k - 1) as f64 * (-1.0 / tau).exp()).ln();
    Some(((mean - least) / ((k as f64).ln() - least)).clamp(0.0, 1.0))
}

/// [`kernel_confidence`] by the entropy.
pub(crate) fn confidence_by(k: usize, entropy: f64) -> Option<f64> {
    (k > 1).then(|| (1.0 - entropy / (k as f64).ln()).clamp(0.0, 1.0))
}

/// The von Neumann entropy by similarities; each pair is asked for once, the earlier one first. Answers that are the same
/// as an earlier one count as that one: `m` of them have the same rows, and leave the other eigenvalues to a matrix of
/// the different ones, scaled by the roots of `m`.
pub(crate) fn entropy_of(k: usize, similarity: impl Fn(usize, usize) -> f64) -> f64 {
    let mut different: Vec<(usize, f64)> = Vec::new();
    let mut rows: Vec<Vec<f64>> = Vec::new();
    for at in 0..k {
        let row: Vec<f64> = different.iter().map(|(other, _)| similarity(*other, at)).collect();
        match row.iter().position(|same| *same >= 1.0) {
            Some(same) => different[same].1 += 1.0,
            None => {
                different.push((at, 1.0));
                rows.push(row);
            }
        }
    }
    let cell = |a: usize, b: usize| {
        let similarity = if a == b { 1.0 } else { rows[a.max(b)][a.min(b)] };
        similarity * (different[a].1 * different[b].1).sqrt()
    };
    let n = different.len();
    entropy(&eigenvalues((0..n).map(|a| (0..n).map(|b| cell(a, b)).collect()).collect()))
}

fn is_square(distances: &[Vec<f64>]) -> bool {
    !distances.is_empty() && distances.iter().all(|row| row.len() == distances.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matrix(groups: &[usize]) -> Vec<Vec<f64>> {
        groups.iter().map(|a| groups.iter().map(|b| if a == b { 0.0 } else { 1.0 }).collect()).collect()
    }

    #[test]
    fn of_answers_that_are_the_same_or_not_it_is_the_entropy_of_the_groups() {
        for (groups, sizes) in [(vec![0, 0, 0], vec![3.0]), (vec![0, 1, 0, 2, 0], vec![3.0, 1.0, 1.0])] {
            let found = von_neumann_entropy(&matrix(&groups)).unwrap();
            assert!((found - entropy(&sizes)).abs() < 1e-12, "{groups:?}: {found}");
        }
        assert_eq!(kernel_confidence(&matrix(&[0, 0, 0, 0])), Some(1.0));
        assert!(kernel_confidence(&matrix(&[0, 1, 2, 3])).unwrap() < 1e-12);
    }

    #[test]
    fn two_answers_have_the_entropy_of_their_two_eigenvalues() {
        let similar = 0.6;
        let distances = [vec![0.0, 1.0 - similar], vec![1.0 - similar, 0.0]];
        let expected = entropy(&[f64::midpoint(1.0, similar), (1.0 - similar) / 2.0]);
        assert!((von_neumann_entropy(&distances).unwrap() - expected).abs() < 1e-12);
    }

    #[test]
    fn one_answer_and_what_is_no_matrix_have_no_score() {
        assert_eq!(kernel_confidence(&[vec![0.0]]), None);
        assert_eq!(von_neumann_entropy(&[vec![0.0]]), Some(0.0));
        assert_eq!(snne(&[vec![0.0]], TAU), None);
        assert_eq!(von_neumann_entropy(&[]), None);
        assert_eq!(kernel_confidence(&[vec![0.0, 1.0], vec![1.0]]), None);
        assert_eq!(snne(&matrix(&[0, 1]), 0.0), None);
        assert_eq!(snne(&matrix(&[0, 1]), f64::NAN), None);
    }

    #[test]
    fn near_answers_are_surer_than_far_ones_by_both_scores() {
        let at = |distance: f64| vec![vec![0.0, distance, 0.5], vec![distance, 0.0, 0.5], vec![0.5, 0.5, 0.0]];
        for score in [kernel_confidence, |distances: &[Vec<f64>]| snne(distances, TAU)] {
            let scores: Vec<f64> = [0.9, 0.6, 0.3, 0.05].iter().map(|apart| score(&at(*apart)).unwrap()).collect();
            assert!(scores.is_sorted() && scores[0] < scores[3], "{scores:?}");
        }
    }

    proptest! {
        #[test]
        fn scores_lie_within_0_and_1_and_do_not_depend_on_order(
            words in prop::collection::vec(prop::collection::btree_set(0_u8..6, 1..5), 2..9),
        ) {
            let jaccard = |a: usize, b: usize| {
                let shared = words[a].intersection(&words[b]).count() as f64;
                1.0 - shared / words[a].union(&words[b]).count() as f64
            };
            let n = words.len();
            let one: Vec<Vec<f64>> = (0..n).map(|a| (0..n).map(|b| jaccard(a, b)).collect()).collect();
            let other: Vec<Vec<f64>> = (0..n).rev().map(|a| (0..n).rev().map(|b| jaccard(a, b)).collect()).collect();
            for score in [kernel_confidence, |distances: &[Vec<f64>]| snne(distances, TAU)] {
                let (one, other) = (score(&one).unwrap(), score(&other).unwrap());
                prop_assert!((0.0..=1.0).contains(&one));
                prop_assert!((one - other).abs() < 1e-9, "{one} and {other}");
            }
        }
    }
}
