//! Settings from several places, laid over one another, each with its place.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::pointer::{child, dotted, keys, parent, take};
use super::shown::redacted;
use super::{Finding, Origin};

/// How long a value is shown at most, in characters.
const LONGEST: usize = 80;

/// Where a value was written, and under which keys.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) origin: Origin,
    /// As it was written: with the spelling that was used there.
    key: String,
}

/// A table of settings, and the place of everything in it by JSON Pointer.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    pub(super) value: Value,
    places: BTreeMap<String, Place>,
}

impl Tree {
    /// Nothing.
    pub(super) fn empty() -> Self {
        Self::new(Value::Object(Map::new()), |_| Origin::Default)
    }

    /// A table all of which has its origin.
    pub(super) fn new(value: Value, origin: impl Fn(&str) -> Origin) -> Self {
        let mut places = BTreeMap::new();
        note(&value, "", &mut |pointer| {
            places.insert(pointer.to_owned(), Place { origin: origin(pointer), key: dotted(pointer) });
        });
        Self { value, places }
    }

    /// Lays a table over this one: tables key by key, everything else whole.
    pub(super) fn lay(&mut self, over: Self) {
        let Self { value, places } = over;
        lay(&mut self.value, value, "", &mut self.places);
        self.places.extend(places);
    }

    /// Moves a value to another key; it keeps its place. The tables on the way are made.
    pub(super) fn rename(&mut self, from: &str, to: &str, convert: impl FnOnce(Value) -> Value) {
        let Some(value) = take(&mut self.value, from) else { return };
        let mut open = &mut self.value;
        for key in keys(to) {
            if !open.is_object() {
                *open = Value::Object(Map::new());
            }
            open = open.as_object_mut().expect("made one").entry(key).or_insert(Value::Null);
        }
        *open = convert(value);
        let below = format!("{from}/");
        let (moved, kept) = std::mem::take(&mut self.places)
            .into_iter()
            .partition::<BTreeMap<_, _>, _>(|(pointer, _)| pointer == from || pointer.starts_with(&below));
        self.places = kept;
        self.places
            .extend(moved.into_iter().map(|(pointer, place)| (format!("{to}{}", &pointer[from.len()..]), place)));
    }

    pub(super) fn remove(&mut self, pointer: &str) {
        take(&mut self.value, pointer);
    }

    /// The keys of the table at `pointer`.
    pub(super) fn keys(&self, pointer: &str) -> Vec<String> {
        let table = self.value.pointer(pointer).and_then(Value::as_object);
        table.map(|table| table.keys().cloned().collect()).unwrap_or_default()
    }

    /// The place of a value, if it has one.
    pub(super) fn place(&self, pointer: &str) -> Option<&Place> {
        self.places.get(pointer)
    }

    /// Where a value came from; what nobody has set is a default.
    pub(super) fn origin(&self, pointer: &str) -> Origin {
        self.place(pointer).map_or(Origin::Default, |place| place.origin.clone())
    }

    /// Whether the file or the environment has set it.
    pub(super) fn is_written(&self, pointer: &str) -> bool {
        self.place(pointer).is_some_and(|place| place.origin.is_written())
    }

    /// What is wrong with the value at `pointer`, or with the table in which it is missing.
    pub(super) fn finding(&self, pointer: &str, reason: impl Into<String>) -> Finding {
        let key = self.key(pointer);
        let value = self.value.pointer(pointer).and_then(|value| shown(pointer, value));
        let mut reason = reason.into();
        if let Some(rest) = value.as_ref().and_then(|value| reason.strip_prefix(&format!("{value}: "))) {
            reason = rest.to_owned();
        }
        Finding { origin: self.nearest(pointer), key, value, reason }
    }

    /// The keys as they were written, as far as there is something.
    fn key(&self, pointer: &str) -> String {
        if let Some(place) = self.place(pointer) {
            return place.key.clone();
        }
        let Some(above) = parent(pointer) else { return String::new() };
        let written = self.key(above);
        let rest = dotted(&pointer[above.len()..]);
        let is_item = matches!(self.value.pointer(above), Some(Value::Array(_)));
        match written.as_str() {
            "" => rest,
            _ if is_item => format!("{written}[{rest}]"),
            _ => format!("{written}.{rest}"),
        }
    }

    /// The origin of a value, or of the innermost table around it that somebody has written.
    fn nearest(&self, pointer: &str) -> Origin {
        let mut at = Some(pointer);
        while let Some(pointer) = at {
            if let Some(place) = self.place(pointer).filter(|place| place.origin.is_written()) {
                return place.origin.clone();
            }
            at = parent(pointer);
        }
        self.origin(pointer)
    }
}

/// A value that fits into one line, and is no table.
fn shown(pointer: &str, value: &Value) -> Option<String> {
    if value.is_object() {
        return None;
    }
    let text = redacted(pointer, value).to_string();
    let short: String = text.chars().take(LONGEST).collect();
    Some(if short.len() < text.len() { format!("{short}..") } else { text })
}

/// Tells of each value, tables and lists included, outermost first.
fn note(value: &Value, at: &str, tell: &mut impl FnMut(&str)) {
    tell(at);
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| note(value, &child(at, key), tell)),
        Value::Array(items) => items.iter().enumerate().for_each(|(n, value)| note(value, &format!("{at}/{n}"), tell)),
        _ => {}
    }
}

fn lay(below: &mut Value, over: Value, at: &str, places: &mut BTreeMap<String, Place>) {
    match (below, over) {
        (Value::Object(below), Value::Object(over)) => {
            for (key, value) in over {
                let at = child(at, &key);
                lay(below.entry(key).or_insert(Value::Null), value, &at, places);
            }
        }
        (below, over) => {
            let inside = format!("{at}/");
            places.retain(|pointer, _| !pointer.starts_with(&inside));
            *below = over;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tables_are_laid_key_by_key_and_lists_whole() {
        let mut tree = Tree::new(json!({ "a": { "b": 1, "c": [1, 2] } }), |_| Origin::Code);
        tree.lay(Tree::new(json!({ "a": { "c": [3] }, "d": 4 }), |_| Origin::Variable("V".into())));
        assert_eq!(tree.value, json!({ "a": { "b": 1, "c": [3] }, "d": 4 }));
        let origins = ["/a/b", "/a/c", "/a/c/0", "/a/c/1", "/d"].map(|pointer| tree.origin(pointer).to_string());
        assert_eq!(origins, ["code", "V", "V", "default", "V"]);
    }

    #[test]
    fn a_renamed_value_keeps_the_name_that_was_written() {
        let mut tree = Tree::new(json!({ "a": { "ms": 5 } }), |_| Origin::Code);
        tree.rename("/a/ms", "/a/in/time", |value| json!(format!("{value}ms")));
        assert_eq!(tree.value, json!({ "a": { "in": { "time": "5ms" } } }));
        assert_eq!(tree.finding("/a/in/time", "wrong").to_string(), "code: a.ms = \"5ms\": wrong");
    }
}
