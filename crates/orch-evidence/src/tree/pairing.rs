use std::collections::BTreeMap;

use serde_json::Value;

use super::compare::{Mass, work_of};
use super::{Comparer, Node, Num, Tree, align, assign};
use crate::notes::Note;
use crate::rules::Compare;

/// Two places, and how far their items are apart. It is kept, because to find it again would double the work with every
/// array inside an array.
pub(super) type Pair = (usize, usize, Mass);

/// Which items of two arrays belong together; the first places rise.
#[derive(Clone, Debug, Default)]
pub(super) struct Pairing {
    pub(super) pairs: Vec<Pair>,
    pub(super) mass: Mass,
}

/// Up to that many items are paired at best, more greedily.
const MOST_ASSIGNED: usize = 64;

/// Two arrays and how their items are compared.
pub(super) struct Arrays<'a> {
    pub(super) a: &'a [&'a Tree],
    pub(super) b: &'a [&'a Tree],
    comparer: &'a Comparer,
    /// How much work is allowed for each piece that there is.
    share: f64,
}

/// Pairs the items of two arrays by a rule, with so much work at most for so much that there is.
pub(super) fn pair(a: &[&Tree], b: &[&Tree], rule: u32, comparer: &Comparer, (most, all): (f64, f64)) -> Pairing {
    let arrays = Arrays { a, b, comparer, share: most / all };
    let too_much = all > most;
    let pairs = match &comparer.rules.rule(rule).compare {
        Compare::Keyed(key) => keyed(&arrays, key),
        _ if too_much => {
            comparer.notes.add(Note::ArraysRough);
            arrays.measured((0..a.len().min(b.len())).map(|at| (at, at)))
        }
        Compare::Set if a.len().max(b.len()) <= MOST_ASSIGNED => assign::best(&arrays),
        Compare::Set => {
            comparer.notes.add(Note::ArraysRough);
            assign::greedy(&arrays)
        }
        _ => align::align(&arrays),
    };
    Pairing { mass: arrays.total(&pairs), pairs }
}

impl Arrays<'_> {
    /// Two items, by the rule of the earlier place.
    pub(super) fn between(&self, at: usize, to: usize) -> Mass {
        let (a, b) = (self.a[at], self.b[to]);
        let rule = if at <= to { a.rule } else { b.rule };
        self.comparer.mass(a, b, rule, self.share * work_of(a, b))
    }

    pub(super) fn alone_in_a(&self, at: usize) -> Mass {
        self.comparer.alone(self.a[at])
    }

    pub(super) fn alone_in_b(&self, at: usize) -> Mass {
        self.comparer.alone(self.b[at])
    }

    fn measured(&self, pairs: impl Iterator<Item = (usize, usize)>) -> Vec<Pair> {
        pairs.map(|(at, to)| (at, to, self.between(at, to))).collect()
    }

    fn total(&self, pairs: &[Pair]) -> Mass {
        let mut lonely = (vec![true; self.a.len()], vec![true; self.b.len()]);
        let mut sum = Mass::default();
        for (at, to, mass) in pairs {
            (lonely.0[*at], lonely.1[*to]) = (false, false);
            sum = sum.add(*mass);
        }
        let in_a = (0..self.a.len()).filter(|at| lonely.0[*at]).map(|at| self.alone_in_a(at));
        let in_b = (0..self.b.len()).filter(|at| lonely.1[*at]).map(|at| self.alone_in_b(at));
        in_a.chain(in_b).fold(sum, Mass::add)
    }
}

/// The cost of a choice on a grid, so that equal costs are equal however they are summed: first the
/// disagreeing leaves, then all.
pub(super) fn cost(mass: Mass) -> i128 {
    const FINEST: f64 = 16_777_216.0;
    const LARGEST: f64 = 1_048_576.0;
    #[expect(clippy::cast_possible_truncation, reason = "below 2^45")]
    let grid = |mass: f64| (mass.min(LARGEST) * FINEST).round() as i128;
    (grid(mass.apart) << 64) + grid(mass.all)
}

/// The first with a key is paired with the first, the second with the second.
fn keyed(arrays: &Arrays<'_>, key: &str) -> Vec<Pair> {
    let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, item) in arrays.b.iter().enumerate().rev() {
        if let Some(name) = key_of(item, key) {
            places.entry(name).or_default().push(at);
        }
    }
    let mut partner = |item: &Tree| places.get_mut(&key_of(item, key)?)?.pop();
    let partners: Vec<Option<usize>> = arrays.a.iter().map(|item| partner(item)).collect();
    arrays.measured(partners.into_iter().enumerate().filter_map(|(at, to)| Some((at, to?))))
}

/// What an item says in its key field, in the form in which it is compared.
fn key_of(item: &Tree, key: &str) -> Option<String> {
    let mut at = item;
    if key.starts_with('/') {
        for step in crate::rules::tokens(key)? {
            at = field(at, &step)?;
        }
    } else {
        at = field(at, key)?;
    }
    match &at.node {
        Node::Text(text) | Node::Date(_, text) => Some(format!("t{}", text.text())),
        Node::Choice(text) => Some(format!("t{text}")),
        Node::Number(Num::Integer(value)) => Some(format!("n{value}")),
        Node::Number(Num::Float(value)) => Some(format!("n{value}")),
        Node::Bool(value) => Some(format!("b{value}")),
        Node::Whole(value) => Some(match value.as_ref() {
            Value::String(text) => format!("t{text}"),
            other => format!("w{other}"),
        }),
        _ => None,
    }
}

fn field<'t>(tree: &'t Tree, key: &str) -> Option<&'t Tree> {
    match &tree.node {
        Node::Object(fields) => fields.get(key),
        _ => None,
    }
}
