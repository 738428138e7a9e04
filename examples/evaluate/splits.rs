//! What is learnt from some questions and judged on others.

use std::time::Duration;

use orch_evidence::confidence::{CalibrationKey, Calibrator};
use orch_evidence::decision::{Policy, Verdict};

use crate::draws;
use crate::metrics::{Scored, brier, ece, mean, share};
use crate::trial::Trial;

/// How many splits by chance.
const SPLITS: u32 = 60;

/// How many labels are learnt from, where there are enough.
const LABELS: usize = 200;

/// Questions to learn from and questions to judge by, each with its trials.
struct Split<'a> {
    known: Vec<&'a [Trial]>,
    unseen: Vec<&'a [Trial]>,
}

/// How many questions are learnt from: 200, but at most four fifths.
pub(crate) fn labels(questions: usize) -> usize {
    LABELS.min(questions * 4 / 5)
}

/// 60 splits of the questions that have labels.
fn splits<'a>(trials: &[&'a [Trial]]) -> impl Iterator<Item = Split<'a>> {
    (0..SPLITS).map(move |number| {
        let order = draws::split(number, trials.len());
        let (known, unseen) = order.split_at(labels(trials.len()));
        let of = |places: &[usize]| places.iter().map(|at| trials[*at]).collect();
        Split { known: of(known), unseen: of(unseen) }
    })
}

/// The scores to learn from: one bundle of each question.
fn learnt(known: &[&[Trial]]) -> Vec<Scored> {
    known.iter().filter_map(|trials| trials.first()?.scored("agreement")).collect()
}

/// The scores to judge by: all bundles of each question.
fn judged(unseen: &[&[Trial]]) -> Vec<Scored> {
    unseen.iter().flat_map(|trials| trials.iter()).filter_map(|trial| trial.scored("agreement")).collect()
}

/// ECE and Brier score of `p_correct` on questions that its calibrator has not seen, the means over all splits.
pub(crate) fn p_correct(trials: &[&[Trial]], k: usize) -> anyhow::Result<Option<(f64, f64)>> {
    let key = CalibrationKey::new("evaluate", "", u32::try_from(k)?);
    let mut found = Vec::new();
    for split in splits(trials) {
        let (known, unseen) = (learnt(&split.known), judged(&split.unseen));
        if known.is_empty() || unseen.is_empty() {
            return Ok(None);
        }
        let calibrator = Calibrator::fit(key.clone(), known)?;
        let chance = |(score, right)| Ok((calibrator.p_correct(&key, score)?, right));
        let unseen: Vec<Scored> = unseen.into_iter().map(chance).collect::<anyhow::Result<_>>()?;
        found.extend(ece(&unseen).zip(brier(&unseen)));
    }
    Ok(mean(found.iter().map(|found| found.0)).zip(mean(found.iter().map(|found| found.1))))
}

/// What a policy accepts of questions that it has not seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accepted {
    /// The share of answers that it accepts, 0 where it makes no promise: the mean over all splits.
    pub(crate) share: f64,
    /// The share of wrong ones among them: the mean over the splits in which any are accepted.
    pub(crate) error: Option<f64>,
    /// The share of splits in which it makes no promise.
    pub(crate) refused: f64,
}

/// A policy of at most 10 % errors at a risk of 10 %.
pub(crate) fn accepted(trials: &[&[Trial]]) -> anyhow::Result<Option<Accepted>> {
    let now = Duration::ZERO;
    let (mut shares, mut errors, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for split in splits(trials) {
        let (known, unseen) = (learnt(&split.known), judged(&split.unseen));
        if known.is_empty() || unseen.is_empty() {
            return Ok(None);
        }
        let mut policy = Policy::target_error(0.10).with_risk(0.10);
        for (run, (score, right)) in known.into_iter().enumerate() {
            policy.learn(run.to_string(), score, Verdict::from(right), now)?;
        }
        let from = policy.promise(now).accept_from.map(|threshold| threshold.score);
        let taken: Vec<&Scored> = unseen.iter().filter(|scored| from.is_some_and(|from| scored.0 >= from)).collect();
        refused.push(from.is_none());
        shares.push(taken.len() as f64 / unseen.len() as f64);
        errors.extend(share(taken.iter().map(|scored| !scored.1)));
    }
    let refused = share(refused.into_iter());
    let accepted = mean(shares.into_iter()).zip(refused);
    Ok(accepted.map(|(share, refused)| Accepted { share, error: mean(errors.into_iter()), refused }))
}
