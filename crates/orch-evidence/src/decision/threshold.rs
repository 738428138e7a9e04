//! From which score on the share of errors is kept below a target.

use std::ops::RangeInclusive;

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
    let mut at_step = [(0, 0); STEPS as usize + 1];
    for (score, right) in labels {
        // The highest step that it reaches.
        count(&mut at_step, around(*score).rev().find(|step| *score >= score_of(*step)), *right);
    }
    let enough = enough_for_one_error(target, risk);
    let refutes = |(all, wrong): (u32, u32)| at_most(wrong, all, target) <= risk;
    let (score, labels, wrong) = last_in_sequence(&at_step, (0..=STEPS).rev(), enough, refutes)?;
    Some(Threshold { score, labels, wrong, bound: clopper_pearson(wrong, labels, risk) })
}

/// The highest score up to which more than half are wrong, but for a chance of `risk`; tested from the lowest up.
pub(super) fn escalate_to(labels: &[(f64, bool)], risk: f64) -> Option<Threshold> {
    let mut at_step = [(0, 0); STEPS as usize + 1];
    for (score, right) in labels {
        count(&mut at_step, around(*score).find(|step| *score <= score_of(*step)), *right);
    }
    let enough = enough_for_one_error(0.5, risk);
    let refutes = |(all, wrong): (u32, u32)| at_most(all - wrong, all, 0.5) <= risk;
    let (score, labels, wrong) = last_in_sequence(&at_step, 0..=STEPS, enough, refutes)?;
    Some(Threshold { score, labels, wrong, bound: 1.0 - clopper_pearson(labels - wrong, labels, risk) })
}

/// The steps among which a score lies.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "scores lie within 0 and 1")]
fn around(score: f64) -> RangeInclusive<u32> {
    let below = (score * f64::from(STEPS)) as u32;
    below.saturating_sub(1)..=below.saturating_add(1).min(STEPS)
}

fn score_of(step: u32) -> f64 {
    f64::from(step) / f64::from(STEPS)
}

/// One more label at a step, of all and of those that are wrong.
fn count(at_step: &mut [(u32, u32)], step: Option<u32>, right: bool) {
    if let Some((all, wrong)) = step.and_then(|step| at_step.get_mut(step as usize)) {
        *all += 1;
        *wrong += u32::from(!right);
    }
}

/// Goes through the steps with all labels up to there until the test fails: the last one that brought labels and
/// passed, with their number and that of the wrong ones. Where no labels lie nothing is promised, though nothing is
/// refuted either.
fn last_in_sequence(
    at_step: &[(u32, u32)],
    steps: impl Iterator<Item = u32>,
    enough: u32,
    passes: impl Fn((u32, u32)) -> bool,
) -> Option<(f64, u32, u32)> {
    let (mut all, mut wrong, mut found) = (0, 0, None);
    for step in steps {
        let (more, more_wrong) = at_step[step as usize];
        (all, wrong) = (all + more, wrong + more_wrong);
        if all < enough || (more == 0 && found.is_some()) {
            continue;
        }
        if !passes((all, wrong)) {
            break;
        }
        found = Some((score_of(step), all, wrong));
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

    #[test]
    fn every_score_lies_on_its_side_of_a_step_of_the_grid() {
        for thousandth in 0..=1000_u32 {
            let score = f64::from(thousandth) / 1000.0;
            let accept = accept_from(&[(score, true); 50], 0.1, 0.1).unwrap().score;
            let escalate = escalate_to(&[(score, false); 50], 0.1).unwrap().score;
            assert!(accept <= score && score < accept + 0.01, "{score}: {accept}");
            assert!(escalate >= score && score > escalate - 0.01, "{score}: {escalate}");
        }
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
