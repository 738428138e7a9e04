use std::collections::HashMap;

use serde_json::Value;

/// A value that an attribute can equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key<'r> {
    Null,
    Bool(bool),
    /// The bits of the nearest float: equal numbers have equal ones.
    Number(u64),
    Text(&'r str),
}

impl Key<'_> {
    pub(super) fn number(number: f64) -> Self {
        // Adding zero turns -0.0 into 0.0.
        Self::Number((number + 0.0).to_bits())
    }
}

/// Rules by the value that an attribute must equal.
#[derive(Clone, Debug, Default)]
pub(super) struct Exact {
    null: Vec<u32>,
    bools: [Vec<u32>; 2],
    numbers: HashMap<u64, Ids>,
    texts: HashMap<Box<str>, Ids>,
}

impl Exact {
    pub(super) fn add(&mut self, id: u32, keys: &[Key<'_>]) {
        for key in keys {
            match *key {
                Key::Null => self.null.push(id),
                Key::Bool(bool) => self.bools[usize::from(bool)].push(id),
                Key::Number(bits) => Ids::add(self.numbers.entry(bits).or_default(), id),
                Key::Text(text) => match self.texts.get_mut(text) {
                    Some(ids) => ids.add(id),
                    None => _ = self.texts.insert(text.into(), Ids::One(id)),
                },
            }
        }
    }

    pub(super) fn find(&self, value: &Value, found: &mut Vec<u32>) {
        let ids = match value {
            Value::Null => &self.null,
            Value::Bool(bool) => &self.bools[usize::from(*bool)],
            Value::Number(number) => match number.as_f64().map(Key::number) {
                Some(Key::Number(bits)) => self.numbers.get(&bits).map_or(&[][..], Ids::as_slice),
                _ => &[],
            },
            Value::String(text) => self.texts.get(text.as_str()).map_or(&[][..], Ids::as_slice),
            Value::Array(_) | Value::Object(_) => &[],
        };
        found.extend_from_slice(ids);
    }
}

/// Rules, most often one.
#[derive(Clone, Debug)]
enum Ids {
    One(u32),
    Many(Vec<u32>),
}

impl Default for Ids {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Ids {
    fn add(&mut self, id: u32) {
        match self {
            Self::Many(ids) if ids.is_empty() => *self = Self::One(id),
            Self::Many(ids) => ids.push(id),
            Self::One(first) => *self = Self::Many(vec![*first, id]),
        }
    }

    fn as_slice(&self) -> &[u32] {
        match self {
            Self::One(id) => std::slice::from_ref(id),
            Self::Many(ids) => ids,
        }
    }
}
