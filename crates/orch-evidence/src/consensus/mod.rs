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

/// The distance up to which answers count as the same, when the caller has not set one: the median of what each would
/// have alone, of two in the middle the smaller. So a few long answers among short ones do not widen it for all.
pub(crate) fn default_epsilon<'a>(answers: impl Iterator<Item = &'a Tree>) -> f64 {
    let mut alone: Vec<f64> = answers.map(epsilon_alone).collect();
    alone.sort_unstable_by(f64::total_cmp);
    alone.get(alone.len().saturating_sub(1) / 2).copied().unwrap_or(0.0)
}

/// 0.02 of the leaves of JSON, 0.2 for a text of more than eight words, else 0.
fn epsilon_alone(answer: &Tree) -> f64 {
    const SHORT: usize = 8;
    match &answer.node {
        _ if answer.is_container() => 0.02,
        Node::Text(text) if text.length() > SHORT => 0.2,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests;
