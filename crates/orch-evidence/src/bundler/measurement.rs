use std::sync::Arc;

use serde_json::Value;

use super::number;
use crate::tree::{Comparer, Tree};

/// The work of comparing one answer with those before it. It owns what it needs, so it can move to another thread.
pub struct Measurement {
    at: usize,
    value: Arc<Value>,
    others: Vec<(usize, Arc<Tree>)>,
    comparer: Arc<Comparer>,
}

/// What a [`Measurement`] found.
#[derive(Debug)]
pub struct Row {
    pub(super) tree: Arc<Tree>,
    pub(super) distances: Vec<(usize, f64)>,
}

impl Measurement {
    pub(super) fn new(at: usize, value: Arc<Value>, others: Vec<(usize, Arc<Tree>)>, comparer: Arc<Comparer>) -> Self {
        Self { at, value, others, comparer }
    }

    /// About how much work it is: the answer's length in bytes to prepare it, and the square of that for
    /// each answer it is compared with.
    #[must_use]
    pub fn work(&self) -> u64 {
        let own = length(&self.value);
        own.saturating_add(own.saturating_mul(own).saturating_mul(self.others.len() as u64))
    }

    /// Compares.
    #[must_use]
    pub fn run(self) -> Row {
        let comparer = self.comparer.as_ref();
        let tree = Tree::new(&self.value, comparer);
        let apart = |at: usize, other: &Tree| {
            // Always from the earlier to the later one, so that the bits do not depend on who came first.
            if at < self.at { comparer.distance(other, &tree) } else { comparer.distance(&tree, other) }
        };
        let distances = self.others.iter().map(|(at, other)| (*at, apart(*at, other))).collect();
        Row { tree: Arc::new(tree), distances }
    }
}

impl std::fmt::Debug for Measurement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let others: Vec<u32> = self.others.iter().map(|(at, _)| number(*at)).collect();
        f.debug_struct("Measurement").field("others", &others).finish_non_exhaustive()
    }
}

/// The bytes of all texts in a value, and a few for everything else.
fn length(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.len() as u64,
        Value::Array(items) => items.iter().map(length).sum(),
        Value::Object(fields) => fields.iter().map(|(key, value)| key.len() as u64 + length(value)).sum(),
        _ => 8,
    }
}
