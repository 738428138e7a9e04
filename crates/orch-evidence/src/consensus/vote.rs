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

/// A vote at one place.
#[derive(Debug)]
pub(super) struct Vote {
    pub(super) options: Vec<Choice>,
}

/// One of the alternatives, and who is for it.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) value: Value,
    /// In launch order.
    who: Vec<usize>,
    pub(super) weight: f64,
}

impl Choice {
    pub(super) fn new<'v>(value: Value, voices: impl IntoIterator<Item = &'v Voice<'v>>) -> Self {
        let (mut who, mut weight) = (Vec::new(), 0.0);
        for voice in voices {
            who.push(voice.index);
            weight += voice.weight;
        }
        Self { value, who, weight }
    }
}

impl Vote {
    /// Counts the voices by what `choice` says of each.
    pub(super) fn count(voices: &[Voice<'_>], choice: impl Fn(&Voice<'_>) -> Value) -> Self {
        let values: Vec<Value> = voices.iter().map(choice).collect();
        Self::grouped(voices, |a, b| values[a] == values[b], |at| values[at].clone())
    }

    /// Counts the voices in groups of the same; `value` is that of a group's first.
    pub(super) fn grouped(
        voices: &[Voice<'_>],
        same: impl Fn(usize, usize) -> bool,
        value: impl Fn(usize) -> Value,
    ) -> Self {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for at in 0..voices.len() {
            match groups.iter_mut().find(|group| same(group[0], at)) {
                Some(group) => group.push(at),
                None => groups.push(vec![at]),
            }
        }
        let choice = |group: Vec<usize>| Choice::new(value(group[0]), group.iter().map(|at| &voices[*at]));
        Self::of(groups.into_iter().map(choice).collect())
    }

    /// A vote with its alternatives: the best supported first, of equals the one that was first said.
    pub(super) fn of(mut options: Vec<Choice>) -> Self {
        options.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.who.cmp(&b.who)));
        Self { options }
    }

    /// The alternative with more support than any other, else the one that the tie goes to.
    pub(super) fn winner(&self, tie: Tie) -> Option<&Value> {
        winner(self.options.iter(), tie)
    }

    /// The winner among some of the alternatives, if there are any of them.
    pub(super) fn winner_among(&self, tie: Tie, some: impl Fn(&Value) -> bool) -> Option<&Value> {
        let among = || self.options.iter().filter(|option| some(&option.value));
        if among().next().is_some() { winner(among(), tie) } else { self.winner(tie) }
    }

    pub(super) fn weights(&self) -> Vec<f64> {
        self.options.iter().map(|option| option.weight).collect()
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
        let candidates = self.options.iter().map(|option| Candidate {
            value: option.value.clone(),
            support: option.weight / all,
            weight: option.weight,
            replicate_ids: option.who.iter().copied().map(id).collect(),
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

fn winner<'v>(mut options: impl Iterator<Item = &'v Choice>, tie: Tie) -> Option<&'v Value> {
    let first = options.next()?;
    let mut tied = std::iter::once(first).chain(options.take_while(|option| option.weight >= first.weight));
    match tie {
        Tie::Nobody => (tied.count() == 1).then_some(&first.value),
        Tie::First => Some(&first.value),
        Tie::Of(index) => tied.find(|option| option.who.contains(&index)).map(|option| &option.value),
    }
}
