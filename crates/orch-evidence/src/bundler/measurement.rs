use std::sync::Arc;

use serde_json::Value;

use super::number;
use crate::distance::Prepared;
use crate::matrix::Matrix;
use crate::scorer::TextPair;
use crate::tree::{Comparer, Tree};

/// The work of comparing one answer with those before it. It owns what it needs, so it can move to another thread.
pub struct Measurement {
    value: Arc<Value>,
    others: Vec<Other>,
    /// The distances of the others to each other.
    known: Matrix,
    known_words: Matrix,
    comparer: Arc<Comparer>,
    /// Compares by the words of the answers, for the spread.
    by_words: Arc<Comparer>,
    /// What a scorer was to be asked for.
    wanted: Vec<(Prepared, Prepared)>,
}

/// An answer that is measured already.
pub(super) struct Other {
    pub(super) at: usize,
    pub(super) value: Arc<Value>,
    pub(super) tree: Arc<Tree>,
}

/// What a [`Measurement`] found.
#[derive(Debug)]
pub struct Row {
    pub(super) tree: Arc<Tree>,
    pub(super) distances: Vec<(usize, f64)>,
    /// Why a scorer did not score it.
    pub(super) unscored: Option<String>,
    /// The distances of their words as sets, for the spread.
    pub(super) words: Vec<(usize, f64)>,
    pub(super) leaves: u64,
    /// Of all its texts, and a few for everything else.
    pub(super) bytes: u64,
    /// About how many instructions it takes to compare its fields with those of another one.
    pub(super) fields: u64,
}

impl Measurement {
    pub(super) fn new(
        value: Arc<Value>,
        others: Vec<Other>,
        (known, known_words): (Matrix, Matrix),
        comparer: Arc<Comparer>,
        by_words: Arc<Comparer>,
    ) -> Self {
        Self { value, others, known, known_words, comparer, by_words, wanted: Vec::new() }
    }

    /// About how many instructions it takes with the default distance: some for each byte of the answer to make it
    /// ready, and for each answer that it is compared with some for each byte and for the square of its length. Of a
    /// large array or object at least so many: it is not worth the time to count them all.
    #[must_use]
    pub fn work(&self) -> u64 {
        const PREPARE: u64 = 60;
        let own = length(&self.value, MUCH);
        own.saturating_mul(PREPARE).saturating_add(compared(own).saturating_mul(self.others.len() as u64))
    }

    /// Compares.
    #[must_use]
    pub fn run(self) -> Row {
        // The very same answer needs no preparation; one that says the same has most likely said it in the same words.
        let equal = self.others.iter().find(|other| other.value == self.value);
        let tree =
            equal.map_or_else(|| Arc::new(Tree::new(&self.value, &self.comparer)), |same| Arc::clone(&same.tree));
        // One that says the same is as far from the others as that is.
        let same = equal.or_else(|| self.others.iter().find(|other| other.tree.same(&tree)));
        let row = |comparer: &Comparer, known: &Matrix| match same {
            Some(same) => self.others.iter().map(|other| (other.at, known.between(same.at, other.at))).collect(),
            None => self.apart(&tree, comparer),
        };
        let distances = row(&self.comparer, &self.known);
        let words =
            if self.comparer.is_by_words() { distances.clone() } else { row(&self.by_words, &self.known_words) };
        let bytes = length(&self.value, u64::MAX);
        let fields = if tree.is_container() { compared(bytes) } else { 0 };
        Row { leaves: tree.leaves(), bytes, fields, tree, distances, words, unscored: None }
    }

    /// The different pairs of texts that a scorer should tell the distances of, for
    /// [`run_scored`](Self::run_scored); none without a scorer.
    pub fn pairs(&mut self) -> Vec<TextPair> {
        let Some((comparer, wanted)) = self.comparer.noting() else { return Vec::new() };
        let tree = Tree::new(&self.value, &comparer);
        for other in &self.others {
            comparer.distance(&tree, &other.tree);
        }
        self.wanted = wanted.take();
        self.wanted.iter().map(|(a, b)| TextPair::new(a.raw(), b.raw())).collect()
    }

    /// Compares, with these distances of the pairs that [`pairs`](Self::pairs) gave, in their order.
    #[must_use]
    pub fn run_scored(self, distances: &[f64]) -> Row {
        if let Some(scores) = self.comparer.scores() {
            for ((a, b), distance) in self.wanted.iter().zip(distances) {
                scores.set(a, b, *distance);
            }
        }
        self.run()
    }

    /// Compares without a scorer, which failed for this reason.
    #[must_use]
    pub fn run_unscored(self, reason: &str) -> Row {
        Row { unscored: Some(reason.to_owned()), ..self.run() }
    }

    /// The distances to the others, each different one compared once.
    fn apart(&self, tree: &Tree, comparer: &Comparer) -> Vec<(usize, f64)> {
        let mut found: Vec<(&Other, f64)> = Vec::with_capacity(self.others.len());
        for other in &self.others {
            let known = found.iter().find(|(known, _)| known.tree.same(&other.tree)).map(|(_, distance)| *distance);
            found.push((other, known.unwrap_or_else(|| comparer.distance(tree, &other.tree))));
        }
        found.into_iter().map(|(other, distance)| (other.at, distance)).collect()
    }
}

impl std::fmt::Debug for Measurement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let others: Vec<u32> = self.others.iter().map(|other| number(other.at)).collect();
        f.debug_struct("Measurement").field("others", &others).finish_non_exhaustive()
    }
}

/// About how many instructions it takes to compare two answers of so many bytes.
fn compared(bytes: u64) -> u64 {
    const BYTE: u64 = 20;
    bytes.saturating_mul(BYTE).saturating_add(bytes.saturating_mul(bytes) / 100)
}

/// An answer of so many bytes is much work, whatever else there is in it.
pub(super) const MUCH: u64 = 4_096;

/// The bytes of all texts in a value, and a few for everything else; it stops to count once there are `most`.
pub(super) fn length(value: &Value, most: u64) -> u64 {
    let mut sum = 0_u64;
    let mut enough = |more: u64| {
        sum = sum.saturating_add(more);
        sum >= most
    };
    match value {
        Value::String(text) => return text.len() as u64,
        Value::Array(items) => {
            let _ = items.iter().any(|item| enough(length(item, most)));
        }
        Value::Object(fields) => {
            let _ = fields.iter().any(|(key, value)| enough(key.len() as u64 + length(value, most)));
        }
        _ => return 8,
    }
    sum
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counting_a_large_answer_ends_once_it_is_much() {
        let wide = |n: usize| json!((0..n).map(|at| json!({ "at": at, "text": "four" })).collect::<Vec<_>>());
        assert_eq!(length(&wide(3), u64::MAX), 3 * (2 + 8 + 4 + 4));
        assert_eq!(length(&wide(3), MUCH), length(&wide(3), u64::MAX));
        let counted = length(&wide(10_000), MUCH);
        assert!((MUCH..MUCH + 18).contains(&counted), "{counted}");
        assert_eq!(length(&json!("x".repeat(10_000)), MUCH), 10_000, "a text knows its length");
    }
}
