use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::columns::{Column, columns};
use super::vote::{Tie, Vote};
use super::{Findings, Voice, leaf};
use crate::bundle::DisagreementKind;
use crate::matrix::Matrix;
use crate::rules::{Compare, child};
use crate::statistics::Unit;
use crate::tree::{Comparer, Node, Tree};

/// Puts the consensus together field by field, by plurality among those whose parent is in it.
///
/// A field is kept if more than half of them have it, and left out in a tie. An item of an array, where
/// leaving one out would move the others, goes to what was first said in a tie; the whole answer to
/// what the `medoid` says. What is ignored is taken from the medoid too. Distances of whole answers that are `known` are not
/// measured again.
pub(crate) fn by_field(
    voices: &[Voice<'_>],
    medoid: usize,
    comparer: &Comparer,
    epsilon: Option<f64>,
    known: Option<&Matrix>,
) -> Findings {
    let mut fields = Fields { medoid, comparer, epsilon, known, findings: Findings::default() };
    let consensus = fields.at("", voices, Place::Whole);
    Findings { consensus, ..fields.findings }
}

/// What a value is part of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Whole,
    Field,
    Item,
}

struct Fields<'a> {
    medoid: usize,
    comparer: &'a Comparer,
    epsilon: Option<f64>,
    /// The distances of whole answers.
    known: Option<&'a Matrix>,
    findings: Findings,
}

impl Fields<'_> {
    fn at(&mut self, pointer: &str, voices: &[Voice<'_>], place: Place) -> Option<Value> {
        if voices.iter().all(|voice| matches!(voice.tree.node, Node::Ignored)) {
            return self.of_medoid(voices).map(|voice| voice.value.clone());
        }
        let vote = Vote::count(voices, |voice| Value::from(shape(voice.tree)));
        let medoid = voices.iter().find(|voice| place == Place::Whole && voice.index == self.medoid);
        let winner = match medoid {
            Some(medoid) => Some(Value::from(shape(medoid.tree))),
            None => vote.winner(self.tie(place)).cloned(),
        };
        self.note(&vote, pointer, DisagreementKind::Type, winner.clone());
        let winner = winner?;
        let voices: Vec<Voice<'_>> = voices.iter().copied().filter(|voice| winner == shape(voice.tree)).collect();
        match voices.first()?.tree.node {
            Node::Object(_) => Some(self.object(pointer, &voices)),
            Node::Array(_) => Some(self.array(pointer, &voices)),
            _ => self.leaf(pointer, &voices, place),
        }
    }

    fn object(&mut self, pointer: &str, voices: &[Voice<'_>]) -> Value {
        let keys: BTreeSet<&String> =
            voices.iter().filter_map(|voice| voice.value.as_object()).flat_map(Map::keys).collect();
        let mut object = Map::new();
        for key in keys {
            let here = child(pointer, key);
            let has: Vec<Voice<'_>> = voices.iter().filter_map(|voice| field(voice, key)).collect();
            if self.keeps(&here, voices, &has)
                && let Some(value) = self.at(&here, &has, Place::Field)
            {
                object.insert(key.clone(), value);
            }
        }
        Value::Object(object)
    }

    /// Items that are not in the consensus have the places after those that are.
    fn array(&mut self, pointer: &str, voices: &[Voice<'_>]) -> Value {
        if let Some(winner) = self.reordered(pointer, voices) {
            return winner;
        }
        let all = weight(voices);
        let columns = columns(voices, self.medoid, self.comparer);
        let (kept, left): (Vec<Column<'_>>, Vec<_>) = columns.into_iter().partition(|items| weight(items) * 2.0 > all);
        let mut items = Vec::new();
        for (at, column) in kept.iter().chain(&left).enumerate() {
            let here = child(pointer, &at.to_string());
            if self.keeps(&here, voices, column) {
                items.extend(self.at(&here, column, Place::Item));
            }
        }
        let lengths = Vote::count(voices, |voice| Value::from(voice.value.as_array().map_or(0, Vec::len)));
        self.note(&lengths, pointer, DisagreementKind::Length, Some(Value::from(items.len())));
        Value::Array(items)
    }

    /// Arrays of scalars that say the same in another order, where order matters: one soft disagreement about the whole,
    /// instead of one about each item.
    fn reordered(&mut self, pointer: &str, voices: &[Voice<'_>]) -> Option<Value> {
        let first = voices.first()?.tree;
        let ordered = !matches!(self.comparer.rule(first), Compare::Set | Compare::Keyed(_));
        if !ordered || !voices.iter().all(|voice| voice.tree.is_reordered(first)) {
            return None;
        }
        if voices.iter().all(|voice| voice.tree.same(first)) {
            return None;
        }
        let same = |a: usize, b: usize| voices[a].tree.same(voices[b].tree);
        let vote = Vote::grouped(voices, same, |at| voices[at].value.clone());
        let tie = if voices.iter().any(|voice| voice.index == self.medoid) { Tie::Of(self.medoid) } else { Tie::First };
        let winner = vote.winner(tie).or_else(|| vote.winner(Tie::First)).cloned();
        self.findings.distributions.insert(pointer.to_owned(), leaf::statistics(voices, &vote));
        self.note(&vote, pointer, DisagreementKind::Order, winner.clone());
        winner
    }

    /// Whether more than half have it, by weight; those who have it are among all.
    fn keeps(&mut self, pointer: &str, all: &[Voice<'_>], has: &[Voice<'_>]) -> bool {
        let word = |present: bool| Value::from(if present { "present" } else { "absent" });
        let (half, own) = (weight(all) / 2.0, weight(has));
        let kept = own > half;
        if has.len() < all.len() {
            let vote = Vote::count(all, |voice| word(has.iter().any(|has| has.index == voice.index)));
            let clear = kept || own < half;
            self.note(&vote, pointer, DisagreementKind::Missing, clear.then(|| word(kept)));
        }
        kept
    }

    fn leaf(&mut self, pointer: &str, voices: &[Voice<'_>], place: Place) -> Option<Value> {
        let vote = leaf::vote(voices, self.comparer, self.epsilon, self.known.filter(|_| place == Place::Whole));
        let winner = leaf::winner(voices, &vote, self.comparer, self.tie(place));
        self.findings.distributions.insert(pointer.to_owned(), leaf::statistics(voices, &vote));
        self.findings.units.push(Unit::new(voices.iter().map(|voice| voice.tree)));
        self.note(&vote, pointer, DisagreementKind::Value, winner.clone());
        winner
    }

    fn of_medoid<'a, 'v>(&self, voices: &'a [Voice<'v>]) -> Option<&'a Voice<'v>> {
        voices.iter().find(|voice| voice.index == self.medoid).or(voices.first())
    }

    fn tie(&self, place: Place) -> Tie {
        match place {
            Place::Whole => Tie::Of(self.medoid),
            Place::Field => Tie::Nobody,
            Place::Item => Tie::First,
        }
    }

    fn note(&mut self, vote: &Vote, pointer: &str, kind: DisagreementKind, consensus: Option<Value>) {
        self.findings.disagreements.extend(vote.disagreement(pointer, kind, consensus));
    }
}

fn weight(voices: &[Voice<'_>]) -> f64 {
    voices.iter().map(|voice| voice.weight).sum()
}

fn shape(tree: &Tree) -> &'static str {
    match tree.node {
        Node::Object(_) => "object",
        Node::Array(_) => "array",
        _ => "value",
    }
}

fn field<'v>(voice: &Voice<'v>, key: &str) -> Option<Voice<'v>> {
    match (&voice.tree.node, voice.value) {
        (Node::Object(trees), Value::Object(values)) => {
            Some(Voice { tree: trees.get(key)?, value: values.get(key)?, ..*voice })
        }
        _ => None,
    }
}
