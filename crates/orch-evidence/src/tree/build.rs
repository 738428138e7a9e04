use std::collections::BTreeMap;

use serde_json::Value;

use super::{Comparer, Node, Num, Tree, When};
use crate::distance::{hash, mix, prepare};
use crate::notes::Note;
use crate::rules::{Compare, Step, one_of_key};

/// Parts that are deeper are compared as wholes.
const DEEPEST: usize = 128;
/// Leaves beyond that number are compared as they are, and what they stand in as a whole.
const MOST_LEAVES: usize = 100_000;

impl Tree {
    pub(crate) fn new(value: &Value, comparer: &Comparer) -> Self {
        let mut builder = Builder { comparer, left: MOST_LEAVES };
        builder.tree(value, &comparer.rules.root(), Place { depth: 0, weight: 1.0 })
    }

    fn leaf(node: Node, mass: f64) -> Self {
        let (hash, words) = match &node {
            Node::Null => (1, 0),
            Node::Bool(value) => (2 + u64::from(*value), 0),
            Node::Number(number) => (mix(4, number.hash()), 0),
            Node::Text(text) => (mix(5, text.hash()), text.tokens().len()),
            Node::Date(_, text) => (mix(6, text.hash()), 0),
            Node::Choice(key) => (mix(7, hash(key)), 0),
            Node::Whole(value) => (mix(8, whole_hash(value)), 0),
            Node::Ignored | Node::Array(_) | Node::Object(_) => (9, 0),
        };
        let words = words as f64;
        // Comparing texts takes time with the product of their words, 64 of them at a time.
        Self { node, rule: 0, hash, mass, size: 1.0 + words, repeats: 1.0 + words / 64.0 }
    }

    fn array(items: Vec<Self>, weight: f64) -> Self {
        let hash = items.iter().fold(10, |state, item| mix(state, item.hash));
        let mass = items.iter().map(|item| item.mass).sum();
        let size = 1.0 + items.iter().map(|item| item.size).sum::<f64>();
        let deepest = items.iter().map(|item| item.repeats).fold(1.0, f64::max);
        let (repeats, empty) = (deepest * items.len().max(1) as f64, items.is_empty());
        let mass = if empty { weight } else { mass };
        Self { node: Node::Array(items), rule: 0, hash, mass, size, repeats }
    }

    fn object(fields: BTreeMap<String, Self>, weight: f64) -> Self {
        let field = |state, (key, tree): (&String, &Self)| mix(mix(state, hash(key)), tree.hash);
        let counted = fields.iter().filter(|(_, tree)| !matches!(tree.node, Node::Ignored));
        let hash = counted.fold(11, field);
        let mass = fields.values().map(|tree| tree.mass).sum();
        let size = 1.0 + fields.values().map(|tree| tree.size).sum::<f64>();
        let repeats = fields.values().map(|tree| tree.repeats).fold(1.0, f64::max);
        let mass = if fields.is_empty() { weight } else { mass };
        Self { node: Node::Object(fields), rule: 0, hash, mass, size, repeats }
    }
}

#[derive(Clone, Copy)]
struct Place {
    depth: usize,
    /// The weights of all rules on the way, multiplied.
    weight: f64,
}

struct Builder<'a> {
    comparer: &'a Comparer,
    left: usize,
}

impl Builder<'_> {
    fn tree(&mut self, value: &Value, step: &Step, outer: Place) -> Tree {
        let number = self.comparer.rules.at(step);
        let rule = self.comparer.rules.rule(number);
        let place = Place { depth: outer.depth + 1, weight: outer.weight * rule.weight };
        let cut = place.depth > DEEPEST || self.left == 0;
        let tree = match &rule.compare {
            Compare::Ignore => Tree::leaf(Node::Ignored, 0.0),
            Compare::Exact => Tree::leaf(Node::Whole(Box::new(value.clone())), place.weight * leaves(value)),
            _ if cut => {
                self.comparer.notes.add(Note::TreeCut);
                Tree::leaf(Node::Whole(Box::new(value.clone())), place.weight)
            }
            compare => match value {
                Value::Array(items) => self.array(items, step, place),
                Value::Object(fields) => {
                    let tree = |(key, value): (&String, &Value)| {
                        (key.clone(), self.tree(value, &self.comparer.rules.below(step, key), place))
                    };
                    Tree::object(fields.iter().map(tree).collect(), place.weight)
                }
                leaf => {
                    self.left = self.left.saturating_sub(1);
                    Tree::leaf(self.node(leaf, compare, number), place.weight)
                }
            },
        };
        Tree { rule: number, ..tree }
    }

    fn array(&mut self, items: &[Value], step: &Step, place: Place) -> Tree {
        let rules = &self.comparer.rules;
        let tree = |(at, item): (usize, &Value)| {
            // The place is spelt out only where a rule may ask for it.
            let key = if step.is_closed() { String::new() } else { at.to_string() };
            self.tree(item, &rules.below(step, &key), place)
        };
        Tree::array(items.iter().enumerate().map(tree).collect(), place.weight)
    }

    fn node(&self, leaf: &Value, compare: &Compare, rule: u32) -> Node {
        if matches!(compare, Compare::OneOf(_)) {
            return Node::Choice(one_of_key(leaf, self.comparer.rules.coerce_numeric));
        }
        match leaf {
            Value::Bool(value) => Node::Bool(*value),
            Value::Number(number) => Node::Number(Num::new(number)),
            Value::String(text) => self.text(text, compare, rule),
            _ => Node::Null,
        }
    }

    fn text(&self, text: &str, compare: &Compare, rule: u32) -> Node {
        let number = || if self.comparer.rules.coerce_numeric { Num::read(text) } else { None };
        let date = || if matches!(compare, Compare::Date) { When::read(text) } else { None };
        let prepared = || {
            let prepared = prepare(self.comparer.metric(rule), text, &self.comparer.notes);
            if self.comparer.scoring.is_some() { prepared.with_raw(text) } else { prepared }
        };
        match (number(), date()) {
            (_, Some(date)) => Node::Date(date, prepared()),
            (Some(number), None) => Node::Number(number),
            (None, None) => Node::Text(prepared()),
        }
    }
}

/// How many leaves a value has; an empty array or object is one.
fn leaves(value: &Value) -> f64 {
    let inner: f64 = match value {
        Value::Array(items) => items.iter().map(leaves).sum(),
        Value::Object(fields) => fields.values().map(leaves).sum(),
        _ => 1.0,
    };
    inner.max(1.0)
}

/// Equal for values that are the same JSON, whatever the order of their keys and the form of their numbers.
fn whole_hash(value: &Value) -> u64 {
    match value {
        Value::Null => 1,
        Value::Bool(value) => 2 + u64::from(*value),
        Value::Number(number) => mix(4, Num::new(number).hash()),
        Value::String(text) => mix(5, hash(text)),
        Value::Array(items) => items.iter().fold(10, |state, item| mix(state, whole_hash(item))),
        // A sum, because the keys of a map that keeps its order come in any.
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| mix(hash(key), whole_hash(value));
            mix(11, fields.iter().map(field).fold(0, u64::wrapping_add))
        }
    }
}
