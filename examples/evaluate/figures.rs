//! All figures of a set.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;

use orch_evidence::{BundleOptions, Distance};
use serde::Serialize;

use crate::bench::Bench;
use crate::draws::{draws, order};
use crate::metrics::{Scored, auroc, brier, ece, mean, share};
use crate::set::{Question, Set};
use crate::splits;
use crate::stops::rules;
use crate::trial::Trial;
use crate::weighted::weighted;

/// One number.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Figure {
    pub(crate) set: String,
    pub(crate) k: usize,
    pub(crate) metric: String,
    pub(crate) value: f64,
}

/// All figures of a set: for K of 3, 5, 10 and as many as there are.
pub(crate) fn figures(set: &Set, metric: &Arc<dyn Distance>) -> anyhow::Result<Vec<Figure>> {
    let mut all = Vec::new();
    for k in sizes(set) {
        let mut add = |metric: &str, value: Option<f64>| {
            let figure = |value| Figure { set: set.name.clone(), k, metric: metric.to_owned(), value };
            all.extend(value.map(figure));
        };
        measure(set, k, metric, &mut add)?;
    }
    Ok(all)
}

/// 3, 5, 10 and the most replicates that at least half of the questions have, but not more than a bundle may have.
fn sizes(set: &Set) -> Vec<usize> {
    let mut counts: Vec<usize> = set.questions.iter().map(|question| question.answers.len()).collect();
    counts.sort_unstable();
    let most = counts[(counts.len() - 1) / 2].min(BundleOptions::MAX_K as usize);
    let mut sizes: Vec<usize> = [3, 5, 10].into_iter().filter(|k| *k < most).collect();
    sizes.push(most);
    sizes
}

fn measure(
    set: &Set,
    k: usize,
    metric: &Arc<dyn Distance>,
    add: &mut impl FnMut(&str, Option<f64>),
) -> anyhow::Result<()> {
    let questions: Vec<&Question> = set.questions.iter().filter(|question| question.answers.len() >= k).collect();
    add("n", Some(questions.len() as f64));
    let single = questions.iter().flat_map(|question| match &question.target {
        Some(target) => vec![target.right],
        None => question.answers.iter().map(|answer| answer.right).collect(),
    });
    add("accuracy.single", share(single.flatten()));

    let rules = rules();
    let bench = Bench { metric: Arc::clone(metric), rules: rules.iter().map(|(_, rule)| Arc::clone(rule)).collect() };
    let by_question = trials(&questions, k, &bench)?;
    let trials = || by_question.iter().flatten();
    if questions.iter().all(|question| question.target.is_none()) {
        add("accuracy.vote", share(trials().filter_map(|trial| trial.right)));
    }
    let answers: BTreeSet<usize> = questions.iter().map(|question| question.answers.len()).collect();
    let sources = answers.first().copied().filter(|sources| answers.len() == 1 && *sources > 1);
    if let Some(weighted) = weighted(&by_question, sources.filter(|_| questions.iter().all(|q| q.target.is_none())))? {
        add("accuracy.vote.weighted", Some(weighted.accuracy));
        add("weights.refused", Some(weighted.refused));
    }
    let middle: Vec<Scored> = trials().filter_map(|trial| trial.middle).collect();
    add("accuracy.medoid", share(middle.iter().map(|middle| middle.1)));
    add("auroc.medoid", auroc(&middle));
    let leaves: Vec<Scored> = trials().flat_map(|trial| trial.leaves.iter().copied()).collect();
    add("accuracy.field", share(leaves.iter().map(|leaf| leaf.1)));
    add("auroc.field_support", auroc(&leaves));
    for score in ["agreement", "mode_posterior", "kernel", "snne", "confidence", "judge"] {
        let scored: Vec<Scored> = trials().filter_map(|trial| trial.scored(score)).collect();
        add(&format!("auroc.{score}"), auroc(&scored));
        add(&format!("ece.{score}"), ece(&scored));
        add(&format!("brier.{score}"), brier(&scored));
    }
    let labelled: Vec<&[Trial]> = by_question
        .iter()
        .map(Vec::as_slice)
        .filter(|trials| trials.iter().any(|trial| trial.right.is_some()))
        .collect();
    if let Some((ece, brier)) = splits::p_correct(&labelled, k)? {
        add("ece.p_correct", Some(ece));
        add("brier.p_correct", Some(brier));
        add("p_correct.labels", Some(splits::labels(labelled.len()) as f64));
    }
    if let Some(accepted) = splits::accepted(&labelled)? {
        add("accept.share", Some(accepted.share));
        add("accept.error", accepted.error);
        add("accept.refused", Some(accepted.refused));
    }
    for (at, (rule, _)) in rules.iter().enumerate() {
        let stops = || trials().map(|trial| &trial.stops[at]);
        add(&format!("stop.{rule}.samples"), mean(stops().map(|stop| stop.samples)));
        add(&format!("stop.{rule}.accuracy_change"), mean(stops().filter_map(|stop| stop.accuracy_change)));
        add(&format!("stop.{rule}.same_answer"), share(stops().map(|stop| stop.same_answer)));
    }
    Ok(())
}

/// The trials of each question, on all processors; the same whatever their number is.
fn trials(questions: &[&Question], k: usize, bench: &Bench) -> anyhow::Result<Vec<Vec<Trial>>> {
    let draws = draws(questions.len(), k);
    let of_question = |at: usize| {
        let question = questions[at];
        let trial = |draw| Trial::new(question, &order(at, draw, question.answers.len())[..k], bench);
        (0..draws).map(trial).collect::<anyhow::Result<Vec<_>>>()
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let part = questions.len().div_ceil(threads).max(1);
    let places: Vec<usize> = (0..questions.len()).collect();
    let work = |places: &[usize]| places.iter().map(|at| of_question(*at)).collect::<anyhow::Result<Vec<_>>>();
    let work = &work;
    thread::scope(|scope| {
        let parts: Vec<_> = places.chunks(part).map(|places| scope.spawn(move || work(places))).collect();
        let mut all = Vec::new();
        for part in parts {
            all.extend(part.join().expect("a panic ends the program")?);
        }
        Ok(all)
    })
}
