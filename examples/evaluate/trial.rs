//! One bundle of K of a question's replicates, and what is known of it.

use std::collections::BTreeMap;

use anyhow::Context;
use orch_evidence::confidence::{THETA, agreement};
use orch_evidence::{Bundle, Evidence};
use serde_json::Value;

use crate::bench::Bench;
use crate::bundles::place;
use crate::leaves;
use crate::metrics::{Scored, mean};
use crate::set::{Answer, Question};

/// One bundle of K replicates.
#[derive(Debug)]
pub(crate) struct Trial {
    /// Whether the answer that is judged is right: the target if there is one, else the medoid.
    pub(crate) right: Option<bool>,
    /// The mean similarity of all pairs, and whether the answer in the middle of all is right.
    pub(crate) middle: Option<Scored>,
    /// What each score says of it, by the scores' names.
    pub(crate) scores: Vec<(&'static str, f64)>,
    /// For each leaf of a structured gold: the support of the consensus there, and whether it is right.
    pub(crate) leaves: Vec<Scored>,
    /// The groups of equal answers, the largest first.
    pub(crate) clusters: Vec<Group>,
    /// What each stop rule makes of it.
    pub(crate) stops: Vec<Stopped>,
}

/// A group of equal answers.
#[derive(Debug)]
pub(crate) struct Group {
    /// The recorded places of its answers.
    pub(crate) places: Vec<usize>,
    /// Whether the one in its middle is right.
    pub(crate) right: Option<bool>,
}

/// What a stop rule makes of the same replicates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopped {
    pub(crate) samples: f64,
    /// By how much the answer is more often right: -1, 0 or 1.
    pub(crate) accuracy_change: Option<f64>,
    pub(crate) same_answer: bool,
}

/// What the scores say of no answer at all.
const UNKNOWN: [(&str, f64); 5] =
    [("agreement", 0.0), ("mode_posterior", 0.0), ("kernel", 0.0), ("snne", 0.0), ("confidence", 0.0)];

impl Trial {
    /// The bundle of these replicates, by launch order, and what each rule makes of them.
    pub(crate) fn new(question: &Question, order: &[usize], bench: &Bench) -> anyhow::Result<Self> {
        let drawn: Vec<&Answer> = order.iter().map(|at| &question.answers[*at]).collect();
        let (all, samples) = bench.watched(&drawn)?;
        let mut trial = match &question.target {
            None => Self::of_medoid(&drawn, all.as_ref(), bench),
            Some(target) => Self::of_target(target, &drawn, bench)?,
        };
        if let Some(gold) = question.gold.as_ref().filter(|gold| leaves::structured(gold)) {
            trial.leaves = supported(gold, all.as_ref());
        }
        trial.clusters = groups(&drawn, order, all.as_ref());
        let mut known = BTreeMap::from([(drawn.len(), Stopped::new(&drawn, drawn.len(), all.as_ref(), all.as_ref()))]);
        for samples in samples {
            let stopped = match known.get(&samples) {
                Some(stopped) => *stopped,
                None => Stopped::new(&drawn, samples, all.as_ref(), bench.whole(&drawn[..samples])?.as_ref()),
            };
            known.insert(samples, stopped);
            trial.stops.push(stopped);
        }
        Ok(trial)
    }

    /// A score by its name, and whether what it was given to is right; `None` where either is unknown.
    pub(crate) fn scored(&self, name: &str) -> Option<Scored> {
        let (_, score) = self.scores.iter().find(|score| score.0 == name)?;
        Some((*score, self.right?))
    }

    /// Without a valid replicate there is no answer: that is wrong, and every score 0.
    fn of_medoid(drawn: &[&Answer], all: Option<&Bundle>, bench: &Bench) -> Self {
        let Some(bundle) = all else {
            return Self::judged(is_labelled(drawn).then_some(false), UNKNOWN.to_vec());
        };
        let mut scores = vec![("agreement", bundle.summary.agreement)];
        scores.extend(bench.scores(bundle));
        Self { middle: middle(drawn, bundle), ..Self::judged(medoid(bundle).and_then(|at| drawn[at].right), scores) }
    }

    /// The target stands first among the replicates. Its agreement is the chance that one more replicate agrees
    /// with *it*, whatever the consensus is.
    fn of_target(target: &Answer, drawn: &[&Answer], bench: &Bench) -> anyhow::Result<Self> {
        let answers: Vec<&Answer> = std::iter::once(target).chain(drawn.iter().copied()).collect();
        let all = bench.whole(&answers)?;
        let mut scores = Vec::new();
        match all.as_ref().filter(|bundle| bundle.replicates[0].counted) {
            None => scores.extend(UNKNOWN),
            Some(bundle) => {
                let similar = bundle.summary.pairwise_distance[0].iter().map(|distance| 1.0 - distance).sum();
                let k = u32::try_from(bundle.summary.compared.len()).context("too many answers")?;
                scores.push(("agreement", agreement(similar, k, THETA)));
                scores.extend(bench.scores(bundle));
            }
        }
        let judged: Option<Vec<bool>> = drawn.iter().map(|answer| answer.judged_same).collect();
        let judge = judged.and_then(|same| mean(same.into_iter().map(as_number)));
        scores.extend(judge.map(|judge| ("judge", judge)));
        Ok(Self::judged(target.right, scores))
    }

    #[cfg(test)]
    pub(crate) fn empty() -> Self {
        Self::judged(None, Vec::new())
    }

    fn judged(right: Option<bool>, scores: Vec<(&'static str, f64)>) -> Self {
        Self { right, middle: None, scores, leaves: Vec::new(), clusters: Vec::new(), stops: Vec::new() }
    }
}

fn as_number(flag: bool) -> f64 {
    f64::from(u8::from(flag))
}

fn is_labelled(drawn: &[&Answer]) -> bool {
    drawn.iter().all(|answer| answer.right.is_some())
}

fn medoid(bundle: &Bundle) -> Option<usize> {
    place(&bundle.summary.medoid)
}

fn groups(drawn: &[&Answer], order: &[usize], all: Option<&Bundle>) -> Vec<Group> {
    let clusters = all.into_iter().flat_map(|bundle| &bundle.summary.clusters);
    let group = |ids: &[String], medoid: &str| Group {
        places: ids.iter().filter_map(|id| Some(order[place(id)?])).collect(),
        right: place(medoid).and_then(|at| drawn[at].right),
    };
    clusters.map(|cluster| group(&cluster.replicate_ids, &cluster.medoid)).collect()
}

/// The mean similarity of all pairs, and whether the answer that is nearest to all others is right, whatever the
/// clusters are.
fn middle(drawn: &[&Answer], bundle: &Bundle) -> Option<Scored> {
    let summary = &bundle.summary;
    let rows = summary.pairwise_distance.iter().map(|row| row.iter().sum::<f64>()).zip(&summary.compared);
    let (_, id) = rows.reduce(|best, other| if other.0 < best.0 { other } else { best })?;
    let apart = summary.statistics.distance.map_or(0.0, |distance| distance.mean);
    Some((1.0 - apart, drawn[place(id)?].right?))
}

/// The support of the consensus at each leaf of the right answer among all replicates, 0 where it has none, and whether it is
/// right there.
fn supported(gold: &Value, all: Option<&Bundle>) -> Vec<Scored> {
    let evidence = all.and_then(|bundle| Evidence::<Value>::from_bundle(bundle.clone()).ok());
    let hits = leaves::hits(gold, evidence.as_ref().map(Evidence::value));
    let support = |pointer: &str| evidence.as_ref()?.field(pointer).support();
    hits.into_iter().map(|(pointer, hit)| (support(&pointer).unwrap_or(0.0), hit)).collect()
}

impl Stopped {
    /// Two answers are the same if that of the stopped bundle is in the leading cluster of the whole one.
    fn new(drawn: &[&Answer], samples: usize, all: Option<&Bundle>, some: Option<&Bundle>) -> Self {
        let right = |bundle: Option<&Bundle>| match bundle {
            Some(bundle) => medoid(bundle).and_then(|at| drawn[at].right).map(as_number),
            None => Some(0.0),
        };
        let change = right(some).zip(right(all)).filter(|_| is_labelled(drawn));
        let same_answer = match (all, some) {
            (Some(all), Some(some)) => all.summary.clusters[0].replicate_ids.contains(&some.summary.medoid),
            (None, None) => true,
            _ => false,
        };
        let accuracy_change = change.map(|(some, all)| some - all);
        Self { samples: samples as f64, accuracy_change, same_answer }
    }
}
