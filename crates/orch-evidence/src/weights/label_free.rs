use orch_core::Error;
use serde::{Deserialize, Serialize};

use super::em::{Question, fit};
use super::gate::refusal;
use crate::bundle::Bundle;

/// The least weight, as a part of the mean one: nobody is silenced, and nobody counts against himself.
const LEAST: f64 = 0.05;

/// Weights of sources, learnt from how they agree over many questions, without labels.
///
/// A source is a place in launch order: a prompt, or a model. Weights are the log-odds of each one's estimated
/// accuracy (Nitzan and Paroush 1982), brought to a mean of 1; the estimates are those of Dawid and Skene's one-coin model.
/// Whatever all sources share is invisible to them, so they are refused, with the reason, unless at
/// least four sources seem to be mostly right, do not just repeat each other's errors, and differ.
///
/// ```
/// use orch_evidence::weights::LabelFree;
///
/// // 1,000 questions, five sources: one errs at every 11th question, the last one at every second, each in its own way.
/// let row = |q: u32| [11, 7, 5, 3, 2].map(|every| Some(if q % every == 0 { every + q % 3 } else { 0 }));
/// let questions: Vec<Vec<Option<u32>>> = (0..1_000).map(|q| row(q).to_vec()).collect();
/// let learnt = LabelFree::fit(&questions)?;
///
/// let weights = learnt.weights().expect("nothing speaks against them");
/// assert!(weights[4] < 0.6 * weights[0]);
/// # Ok::<(), orch_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "Stored", try_from = "Stored")]
pub struct LabelFree {
    accuracies: Vec<f64>,
    weights: Vec<f64>,
    refusal: Option<String>,
}

const VERSION: u32 = 1;

/// Weights as they are saved.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    accuracies: Vec<f64>,
    weights: Vec<f64>,
    refusal: Option<String>,
}

impl From<LabelFree> for Stored {
    fn from(LabelFree { accuracies, weights, refusal }: LabelFree) -> Self {
        Self { version: VERSION, accuracies, weights, refusal }
    }
}

impl TryFrom<Stored> for LabelFree {
    type Error = Error;

    fn try_from(Stored { version, accuracies, weights, refusal }: Stored) -> Result<Self, Error> {
        if version != VERSION {
            return Err(Error::invalid("/version", format!("{version}: only version {VERSION} can be read")));
        }
        if accuracies.len() != weights.len() || weights.len() < 2 {
            let reason = format!("{} weights of {} sources", weights.len(), accuracies.len());
            return Err(Error::invalid("/weights", reason));
        }
        if let Some(at) = weights.iter().position(|weight| !(weight.is_finite() && *weight > 0.0)) {
            return Err(Error::invalid(format!("/weights/{at}"), format!("{} is not above 0", weights[at])));
        }
        if let Some(at) = accuracies.iter().position(|share| !(0.0..=1.0).contains(share)) {
            let reason = format!("{} is not between 0 and 1", accuracies[at]);
            return Err(Error::invalid(format!("/accuracies/{at}"), reason));
        }
        Ok(Self { accuracies, weights, refusal })
    }
}

impl LabelFree {
    /// Learns from the answers of the same sources to many questions. A row is a question: for each source a number that
    /// stands for its answer, the same for the same answer; `None` where it gave none.
    ///
    /// # Errors
    /// `InvalidRequest` without questions, with fewer than two sources, and for a row of another length than the first.
    pub fn fit(questions: &[Vec<Option<u32>>]) -> Result<Self, Error> {
        let sources = questions.first().map_or(0, Vec::len);
        if sources < 2 {
            let reason = format!("{} questions to {sources} sources: there must be two at least", questions.len());
            return Err(Error::invalid("/questions", reason));
        }
        if let Some(at) = questions.iter().position(|row| row.len() != sources) {
            let reason = format!("{} answers where the first question has {sources}", questions[at].len());
            return Err(Error::invalid(format!("/questions/{at}"), reason));
        }
        let questions: Vec<Question> = questions.iter().map(|row| Question::new(row)).collect();
        let fitted = fit(&questions, sources);
        let refusal = refusal(&questions, &fitted);
        Ok(Self { weights: weights(&questions, &fitted.accuracies), accuracies: fitted.accuracies, refusal })
    }

    /// The row of a bundle: for each replicate, in launch order, the number of its cluster. Up to `k` replicates; those
    /// that do not count, or did not run, gave none.
    #[must_use]
    pub fn row(bundle: &Bundle, k: u32) -> Vec<Option<u32>> {
        let cluster = |at: u32| {
            let id = crate::consensus::id(at as usize);
            let clusters = &bundle.summary.clusters;
            clusters.iter().position(|cluster| cluster.replicate_ids.contains(&id)).map(crate::count)
        };
        (0..k).map(cluster).collect()
    }

    /// The weights, all above 0, with a mean of 1; `None` when they are refused.
    #[must_use]
    pub fn weights(&self) -> Option<&[f64]> {
        self.refusal.is_none().then_some(self.weights.as_slice())
    }

    /// Why weights are refused, in words.
    #[must_use]
    pub fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }

    /// How often each source seems to be right: as far as agreement tells.
    #[must_use]
    pub fn accuracies(&self) -> &[f64] {
        &self.accuracies
    }
}

/// Log-odds to be right against each single wrong answer, of which there are as many as were given on average.
fn weights(questions: &[Question], accuracies: &[f64]) -> Vec<f64> {
    let different: f64 = questions.iter().map(|question| question.answers.len() as f64).sum();
    let wrong_ways = (different / questions.len() as f64 - 1.0).max(1.0);
    let odds: Vec<f64> = accuracies.iter().map(|p| (p / (1.0 - p) * wrong_ways).ln().max(0.0)).collect();
    let mean = odds.iter().sum::<f64>() / odds.len() as f64;
    if mean <= 0.0 {
        return vec![1.0; odds.len()];
    }
    let weights: Vec<f64> = odds.iter().map(|odds| (odds / mean).max(LEAST)).collect();
    let mean = weights.iter().sum::<f64>() / weights.len() as f64;
    weights.iter().map(|weight| weight / mean).collect()
}
