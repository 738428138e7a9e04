//! Plain statistics. Sums run in the order of their input, so equal inputs give equal bits.

mod alpha;
mod models;

pub(crate) use self::alpha::{Unit, alpha};
pub(crate) use self::models::model_gap;
use crate::bundle::NumberStatistics;

/// The entropy of a division into these weights, in nats; 0 of one part or none.
pub(crate) fn entropy(weights: &[f64]) -> f64 {
    let all: f64 = weights.iter().sum();
    let parts = weights.iter().filter(|weight| **weight > 0.0).map(|weight| weight / all);
    // From 0.0, so that a single part gives 0 and not -0.
    parts.fold(0.0, |sum, part| sum - part * part.ln())
}

/// The part of pairs whose two are in the same cluster: `sum n(n-1) / (K(K-1))`; `None` of fewer than two.
pub(crate) fn pair_agreement(counts: &[u32]) -> Option<f64> {
    let pairs = |n: u32| f64::from(n) * (f64::from(n) - 1.0);
    let all = counts.iter().sum();
    (all > 1).then(|| counts.iter().copied().map(pairs).sum::<f64>() / pairs(all))
}

/// Smallest, middle, mean, largest and spread; `None` of no numbers.
pub(crate) fn numbers(values: &[f64]) -> Option<NumberStatistics> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let (min, max) = (*sorted.first()?, *sorted.last()?);
    let n = sorted.len();
    let mean = sorted.iter().sum::<f64>() / n as f64;
    let median = middle(&sorted);
    let squares: f64 = sorted.iter().map(|value| (value - mean).powi(2)).sum();
    let sd = (n > 1).then(|| (squares / (n - 1) as f64).sqrt());
    let mut off: Vec<f64> = sorted.iter().map(|value| (value - median).abs()).collect();
    off.sort_unstable_by(f64::total_cmp);
    let mad = middle(&off);
    let all = NumberStatistics { n: crate::count(n), min, median, mean, max, sd, mad };
    // Numbers near the end of the range overflow when they are added: then nothing is known.
    [min, median, mean, max, mad, sd.unwrap_or(0.0)].iter().all(|value| value.is_finite()).then_some(all)
}

/// The one in the middle of a sorted list, or the mean of both.
fn middle(sorted: &[f64]) -> f64 {
    f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn entropy_of_equal_parts_is_the_logarithm_of_their_number() {
        assert_eq!(entropy(&[]), 0.0);
        assert_eq!(entropy(&[3.0]).to_bits(), 0.0_f64.to_bits());
        assert!((entropy(&[2.0; 4]) - 4_f64.ln()).abs() < 1e-15);
        let expected = -(0.75 * 0.75_f64.ln() + 0.25 * 0.25_f64.ln());
        assert!((entropy(&[3.0, 1.0]) - expected).abs() < 1e-15);
    }

    #[test]
    fn pairs_are_counted_one_by_one() {
        assert_eq!(pair_agreement(&[1]), None);
        assert_eq!(pair_agreement(&[3]), Some(1.0));
        assert_eq!(pair_agreement(&[2, 1]), Some(1.0 / 3.0));
    }

    #[test]
    fn numbers_have_a_middle_and_a_spread() {
        let found = numbers(&[4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!((found.min, found.median, found.mean, found.max), (1.0, 2.5, 2.5, 4.0));
        assert!((found.sd.unwrap() - (5.0_f64 / 3.0).sqrt()).abs() < 1e-15);
        assert_eq!((found.n, found.mad), (4, 1.0));
        assert_eq!(numbers(&[7.0]).unwrap().sd, None);
        assert_eq!(numbers(&[]), None);
    }

    proptest! {
        #[test]
        fn pair_agreement_is_that_of_all_pairs(labels in prop::collection::vec(0_usize..4, 2..20)) {
            let same = (0..labels.len()).flat_map(|a| (0..a).map(move |b| (a, b))).map(|(a, b)| labels[a] == labels[b]);
            let same: Vec<bool> = same.collect();
            let expected = same.iter().filter(|same| **same).count() as f64 / same.len() as f64;
            let mut counts = [0_u32; 4];
            labels.iter().for_each(|label| counts[*label] += 1);
            prop_assert!((pair_agreement(&counts).unwrap() - expected).abs() < 1e-12);
        }

        #[test]
        fn what_is_reported_is_always_finite(values in prop::collection::vec(prop::num::f64::NORMAL, 1..6)) {
            if let Some(found) = numbers(&values) {
                prop_assert!([found.min, found.median, found.mean, found.max].iter().all(|value| value.is_finite()));
            }
        }
    }
}
