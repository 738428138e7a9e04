//! Whether weights without labels can be trusted at all.

use super::em::{Fit, Question};
use crate::confidence::{gamma_cdf, wilson};

/// Three sources that err independently identify how often each is right; a fourth checks them.
const GOOD: usize = 4;

/// Four that are independent measure as three at least, by errors that they share by chance; two and a copy do not reach this.
const INDEPENDENT: f64 = 2.5;

/// Fewer questions say too little of any source.
pub(super) const QUESTIONS: usize = 50;

/// Why weights are refused; `None` if they are not.
///
/// Without labels only agreement is seen. It means truth where several sources that are mostly right err independently.
/// A single good source among others that copy each other's errors looks like the worst of them all, and weights would
/// silence it.
pub(super) fn refusal(questions: &[Question], fit: &Fit) -> Option<String> {
    if questions.len() < QUESTIONS {
        return Some(format!("{} questions: sources are told apart by {QUESTIONS} at least", questions.len()));
    }
    let good: Vec<usize> = (0..fit.accuracies.len()).filter(|source| mostly_right(fit, *source)).collect();
    if good.len() < GOOD {
        let all = fit.accuracies.len();
        return Some(format!(
            "only {} of {all} sources seem to be right more often than not, and {GOOD} must",
            good.len()
        ));
    }
    let independent = independent(questions, fit, &good);
    if independent < INDEPENDENT {
        let reason =
            format!("{} sources repeat each other's errors like {independent:.1} independent ones", good.len());
        return Some(format!("{reason}, and there must be {INDEPENDENT}"));
    }
    let p_value = alike(fit);
    (p_value > 0.01).then(|| format!("the sources are right equally often, as far as can be told (p = {p_value:.2})"))
}

fn mostly_right(fit: &Fit, source: usize) -> bool {
    let of = fit.answered[source];
    wilson(fit.accuracies[source] * of, of).0 > 0.5
}

/// How many independent sources these are worth: two that give the same wrong answer whenever both are wrong count as one.
///
/// Some wrong answers are given by many anyway: as often as by the least alike quarter of pairs.
fn independent(questions: &[Question], fit: &Fit, good: &[usize]) -> f64 {
    let errors: Vec<Vec<Option<usize>>> = good.iter().map(|source| errors(questions, fit, *source)).collect();
    let errors = &errors;
    let pairs = |a: usize| (0..good.len()).filter(move |b| *b != a).map(move |b| both_wrong(&errors[a], &errors[b]));
    let mut by_chance: Vec<f64> =
        (0..good.len()).flat_map(pairs).map(|(same, both)| f64::from(same) / f64::from(both + 2)).collect();
    by_chance.sort_by(f64::total_cmp);
    let by_chance = by_chance[by_chance.len() / 4];
    // One shared error and one that is not are made up: who never errs with another has not shown to be independent.
    let beyond = |(same, both): (u32, u32)| {
        let share = f64::from(same + 1) / f64::from(both + 2);
        ((share - by_chance) / (1.0 - by_chance)).max(0.0)
    };
    (0..good.len()).map(|a| 1.0 / (1.0 + pairs(a).map(beyond).sum::<f64>())).sum()
}

/// For each question the answer of a source, by its place, if it is not the most probable one.
fn errors(questions: &[Question], fit: &Fit, source: usize) -> Vec<Option<usize>> {
    let answer = |question: &Question| question.answers.iter().position(|who| who.contains(&source));
    questions.iter().zip(&fit.best).map(|(question, best)| answer(question).filter(|at| Some(*at) != *best)).collect()
}

/// How often two erred in the same way, and how often both erred.
fn both_wrong(a: &[Option<usize>], b: &[Option<usize>]) -> (u32, u32) {
    let both = a.iter().zip(b).filter_map(|(a, b)| Some((*a)? == (*b)?));
    both.fold((0, 0), |(same, both), equal| (same + u32::from(equal), both + 1))
}

/// The chance of such differences among sources that are all right equally often (Pearson's chi-squared test).
fn alike(fit: &Fit) -> f64 {
    let hits: Vec<(f64, f64)> = fit.accuracies.iter().zip(&fit.answered).map(|(p, of)| (p * of, *of)).collect();
    let mean = hits.iter().map(|(hits, _)| hits).sum::<f64>() / hits.iter().map(|(_, of)| of).sum::<f64>();
    let apart = |(hits, of): &(f64, f64)| {
        if *of > 0.0 { (hits - of * mean).powi(2) / (of * mean * (1.0 - mean)) } else { 0.0 }
    };
    let freedom = (hits.len() - 1) as f64;
    1.0 - gamma_cdf(freedom / 2.0, hits.iter().map(apart).sum::<f64>() / 2.0)
}
