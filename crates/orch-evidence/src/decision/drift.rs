//! Whether the answers are still like those that were labelled.

use serde::{Deserialize, Serialize};

use crate::confidence::gamma_cdf;

const BINS: usize = 10;

/// How unlikely equal worlds must make a difference before it counts as one.
const P_VALUE: f64 = 0.001;

/// The scores of recent bundles beside those that were labelled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Drift {
    /// How many labelled scores lie in each tenth from 0 to 1.
    pub labelled: Vec<u32>,
    /// How many recent ones do.
    pub recent: Vec<u32>,
    /// The share of scores that would have to move to make both alike, 0 to 1 (total variation).
    pub distance: f64,
    /// The chance of at least such a difference if nothing has changed, by Pearson's chi-squared test; 1 when there
    /// are too few of either to say.
    pub p_value: f64,
    /// Whether something has changed: a `p_value` below 0.001.
    pub drifted: bool,
}

impl Drift {
    /// Between labelled scores that are counted by tenths already, and recent ones.
    pub(super) fn between(labelled: Vec<u32>, recent: impl Iterator<Item = f64>) -> Self {
        let recent = histogram(recent);
        let (all_labelled, all_recent) = (sum(&labelled), sum(&recent));
        let share = |count: u32, of: f64| if of > 0.0 { f64::from(count) / of } else { 0.0 };
        let apart = labelled.iter().zip(&recent).map(|(a, b)| (share(*a, all_labelled) - share(*b, all_recent)).abs());
        let distance = if all_labelled > 0.0 && all_recent > 0.0 { apart.sum::<f64>() / 2.0 } else { 0.0 };
        let p_value = p_value(&labelled, &recent);
        Self { labelled, recent, distance, p_value, drifted: p_value < P_VALUE }
    }
}

fn sum(counts: &[u32]) -> f64 {
    counts.iter().copied().map(f64::from).sum()
}

/// How many scores lie in each tenth from 0 to 1.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the number of bins")]
pub(super) fn histogram(scores: impl Iterator<Item = f64>) -> Vec<u32> {
    let mut counts = vec![0; BINS];
    for score in scores {
        counts[((score * BINS as f64) as usize).min(BINS - 1)] += 1;
    }
    counts
}

/// Pearson's test of homogeneity. Neighbouring bins are joined until at least five are expected of either.
fn p_value(a: &[u32], b: &[u32]) -> f64 {
    const EXPECTED: f64 = 5.0;
    let (all_a, all_b) = (sum(a), sum(b));
    let all = all_a + all_b;
    let least = all_a.min(all_b) / all;
    let mut bins: Vec<(f64, f64)> = Vec::new();
    let mut open = (0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        open = (open.0 + f64::from(*a), open.1 + f64::from(*b));
        if (open.0 + open.1) * least >= EXPECTED {
            bins.push(std::mem::take(&mut open));
        }
    }
    match bins.last_mut() {
        Some(last) => *last = (last.0 + open.0, last.1 + open.1),
        None => return 1.0,
    }
    let apart = |(a, b): &(f64, f64)| {
        let (expect_a, expect_b) = ((a + b) * all_a / all, (a + b) * all_b / all);
        (a - expect_a).powi(2) / expect_a + (b - expect_b).powi(2) / expect_b
    };
    let freedom = (bins.len() - 1) as f64;
    if freedom > 0.0 { 1.0 - gamma_cdf(freedom / 2.0, bins.iter().map(apart).sum::<f64>() / 2.0) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_scores_show_no_drift_and_others_do() {
        let scores = |from: f64| (0..100).map(move |at| from + f64::from(at % 20) / 50.0);
        let same = Drift::between(histogram(scores(0.5)), scores(0.5));
        assert!(!same.drifted && same.distance == 0.0 && same.p_value > 0.99, "{same:?}");
        let other = Drift::between(histogram(scores(0.5)), scores(0.2));
        assert!(other.drifted && other.distance > 0.5, "{other:?}");
    }

    #[test]
    fn a_few_scores_prove_nothing() {
        let few = Drift::between(histogram([0.9; 100].into_iter()), [0.1; 4].into_iter());
        assert!(!few.drifted && few.p_value == 1.0, "{few:?}");
        let none = Drift::between(histogram(std::iter::empty()), [0.1; 4].into_iter());
        assert_eq!((none.drifted, none.distance), (false, 0.0));
    }

    #[test]
    fn the_test_is_pearsons() {
        // 30 against 20 of 50, and the rest: chi-squared is 4, of one degree of freedom: p = 0.0455.
        let at = |high: usize| (0..50).map(move |at| if at < high { 0.95 } else { 0.05 });
        let found = Drift::between(histogram(at(30)), at(20)).p_value;
        assert!((found - 0.0455).abs() < 1e-4, "{found}");
    }
}
