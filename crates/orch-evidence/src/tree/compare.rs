use std::collections::BTreeMap;

use super::{Comparer, Node, Tree, pairing};
use crate::rules::Compare;

/// How many values and words two answers may have compared with each other, roughly. Beyond it arrays are
/// compared in a cheaper way. It is some tens of milliseconds.
const MOST_WORK: f64 = 1_048_576.0;

/// Leaves that disagree, and all leaves, by weight.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mass {
    pub(super) apart: f64,
    pub(super) all: f64,
}

impl Mass {
    const fn apart(mass: f64) -> Self {
        Self { apart: mass, all: mass }
    }

    pub(super) fn add(self, other: Self) -> Self {
        Self { apart: self.apart + other.apart, all: self.all + other.all }
    }

    fn share(self) -> f64 {
        if self.all > 0.0 { (self.apart / self.all).min(1.0) } else { 0.0 }
    }
}

impl Comparer {
    /// The disagreeing part of the leaves of both, 0 to 1.
    pub(crate) fn distance(&self, a: &Tree, b: &Tree) -> f64 {
        if a.same(b) {
            return 0.0;
        }
        let (a, b) = in_order(a, b);
        self.mass(a, b, a.rule, MOST_WORK).share()
    }

    /// The distance of two values that are neither arrays nor objects.
    pub(crate) fn leaf_distance(&self, a: &Tree, b: &Tree) -> f64 {
        let (a, b) = in_order(a, b);
        self.leaves(a, b, a.rule)
    }

    /// Which items of two arrays belong together, by the rule of the array `of`. The first places rise.
    pub(crate) fn pairs(&self, a: &[&Tree], b: &[&Tree], of: &Tree) -> Vec<(usize, usize)> {
        let size = |items: &[&Tree]| items.iter().map(|item| item.size).sum::<f64>();
        let repeats = |items: &[&Tree]| items.iter().map(|item| item.repeats).fold(1.0, f64::max) * items.len() as f64;
        let all = f64::min(size(a) * repeats(b), size(b) * repeats(a));
        let pairing = pairing::pair(a, b, of.rule, self, (MOST_WORK, all));
        pairing.pairs.into_iter().map(|(at, to, _)| (at, to)).collect()
    }

    /// Whether less than everything in them disagrees.
    pub(crate) fn has_something_in_common(&self, a: &Tree, b: &Tree) -> bool {
        self.distance(a, b) < 1.0
    }

    /// Compares by a rule, with so much work at most.
    pub(super) fn mass(&self, a: &Tree, b: &Tree, rule: u32, work: f64) -> Mass {
        let larger = f64::max(a.mass, b.mass);
        match (&a.node, &b.node) {
            (Node::Ignored, _) | (_, Node::Ignored) => Mass::default(),
            _ if a.same(b) => Mass { apart: 0.0, all: larger },
            (Node::Object(fields), Node::Object(others)) => {
                let mass = self.objects(fields, others, work / work_of(a, b));
                // Both have nothing, or nothing but what is ignored.
                if mass.all > 0.0 { mass } else { Mass { apart: 0.0, all: larger } }
            }
            (Node::Array(items), Node::Array(others)) => {
                let (items, others): (Vec<&Tree>, Vec<&Tree>) = (items.iter().collect(), others.iter().collect());
                let mass = pairing::pair(&items, &others, rule, self, (work, work_of(a, b))).mass;
                if mass.all > 0.0 { mass } else { Mass { apart: 0.0, all: larger } }
            }
            _ if a.is_container() || b.is_container() => Mass::apart(larger),
            _ => Mass { apart: larger * self.leaves(a, b, rule), all: larger },
        }
    }

    /// `share`: how much work is allowed for each piece that there is.
    fn objects(&self, a: &BTreeMap<String, Tree>, b: &BTreeMap<String, Tree>, share: f64) -> Mass {
        // In the order of the keys of both, so that the sum is the same from either side.
        let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
        let mut sum = Mass::default();
        loop {
            let first = match (a.peek(), b.peek()) {
                (Some((key, _)), Some((other, _))) => key.cmp(other),
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (None, None) => return sum,
            };
            let a = a.next_if(|_| first.is_le()).map(|(_, tree)| tree);
            let b = b.next_if(|_| first.is_ge()).map(|(_, tree)| tree);
            sum = sum.add(match (a, b) {
                (Some(a), Some(b)) => self.mass(a, b, a.rule, share * work_of(a, b)),
                (Some(alone), None) | (None, Some(alone)) => self.alone(alone),
                (None, None) => Mass::default(),
            });
        }
    }

    /// What the other side lacks.
    pub(super) fn alone(&self, tree: &Tree) -> Mass {
        match tree.node {
            Node::Null => Mass { apart: tree.mass * self.rules.nulls.apart(), all: tree.mass },
            _ => Mass::apart(tree.mass),
        }
    }

    fn leaves(&self, a: &Tree, b: &Tree, rule: u32) -> f64 {
        let (same, other) = (0.0, 1.0);
        match (&a.node, &b.node) {
            (Node::Number(a), Node::Number(b)) => match self.rules.rule(rule).compare {
                Compare::Number { abs, rel } => a.within(*b, abs, rel),
                _ => a.distance(*b),
            },
            (Node::Text(a) | Node::Date(_, a), Node::Text(b)) | (Node::Text(a), Node::Date(_, b)) => {
                self.texts(rule, a, b)
            }
            (Node::Date(a, _), Node::Date(b, _)) if a.same(*b) => same,
            (Node::Null, Node::Null) => same,
            (Node::Bool(a), Node::Bool(b)) if a == b => same,
            (Node::Choice(a), Node::Choice(b)) if a == b => same,
            (Node::Whole(_), Node::Whole(_)) if a.same(b) => same,
            _ => other,
        }
    }
}

fn in_order<'t>(a: &'t Tree, b: &'t Tree) -> (&'t Tree, &'t Tree) {
    if a.order(b).is_le() { (a, b) } else { (b, a) }
}

/// How much there is to compare at most: every part of one, as often as the arrays of the other repeat it.
pub(super) fn work_of(a: &Tree, b: &Tree) -> f64 {
    f64::min(a.size * b.repeats, b.size * a.repeats)
}
