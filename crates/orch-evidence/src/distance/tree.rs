//! Answers of any JSON shape, parsed and normalised once, and their distance: the part of the leaves that disagrees.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Number, Value};

use super::{Distance, Prepared};

/// An answer made ready to be compared.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    Null,
    Bool(bool),
    Number(Number),
    Text(Prepared),
    Array(Vec<Tree>),
    Object(BTreeMap<String, Tree>),
}

impl Tree {
    pub(crate) fn new(value: &Value, metric: &dyn Distance) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => Self::Number(number.clone()),
            Value::String(text) => Self::Text(metric.prepare(text)),
            Value::Array(items) => Self::Array(items.iter().map(|item| Self::new(item, metric)).collect()),
            Value::Object(fields) => {
                Self::Object(fields.iter().map(|(key, value)| (key.clone(), Self::new(value, metric))).collect())
            }
        }
    }

    /// How many leaves it has; an empty array or object is one.
    fn mass(&self) -> f64 {
        let inner = match self {
            Self::Array(items) => items.iter().map(Self::mass).sum(),
            Self::Object(fields) => fields.values().map(Self::mass).sum(),
            _ => 1.0,
        };
        f64::max(inner, 1.0)
    }

    /// The disagreeing part of the leaves of both, 0 to 1.
    pub(crate) fn distance(&self, other: &Self, metric: &dyn Distance) -> f64 {
        let Mass { apart, all } = compare(self, other, metric);
        apart / all
    }
}

/// Leaves that disagree, and all leaves.
#[derive(Clone, Copy)]
struct Mass {
    apart: f64,
    all: f64,
}

impl Mass {
    const NONE: Self = Self { apart: 0.0, all: 0.0 };

    const fn leaf(apart: f64) -> Self {
        Self { apart, all: 1.0 }
    }

    fn add(self, other: Self) -> Self {
        Self { apart: self.apart + other.apart, all: self.all + other.all }
    }
}

fn compare(a: &Tree, b: &Tree, metric: &dyn Distance) -> Mass {
    match (a, b) {
        (Tree::Object(a), Tree::Object(b)) => {
            // In the order of the keys of both, so that the sum is the same from either side.
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            let all = keys.into_iter().map(|key| sides(a.get(key), b.get(key), metric));
            at_least_a_leaf(all.fold(Mass::NONE, Mass::add))
        }
        (Tree::Array(a), Tree::Array(b)) => {
            let all = (0..a.len().max(b.len())).map(|at| sides(a.get(at), b.get(at), metric));
            at_least_a_leaf(all.fold(Mass::NONE, Mass::add))
        }
        (Tree::Array(_) | Tree::Object(_), _) | (_, Tree::Array(_) | Tree::Object(_)) => {
            let larger = f64::max(a.mass(), b.mass());
            Mass { apart: larger, all: larger }
        }
        _ => Mass::leaf(leaf_distance(a, b, metric)),
    }
}

fn at_least_a_leaf(mass: Mass) -> Mass {
    if mass.all > 0.0 { mass } else { Mass::leaf(0.0) }
}

fn sides(a: Option<&Tree>, b: Option<&Tree>, metric: &dyn Distance) -> Mass {
    match (a, b) {
        (Some(a), Some(b)) => compare(a, b, metric),
        (Some(item), None) | (None, Some(item)) => alone(item),
        (None, None) => Mass::NONE,
    }
}

/// What the other side lacks. A `null` that is there differs only half from one that is not.
fn alone(item: &Tree) -> Mass {
    match item {
        Tree::Null => Mass::leaf(0.5),
        _ => Mass { apart: item.mass(), all: item.mass() },
    }
}

/// The distance of two values that are neither arrays nor objects.
pub(crate) fn leaf_distance(a: &Tree, b: &Tree, metric: &dyn Distance) -> f64 {
    match (a, b) {
        (Tree::Null, Tree::Null) => 0.0,
        (Tree::Bool(a), Tree::Bool(b)) if a == b => 0.0,
        (Tree::Number(a), Tree::Number(b)) => number_distance(a, b),
        (Tree::Text(a), Tree::Text(b)) => metric.distance(a, b),
        _ => 1.0,
    }
}

/// Integers are equal if they are the same; others within 1e-9 or a millionth. Else the difference as a
/// part of the larger one, at most 1.
fn number_distance(a: &Number, b: &Number) -> f64 {
    if let (Some(a), Some(b)) = (integer(a), integer(b))
        && a == b
    {
        return 0.0;
    }
    let integers = integer(a).is_some() && integer(b).is_some();
    let (a, b) = (a.as_f64().unwrap_or(f64::MAX), b.as_f64().unwrap_or(f64::MAX));
    let (larger, apart) = (a.abs().max(b.abs()), (a - b).abs());
    if !integers && apart <= f64::max(1e-9, 1e-6 * larger) {
        return 0.0;
    }
    // Neighbours beyond 2^53 are the same as floats, yet not equal.
    (apart / larger).clamp(f64::MIN_POSITIVE, 1.0)
}

fn integer(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}
