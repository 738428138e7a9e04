//! From which score on the share of errors is kept below a target.

use serde::{Deserialize, Serialize};

use super::binomial::{at_most, clopper_pearson};

/// Scores are tried in steps of a hundredth: the grid is fixed before any label is seen.
const STEPS: u32 = 100;

/// A score from which on (or up to which) labels prove something.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Threshold {
    /// The score.
    pub score: f64,
    /// How many labels lie on its side.
    pub labels: u32,
    /// How many of those were wrong.
    pub wrong: u32,
    /// The bound that the share of wrong ones keeps, with the risk of the policy: an upper one for a threshold to accept
    /// from, a lower one for one to escalate up to (Clopper and Pearson).
    pub bound: f64,
}

/// The lowest score from which on the share of errors is at most `target`, but for a chance of `risk`; `None` if the
/// labels support none.
///
/// Scores of the grid are tested one by one from the highest down, each by the exact binomial tail at the full `risk`,
/// until the first that fails: a fixed sequence of hypotheses, in which the chance that any one is
/// wrongly accepted is that of a single test (Maurer et al. 1995; "Learn then Test", Angelopoulos et al. 2021). It begins
/// where enough labels are accepted for one error not to end it; their number knows nothing of right and wrong.
pub(super) fn accept_from(labels: &[(f64, bool)], target: f64, risk: f64) -> Option<Threshold> {
    let enough = enough_for_one_error(target, risk);
    let mut found = None;
    for step in (0..=STEPS).rev() {
        let score = f64::from(step) / f64::from(STEPS);
        let (accepted, wrong) = count(labels, |other| other >= score);
        if accepted < enough {
            continue;
        }
        if at_most(wrong, accepted, target) > risk {
            break;
        }
        // Where no labels lie nothing is promised, though nothing is refuted either.
        if found.is_none_or(|found: Threshold| found.labels < accepted) {
            found = Some(Threshold { score, labels: accepted, wrong, bound: clopper_pearson(wrong, accepted, risk) });
        }
    }
    found
}

/// The highest score up to which more than half are wrong, but for a chance of `risk`; tested from the lowest up.
pub(super) fn escalate_to(labels: &[(f64, bool)], risk: f64) -> Option<Threshold> {
    let enough = enough_for_one_error(0.5, risk);
    let mut found = None;
    for step in 0..=STEPS {
        let score = f64::from(step) / f64::from(STEPS);
        let (below, wrong) = count(labels, |other| other <= score);
        if below < enough {
            continue;
        }
        let right = below - wrong;
        if at_most(right, below, 0.5) > risk {
            break;
        }
        if found.is_none_or(|found: Threshold| found.labels < below) {
            found = Some(Threshold { score, labels: below, wrong, bound: 1.0 - clopper_pearson(right, below, risk) });
        }
    }
    found
}

/// With how many labels one error does not refute the target.
pub(super) fn enough_for_one_error(target: f64, risk: f64) -> u32 {
    let (mut low, mut high) = (1_u32, 1_u32 << 20);
    while low < high {
        let middle = u32::midpoint(low, high);
        if at_most(1, middle, target) <= risk { high = middle } else { low = middle + 1 }
    }
    low
}

/// How many labels have such a score, and how many of those are wrong.
fn count(labels: &[(f64, bool)], such: impl Fn(f64) -> bool) -> (u32, u32) {
    let such = labels.iter().filter(|(score, _)| such(*score));
    such.fold((0, 0), |(all, wrong), (_, right)| (all + 1, wrong + u32::from(!right)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uniform numbers within 0 and 1.
    fn uniform(state: &mut u64) -> f64 {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        (*state >> 11) as f64 / (1_u64 << 53) as f64
    }

    #[test]
    fn it_begins_where_one_error_is_allowed() {
        assert_eq!(enough_for_one_error(0.1, 0.1), 38);
        let all_right: Vec<(f64, bool)> = (0..38).map(|_| (0.9, true)).collect();
        let found = accept_from(&all_right, 0.1, 0.1).unwrap();
        assert_eq!((found.score, found.labels, found.wrong), (0.9, 38, 0));
        assert_eq!(accept_from(&all_right[..37], 0.1, 0.1), None);
    }

    #[test]
    fn it_ends_above_the_first_score_that_fails() {
        let mut labels: Vec<(f64, bool)> = (0..100).map(|at| (0.9, at % 50 != 0)).collect();
        labels.extend((0..100).map(|at| (0.5, at % 2 == 0)));
        let found = accept_from(&labels, 0.1, 0.1).unwrap();
        assert_eq!(found.score, 0.9);
        assert_eq!((found.labels, found.wrong), (100, 2));
        assert!(found.bound <= 0.1 && found.bound > 0.02);
    }

    #[test]
    fn errors_among_the_surest_promise_nothing_whatever_lies_below() {
        let mut labels: Vec<(f64, bool)> = (0..60).map(|at| (0.95, at % 5 != 0)).collect();
        labels.extend((0..1000).map(|_| (0.6, true)));
        assert_eq!(accept_from(&labels, 0.1, 0.1), None);
    }

    #[test]
    fn scores_with_more_wrong_than_right_are_escalated_and_only_those() {
        let mut labels: Vec<(f64, bool)> = (0..40).map(|at| (0.2, at % 5 == 0)).collect();
        labels.extend((0..100).map(|_| (0.8, true)));
        let found = escalate_to(&labels, 0.1).unwrap();
        assert_eq!(found.score, 0.2);
        assert!(found.bound > 0.5 && found.wrong == 32);
        assert_eq!(escalate_to(&labels[40..], 0.1), None);
    }

    /// The risk is real: of many samples from a world that is known, at most one in ten gives a threshold at which that
    /// world errs more often than the target.
    #[test]
    fn in_at_most_one_of_ten_samples_more_than_the_target_is_wrong() {
        // How often a score is right: just at the edge for all, rising steeply, rising late, hardly ever, falling.
        let worlds: [fn(f64) -> f64; 5] = [
            |_| 0.899,
            |score| 0.5 + 0.5 * score,
            |score| if score > 0.8 { 0.93 } else { 0.4 },
            |score| 0.1 * score,
            |score| 0.95 - 0.1 * score,
        ];
        let mut state = 0x1234_5678_9abc_def1;
        for (at, right) in worlds.iter().enumerate() {
            // The true share of errors from each score on, for uniform scores.
            let wrong_from = |from: f64| {
                let points = (0..1000).map(|i| from + (1.0 - from) * (f64::from(i) + 0.5) / 1000.0);
                points.map(|score| 1.0 - right(score)).sum::<f64>() / 1000.0
            };
            let mut broken = 0;
            for _ in 0..1000 {
                let label = |state: &mut u64| {
                    let score = uniform(state);
                    (score, uniform(state) < right(score))
                };
                let labels: Vec<(f64, bool)> = (0..200).map(|_| label(&mut state)).collect();
                let found = accept_from(&labels, 0.1, 0.1);
                broken += u32::from(found.is_some_and(|found| wrong_from(found.score) > 0.1));
            }
            // Two standard deviations of a thousand draws above one in ten.
            assert!(broken <= 119, "world {at}: {broken} of 1000 broke the promise");
        }
    }
}
