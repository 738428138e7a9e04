//! Exact bounds on a share, from how often something happened.

use crate::confidence::ln_gamma;

/// The chance of at most `hits` of `of` when each has the chance `p`, summed exactly.
pub(super) fn at_most(hits: u32, of: u32, p: f64) -> f64 {
    if hits >= of || p <= 0.0 {
        return 1.0;
    }
    if p >= 1.0 {
        return 0.0;
    }
    // From the nearer tail outwards, so that the first term is the largest and does not vanish.
    if f64::from(hits) > p * f64::from(of) {
        return (1.0 - tail(of - hits - 1, of, 1.0 - p)).max(0.0);
    }
    tail(hits, of, p).min(1.0)
}

/// The sum from `hits` down to 0.
fn tail(hits: u32, of: u32, p: f64) -> f64 {
    let (n, k) = (f64::from(of), f64::from(hits));
    let ways = ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0);
    let mut term = (ways + k * p.ln() + (n - k) * (-p).ln_1p()).exp();
    let mut sum = 0.0;
    for i in (0..=hits).rev() {
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
        let i = f64::from(i);
        term *= i / (n - i + 1.0) * (1.0 - p) / p;
    }
    sum
}

/// The upper end of a share of which `hits` of `of` were seen, at most `risk` to be passed: the one-sided bound of Clopper and
/// Pearson (1934), the share with which so few hits have just the chance `risk`. Of nothing it is 1.
///
/// ```
/// use orch_evidence::decision::clopper_pearson;
///
/// // Without a hit it has a closed form.
/// assert!((clopper_pearson(0, 22, 0.10) - (1.0 - 0.1_f64.powf(1.0 / 22.0))).abs() < 1e-12);
/// ```
#[must_use]
pub fn clopper_pearson(hits: u32, of: u32, risk: f64) -> f64 {
    if hits >= of {
        return 1.0;
    }
    let (mut low, mut high) = (f64::from(hits) / f64::from(of), 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if at_most(hits, of, middle) > risk { low = middle } else { high = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By the definition, term by term from nothing.
    fn naive(hits: u32, of: u32, p: f64) -> f64 {
        let mut term = (1.0 - p).powi(i32::try_from(of).unwrap());
        let mut sum = 0.0;
        for i in 0..=hits.min(of) {
            sum += term;
            term *= f64::from(of - i.min(of)) / f64::from(i + 1) * p / (1.0 - p);
        }
        sum
    }

    #[test]
    fn bounds_are_those_of_the_tables() {
        // One error in 38 is the first that does not refute 10 % at a risk of 10 %.
        assert!(at_most(1, 38, 0.1) <= 0.1 && at_most(1, 37, 0.1) > 0.1);
        // The upper end of the two-sided 95 % interval of 10 in 100, as in the textbooks: 0.1762.
        assert!((clopper_pearson(10, 100, 0.025) - 0.1762).abs() < 5e-5);
        assert_eq!(clopper_pearson(0, 0, 0.1), 1.0);
        assert_eq!(clopper_pearson(5, 5, 0.1), 1.0);
    }

    #[test]
    fn large_numbers_neither_vanish_nor_overflow() {
        assert!(at_most(900, 10_000, 0.1) < 1e-3 && at_most(900, 10_000, 0.1) > 1e-4);
        assert!((at_most(9_999, 10_000, 0.1) - 1.0).abs() < 1e-12);
        let bound = clopper_pearson(1_000, 10_000, 0.1);
        assert!(bound > 0.1 && bound < 0.105, "{bound}");
    }

    proptest! {
        #[test]
        fn the_sum_is_that_of_the_definition(of in 1_u32..60, hits in 0_u32..60, p in 0.01..0.99_f64) {
            let hits = hits % of;
            prop_assert!((at_most(hits, of, p) - naive(hits, of, p)).abs() < 1e-9);
        }

        #[test]
        fn at_its_bound_a_share_shows_so_few_hits_with_just_the_risk(hits in 0_u32..30, more in 1_u32..200, risk in 0.01..0.4_f64) {
            let bound = clopper_pearson(hits, hits + more, risk);
            prop_assert!((at_most(hits, hits + more, bound) - risk).abs() < 1e-9);
        }
    }
}
