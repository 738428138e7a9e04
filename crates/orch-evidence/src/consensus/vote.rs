use serde_json::Value;

use super::{Voice, id};
use crate::bundle::{Candidate, Disagreement, DisagreementKind};
use crate::statistics::entropy;

/// To whom a tie goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tie {
    Nobody,
    /// What was first said.
    First,
    /// What this replicate says.
    Of(usize),
}

/// A vote at one place: alternatives and who is for them.
#[derive(Debug)]
pub(super) struct Vote {
    pub(super) options: Vec<(Value, Vec<usize>)>,
}

impl Vote {
    /// Counts the voices by what `choice` says of each.
    pub(super) fn count(voices: &[Voice<'_>], choice: impl Fn(&Voice<'_>) -> Value) -> Self {
        let mut options: Vec<(Value, Vec<usize>)> = Vec::new();
        for voice in voices {
            let value = choice(voice);
            match options.iter_mut().find(|(option, _)| *option == value) {
                Some((_, who)) => who.push(voice.index),
                None => options.push((value, vec![voice.index])),
            }
        }
        Self::of(options)
    }

    /// A vote with its alternatives: the best supported first, of equals the one that was first said.
    pub(super) fn of(mut options: Vec<(Value, Vec<usize>)>) -> Self {
        options.sort_by(|(_, a), (_, b)| b.len().cmp(&a.len()).then(a.cmp(b)));
        Self { options }
    }

    /// The alternative with more support than any other, else the one that the tie goes to.
    pub(super) fn winner(&self, tie: Tie) -> Option<&Value> {
        let (first, support) = self.options.first()?;
        let mut tied = self.options.iter().take_while(|(_, who)| who.len() == support.len());
        match tie {
            Tie::Nobody => (tied.count() == 1).then_some(first),
            Tie::First => Some(first),
            Tie::Of(index) => tied.find(|(_, who)| who.contains(&index)).map(|(value, _)| value),
        }
    }

    pub(super) fn weights(&self) -> Vec<f64> {
        self.options.iter().map(|(_, who)| who.len() as f64).collect()
    }

    /// How the voices differ; `None` when they do not.
    pub(super) fn disagreement(
        &self,
        pointer: &str,
        kind: DisagreementKind,
        consensus: Option<Value>,
    ) -> Option<Disagreement> {
        if self.options.len() < 2 {
            return None;
        }
        let weights = self.weights();
        let all: f64 = weights.iter().sum();
        let candidates = self.options.iter().zip(&weights).map(|((value, who), weight)| Candidate {
            value: value.clone(),
            support: weight / all,
            weight: *weight,
            replicate_ids: who.iter().copied().map(id).collect(),
        });
        Some(Disagreement {
            pointer: pointer.to_owned(),
            kind,
            candidates: candidates.collect(),
            entropy: entropy(&weights),
            consensus,
        })
    }
}
