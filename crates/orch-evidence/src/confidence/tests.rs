use proptest::prelude::*;

use super::*;

/// `P(Binomial(n, 1/2) <= at_most)`, from Pascal's triangle.
fn binomial_at_most(n: u32, at_most: u32) -> f64 {
    let mut row = vec![1.0_f64];
    for _ in 0..n {
        let mut next = vec![1.0];
        next.extend(row.windows(2).map(|pair| pair[0] + pair[1]));
        next.push(1.0);
        row = next;
    }
    row[..=at_most as usize].iter().sum::<f64>() / 2_f64.powi(i32::try_from(n).unwrap())
}

/// The share of draws from the posterior in which the first is the largest: Gammas with whole shapes as
/// sums of exponential variables.
fn by_drawing(shapes: &[u32], draws: u32) -> f64 {
    let mut state = 0x1234_5678_9abc_def1_u64;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((state >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    };
    let mut hits = 0;
    for _ in 0..draws {
        let mut gamma = |shape: u32| (0..shape).map(|_| -uniform().ln()).sum::<f64>();
        let first = gamma(shapes[0]);
        if shapes[1..].iter().map(|shape| gamma(*shape)).all(|other| other < first) {
            hits += 1;
        }
    }
    f64::from(hits) / f64::from(draws)
}

#[test]
fn two_clusters_with_prior_one_are_the_binomial_sum() {
    for first in 0..30 {
        for second in 0..=first {
            let expected = binomial_at_most(first + second + 1, first);
            assert!((leads(first, second, 1.0) - expected).abs() < 1e-13, "{first} {second}");
        }
    }
}

#[test]
fn two_clusters_with_jeffreys_prior_match_the_closed_form_of_the_arcsine_law() {
    // Beta(3/2, 1/2): P(p > 1/2) = 1/2 + 1/pi.
    assert!((leads(1, 0, 0.5) - (0.5 + std::f64::consts::FRAC_1_PI)).abs() < 1e-14);
    // Beta(5/2, 1/2): P(p > 1/2) = 1/2 + 4/(3 pi).
    assert!((leads(2, 0, 0.5) - (0.5 + 4.0 / (3.0 * std::f64::consts::PI))).abs() < 1e-14);
}

#[test]
fn the_integral_over_many_clusters_is_what_drawing_from_the_posterior_gives() {
    for counts in [vec![3_u32, 1, 1], vec![5, 4, 1], vec![2, 2, 2], vec![9, 3, 2, 1, 1]] {
        let shapes: Vec<u32> = counts.iter().map(|count| count + 1).collect();
        let drawn = by_drawing(&shapes, 200_000);
        let found = mode_posterior(&counts, 1.0).unwrap();
        assert!((found - drawn).abs() < 0.005, "{counts:?}: {found} and {drawn}");
    }
}

#[test]
fn equal_clusters_have_equal_chances() {
    for n in 2..20_u32 {
        let equal = vec![3; n as usize];
        assert!((mode_posterior(&equal, PRIOR).unwrap() - 1.0 / f64::from(n)).abs() < 1e-9, "{n}");
    }
}

#[test]
fn one_replicate_leaves_the_mode_undetermined() {
    assert_eq!(mode_posterior(&[1], PRIOR), None);
    assert_eq!(mode_posterior(&[], PRIOR), None);
    assert_eq!(mode_posterior(&[3, 1], f64::NAN), None);
}

#[test]
fn unanimity_is_not_certainty() {
    let chance = mode_posterior(&[3], PRIOR).unwrap();
    assert!(chance > 0.95 && chance < 1.0, "{chance}");
}

#[test]
fn agreement_of_one_is_four_fifths_and_of_none_zero() {
    assert_eq!(agreement(1.0, 1, THETA), 1.0 / 1.25);
    assert_eq!(agreement(0.0, 0, THETA), 0.0);
}

#[test]
fn wilson_solves_its_own_equation() {
    const Z: f64 = 1.959_963_984_540_054;
    for of in 1..40_u32 {
        for hits in 0..=of {
            let (n, p) = (f64::from(of), f64::from(hits) / f64::from(of));
            let (low, high) = wilson(f64::from(hits), n);
            for end in [low, high] {
                let apart = (p - end).abs() - Z * (end * (1.0 - end) / n).sqrt();
                assert!(apart.abs() < 1e-9, "{hits} of {of}: {end}");
            }
            assert!(low <= p && p <= high);
        }
    }
    assert_eq!(wilson(0.0, 0.0), (0.0, 1.0));
}

proptest! {
    #[test]
    fn the_posterior_is_a_chance_and_does_not_depend_on_order(counts in prop::collection::vec(1_u32..20, 2..8)) {
        let found = mode_posterior(&counts, PRIOR).unwrap();
        prop_assert!((0.0..=1.0).contains(&found));
        let mut turned = counts.clone();
        turned.reverse();
        prop_assert_eq!(mode_posterior(&turned, PRIOR).unwrap().to_bits(), found.to_bits());
    }

    #[test]
    fn one_more_for_the_leader_raises_the_posterior(mut counts in prop::collection::vec(1_u32..10, 2..6)) {
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let before = mode_posterior(&counts, PRIOR).unwrap();
        counts[0] += 1;
        prop_assert!(mode_posterior(&counts, PRIOR).unwrap() >= before - 1e-12);
    }
}

#[test]
fn counts_of_any_size_are_counted_right_and_at_once() {
    // A third answer of which there is hardly any changes nothing.
    for (first, second) in [(500, 490), (700, 650), (1_000, 990), (20_000, 19_900)] {
        let (found, two) = (mode_posterior(&[first, second, 1], PRIOR).unwrap(), leads(first, second, PRIOR));
        assert!((found - two).abs() < 1e-9, "{first} {second}: {found} {two}");
    }
    assert_eq!(mode_posterior(&[u32::MAX, 1], PRIOR), Some(1.0));
    assert_eq!(mode_posterior(&[u32::MAX, 1, 1], PRIOR).map(f64::round), Some(1.0));
}
