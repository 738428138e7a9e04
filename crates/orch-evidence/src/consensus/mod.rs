//! What the answers agree on, and where they do not.

mod columns;
mod fields;
mod leaf;
mod vote;

use std::collections::BTreeMap;

use serde_json::Value;

pub(crate) use self::fields::by_field;
use crate::bundle::{Disagreement, FieldStatistics};
use crate::statistics::Unit;
use crate::tree::{Node, Tree};

/// The id of a replicate, given its place in launch order.
pub(crate) fn id(index: usize) -> String {
    format!("r{}", index + 1)
}

/// One answer.
#[derive(Clone, Copy)]
pub(crate) struct Voice<'a> {
    pub(crate) index: usize,
    pub(crate) weight: f64,
    /// The model that said it, if that is known.
    pub(crate) model: Option<&'a str>,
    pub(crate) tree: &'a Tree,
    pub(crate) value: &'a Value,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) consensus: Option<Value>,
    pub(crate) disagreements: Vec<Disagreement>,
    pub(crate) distributions: BTreeMap<String, FieldStatistics>,
    /// What was said at each place with a value, in the order of the places.
    pub(crate) units: Vec<Unit>,
}

/// The distance up to which answers count as the same, when the caller has not set one: 0.02 of the leaves of
/// JSON, 0.2 for texts once one has more than eight words, else 0.
pub(crate) fn default_epsilon<'a>(mut answers: impl Iterator<Item = &'a Tree> + Clone) -> f64 {
    const SHORT: usize = 8;
    if answers.clone().any(Tree::is_container) {
        0.02
    } else if answers.any(|tree| matches!(&tree.node, Node::Text(text) if text.tokens().len() > SHORT)) {
        0.2
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests;
