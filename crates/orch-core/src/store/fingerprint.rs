use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A request that can tell whether another one is the same.
pub trait HasFingerprint {
    /// The hash of everything that makes this request what it is. Ids, deadlines and listeners are not part of it.
    fn fingerprint(&self) -> Fingerprint;
}

/// A BLAKE3 hash of canonical JSON: equal values have equal fingerprints whatever the order of their keys.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a JSON value.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        Self::hash(|out| write_canonical(value, out))
    }

    /// The fingerprint of an object with these fields, which are sorted by their names.
    pub(crate) fn of_fields(fields: &[(&str, &Value)]) -> Self {
        debug_assert!(fields.is_sorted_by_key(|(name, _)| name), "canonical JSON is sorted");
        Self::hash(|out| write_object(fields.iter().copied(), out))
    }

    fn hash(write: impl FnOnce(&mut Vec<u8>)) -> Self {
        // One allocation for most requests.
        let mut canonical = Vec::with_capacity(4096);
        write(&mut canonical);
        Self(*blake3::hash(&canonical).as_bytes())
    }

    /// From stored bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, to be stored.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// JSON without white space, keys sorted by their bytes.
fn write_canonical(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_canonical(item, out);
            }
            out.push(b']');
        }
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, field)| (key.as_str(), field));
            // Another crate may switch serde_json's `preserve_order` on, so the map's own order is no promise.
            if fields.clone().is_sorted_by_key(|(key, _)| key) {
                write_object(fields, out);
            } else {
                let mut sorted: Vec<_> = fields.collect();
                sorted.sort_unstable_by_key(|(key, _)| *key);
                write_object(sorted.into_iter(), out);
            }
        }
        scalar => write_scalar(scalar, out),
    }
}

fn write_object<'a>(fields: impl Iterator<Item = (&'a str, &'a Value)>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (index, (key, field)) in fields.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_scalar(key, out);
        out.push(b':');
        write_canonical(field, out);
    }
    out.push(b'}');
}

fn write_scalar(scalar: &(impl Serialize + ?Sized), out: &mut Vec<u8>) {
    serde_json::to_writer(out, scalar).expect("strings, numbers, booleans and null always serialise into memory");
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::*;

    #[test]
    fn key_order_and_white_space_do_not_matter_values_and_types_do() {
        let read = |text: &str| Fingerprint::of(&serde_json::from_str(text).unwrap());
        assert_eq!(read(r#"{"a": 1, "b": {"c": [1, 2], "d": null}}"#), read(r#"{"b":{"d":null,"c":[1,2]},"a":1}"#));
        for other in [r#"{"a":2}"#, r#"{"a":"1"}"#, r#"{"a":[1]}"#, r#"{"b":1}"#, r#"{"a":1,"b":null}"#] {
            assert_ne!(read(r#"{"a":1}"#), read(other), "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_order_of_insertion_gives_the_same_fingerprint(keys in prop::collection::btree_set(".{0,6}", 0..8)) {
            let forward: Map<String, Value> = keys.iter().map(|k| (k.clone(), json!(k.len()))).collect();
            let backward: Map<String, Value> = keys.iter().rev().map(|k| (k.clone(), json!(k.len()))).collect();
            prop_assert_eq!(Fingerprint::of(&forward.into()), Fingerprint::of(&backward.into()));
        }
    }
}
