use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::vote::{Tie, Vote};
use super::{Findings, Voice, leaf};
use crate::bundle::DisagreementKind;
use crate::distance::Distance;
use crate::distance::tree::Tree;

/// Puts the consensus together field by field, by plurality among those whose parent is in it.
///
/// A field is kept if more than half of them have it, and left out in a tie. An item of an array, where
/// leaving one out would move the others, goes to what was first said in a tie; the whole answer to
/// what the `medoid` says.
pub(crate) fn by_field(voices: &[Voice<'_>], medoid: usize, metric: &dyn Distance, epsilon: Option<f64>) -> Findings {
    let mut fields = Fields { medoid, metric, epsilon, findings: Findings::default() };
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
    metric: &'a dyn Distance,
    epsilon: Option<f64>,
    findings: Findings,
}

impl Fields<'_> {
    fn at(&mut self, pointer: &str, voices: &[Voice<'_>], place: Place) -> Option<Value> {
        let vote = Vote::count(voices, |voice| Value::from(shape(voice.tree)));
        let medoid = voices.iter().find(|voice| place == Place::Whole && voice.index == self.medoid);
        let winner = match medoid {
            Some(medoid) => Some(Value::from(shape(medoid.tree))),
            None => vote.winner(self.tie(place)).cloned(),
        };
        self.note(&vote, pointer, DisagreementKind::Type, winner.clone());
        let winner = winner?;
        let voices: Vec<Voice<'_>> = voices.iter().copied().filter(|voice| winner == shape(voice.tree)).collect();
        match voices.first()?.tree {
            Tree::Object(_) => Some(self.object(pointer, &voices)),
            Tree::Array(_) => Some(self.array(pointer, &voices)),
            _ => self.leaf(pointer, &voices, place),
        }
    }

    fn object(&mut self, pointer: &str, voices: &[Voice<'_>]) -> Value {
        let keys: BTreeSet<&String> =
            voices.iter().filter_map(|voice| voice.value.as_object()).flat_map(Map::keys).collect();
        let mut object = Map::new();
        for key in keys {
            let here = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
            if let Some(present) = self.present(&here, voices, |voice| field(voice, key))
                && let Some(value) = self.at(&here, &present, Place::Field)
            {
                object.insert(key.clone(), value);
            }
        }
        Value::Object(object)
    }

    fn array(&mut self, pointer: &str, voices: &[Voice<'_>]) -> Value {
        let lengths = Vote::count(voices, |voice| Value::from(voice.value.as_array().map_or(0, Vec::len)));
        let longest = lengths.options.iter().filter_map(|(length, _)| length.as_u64()).max().unwrap_or(0);
        let mut items = Vec::new();
        for at in 0..usize::try_from(longest).unwrap_or(usize::MAX) {
            let present: Vec<Voice<'_>> = voices.iter().filter_map(|voice| item(voice, at)).collect();
            if present.len() * 2 <= voices.len() {
                break;
            }
            items.extend(self.at(&format!("{pointer}/{at}"), &present, Place::Item));
        }
        self.note(&lengths, pointer, DisagreementKind::Length, Some(Value::from(items.len())));
        Value::Array(items)
    }

    /// Those who have the field, if they are more than half.
    fn present<'v>(
        &mut self,
        pointer: &str,
        voices: &[Voice<'v>],
        inner: impl Fn(&Voice<'v>) -> Option<Voice<'v>>,
    ) -> Option<Vec<Voice<'v>>> {
        let word = |present: bool| Value::from(if present { "present" } else { "absent" });
        let has: Vec<Voice<'v>> = voices.iter().filter_map(&inner).collect();
        let kept = has.len() * 2 > voices.len();
        let tied = has.len() * 2 == voices.len();
        let vote = Vote::count(voices, |voice| word(has.iter().any(|has| has.index == voice.index)));
        self.note(&vote, pointer, DisagreementKind::Missing, (!tied).then(|| word(kept)));
        kept.then_some(has)
    }

    fn leaf(&mut self, pointer: &str, voices: &[Voice<'_>], place: Place) -> Option<Value> {
        let vote = leaf::vote(voices, self.metric, self.epsilon);
        let winner = vote.winner(self.tie(place)).cloned();
        self.findings.distributions.insert(pointer.to_owned(), leaf::statistics(voices, &vote));
        self.note(&vote, pointer, DisagreementKind::Value, winner.clone());
        winner
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

fn shape(tree: &Tree) -> &'static str {
    match tree {
        Tree::Object(_) => "object",
        Tree::Array(_) => "array",
        _ => "value",
    }
}

fn field<'v>(voice: &Voice<'v>, key: &str) -> Option<Voice<'v>> {
    match (voice.tree, voice.value) {
        (Tree::Object(trees), Value::Object(values)) => {
            Some(Voice { index: voice.index, tree: trees.get(key)?, value: values.get(key)? })
        }
        _ => None,
    }
}

fn item<'v>(voice: &Voice<'v>, at: usize) -> Option<Voice<'v>> {
    match (voice.tree, voice.value) {
        (Tree::Array(trees), Value::Array(values)) => {
            Some(Voice { index: voice.index, tree: trees.get(at)?, value: values.get(at)? })
        }
        _ => None,
    }
}
