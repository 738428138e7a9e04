use std::fmt;
use std::hash::Hasher;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};
use siphasher::sip128::{Hasher128, SipHasher24};

/// A request that can tell whether another one is the same.
pub trait HasFingerprint {
    /// The hash of everything that makes this request what it is. Ids, deadlines and listeners are not part of it.
    fn fingerprint(&self) -> Fingerprint;
}

/// 128 bits that stand for a JSON value: values of the same text have equal fingerprints, whatever the order of their keys.
/// Numbers are what is written: `1` and `1.0` are two, and so are `0.0` and `-0.0`, although they compare as equal.
///
/// SipHash-2-4 with 128 bits and a fixed, public key, over a canonical form of the value, so the same value has the same
/// fingerprint in every process and in every version of this crate: results may be stored for long. Two values that
/// were not made to collide never do in practice. Whoever sets out to make two of them collide meets no *promise* of the
/// function, since its key is public; where callers who do not trust each other share a namespace **and** can guess
/// each other's keys, make the fingerprint of a cryptographic hash, with [`from_bytes`](Self::from_bytes).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// The fingerprint of a JSON value.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        Self::hash(|out| out.value(value))
    }

    /// The fingerprint of an object with these fields, which are sorted by their names.
    pub(crate) fn of_fields(fields: &[(&str, Field<'_>)]) -> Self {
        debug_assert!(fields.is_sorted_by_key(|(name, _)| name), "the canonical form is sorted");
        Self::hash(|out| {
            out.size(OBJECT, fields.len());
            for (name, field) in fields {
                out.text(name);
                match field {
                    Field::Json(value) => out.value(value),
                    Field::Text(Some(text)) => out.text(text),
                    Field::Number(Some(number)) => out.natural(UNSIGNED, *number),
                    Field::Text(None) | Field::Number(None) => out.bytes(&[NULL]),
                }
            }
        })
    }

    fn hash(write: impl FnOnce(&mut Canonical)) -> Self {
        let mut canonical = Canonical { hasher: SipHasher24::new(), waiting: [0; BUFFER], length: 0 };
        write(&mut canonical);
        canonical.flush();
        Self(canonical.hasher.finish128().as_bytes())
    }

    /// From stored bytes, or from a hash of one's own.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes, to be stored.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// What a request's field holds. An absent one is as `null`.
pub(crate) enum Field<'a> {
    Json(&'a Value),
    Text(Option<&'a str>),
    Number(Option<u64>),
}

/// So many bytes are hashed at a time; longer texts at once, where they are.
const BUFFER: usize = 512;

// What follows in the canonical form. These bytes are stored, by their hash: none may ever change its meaning.
const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const UNSIGNED: u8 = 3;
const NEGATIVE: u8 = 4;
const FLOAT: u8 = 5;
const TEXT: u8 = 6;
const ARRAY: u8 = 7;
const OBJECT: u8 = 8;

/// A JSON value as bytes that no other value has: a tag each, sizes before contents, the fields of objects sorted by the
/// bytes of their names. Text is taken as it is, where JSON would have to look at every byte of it. Hashed as it is
/// written: nothing is allocated.
struct Canonical {
    hasher: SipHasher24,
    waiting: [u8; BUFFER],
    length: usize,
}

impl Canonical {
    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.bytes(&[NULL]),
            Value::Bool(false) => self.bytes(&[FALSE]),
            Value::Bool(true) => self.bytes(&[TRUE]),
            Value::Number(number) => self.number(number),
            Value::String(text) => self.text(text),
            Value::Array(items) => {
                self.size(ARRAY, items.len());
                items.iter().for_each(|item| self.value(item));
            }
            Value::Object(fields) => self.object(fields),
        }
    }

    fn object(&mut self, fields: &Map<String, Value>) {
        self.size(OBJECT, fields.len());
        // Another crate may switch serde_json's `preserve_order` on, so the map's own order is no promise.
        if fields.keys().is_sorted() {
            fields.iter().for_each(|(name, field)| self.field(name, field));
        } else {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            sorted.into_iter().for_each(|(name, field)| self.field(name, field));
        }
    }

    fn field(&mut self, name: &str, field: &Value) {
        self.text(name);
        self.value(field);
    }

    /// `1` and `1.0` are two numbers, as they are in the text of JSON.
    fn number(&mut self, number: &Number) {
        if let Some(natural) = number.as_u64() {
            self.natural(UNSIGNED, natural);
        } else if let Some(negative) = number.as_i64() {
            self.natural(NEGATIVE, negative.cast_unsigned());
        } else {
            // Always `Some`: numbers beyond all three exist only with a feature of serde_json, which reads them as infinite.
            self.float(number.as_f64().unwrap_or(f64::INFINITY));
        }
    }

    fn text(&mut self, text: &str) {
        self.size(TEXT, text.len());
        self.bytes(text.as_bytes());
    }

    fn size(&mut self, tag: u8, size: usize) {
        self.natural(tag, size as u64);
    }

    fn float(&mut self, float: f64) {
        self.bytes(&[FLOAT]);
        self.bytes(&float.to_bits().to_le_bytes());
    }

    /// Small numbers, which most are, take two bytes: one less than 128 stands for itself, and how many bytes of a
    /// larger one follow is written as 128 and that.
    fn natural(&mut self, tag: u8, natural: u64) {
        match u8::try_from(natural) {
            Ok(small) if small < 128 => self.bytes(&[tag, small]),
            _ => {
                let bytes = natural.to_le_bytes();
                let used = (1..8u8).find(|used| natural >> (8 * used) == 0).unwrap_or(8);
                self.bytes(&[tag, 128 + used]);
                self.bytes(&bytes[..usize::from(used)]);
            }
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        if let Some(room) = self.waiting[self.length..].get_mut(..bytes.len()) {
            room.copy_from_slice(bytes);
            self.length += bytes.len();
        } else {
            self.flush();
            self.hasher.write(bytes);
        }
    }

    fn flush(&mut self) {
        self.hasher.write(&self.waiting[..self.length]);
        self.length = 0;
    }
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
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn key_order_and_white_space_do_not_matter_values_and_types_do() {
        let read = |text: &str| Fingerprint::of(&serde_json::from_str(text).unwrap());
        assert_eq!(read(r#"{"a": 1, "b": {"c": [1, 2], "d": null}}"#), read(r#"{"b":{"d":null,"c":[1,2]},"a":1}"#));
        for other in [r#"{"a":2}"#, r#"{"a":"1"}"#, r#"{"a":[1]}"#, r#"{"b":1}"#, r#"{"a":1,"b":null}"#] {
            assert_ne!(read(r#"{"a":1}"#), read(other), "{other}");
        }
    }

    #[test]
    fn a_fingerprint_is_the_same_in_every_process_and_version() {
        let value = json!({ "z": [null, true, false], "a": { "text": "h\u{e9}", "n": 7, "m": -7, "f": 0.5 }, "": {} });
        assert_eq!(Fingerprint::of(&value).to_string(), "0ec70de6c555efa1d2ecabcc1adefcce");
    }

    #[test]
    fn values_that_look_alike_have_fingerprints_of_their_own() {
        let texts = [
            "null",
            "false",
            "true",
            "0",
            "1",
            "-1",
            "1.0",
            "-1.0",
            "0.0",
            "-0.0",
            "18446744073709551615",
            "-9223372036854775808",
            r#""""#,
            r#""1""#,
            r#""null""#,
            "[]",
            "{}",
            "[[]]",
            "[{}]",
            "[[],[]]",
            r#"["ab"]"#,
            r#"["a","b"]"#,
            r#"["a",["b"]]"#,
            r#"{"a":"b"}"#,
            r#"{"ab":""}"#,
            r#"{"a":null}"#,
            r#"{"a":[]}"#,
            r#"{"a":{"b":1}}"#,
            r#"{"a":{},"b":1}"#,
            r#"{"b":1}"#,
        ];
        let prints: BTreeSet<_> =
            texts.iter().map(|text| *Fingerprint::of(&serde_json::from_str(text).unwrap()).as_bytes()).collect();
        assert_eq!(prints.len(), texts.len());
    }

    #[test]
    fn a_request_of_fields_is_the_object_of_them() {
        let (input, options) = (json!({ "q": [1, 2.5] }), Value::Null);
        for (seed, tool) in [(None, None), (Some(7), Some("ask"))] {
            let fields = [
                ("input", Field::Json(&input)),
                ("options", Field::Json(&options)),
                ("seed", Field::Number(seed)),
                ("tool", Field::Text(tool)),
            ];
            let object = json!({ "tool": tool, "seed": seed, "options": options, "input": input });
            assert_eq!(Fingerprint::of_fields(&fields), Fingerprint::of(&object));
        }
    }

    /// Any JSON value, three deep.
    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i32>().prop_map(|n| Value::from(f64::from(n) / 4.0)),
            "[a-c]{0,3}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-c]{0,2}", inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn two_values_have_one_fingerprint_exactly_when_they_have_one_text(a in json_value(), b in json_value()) {
            let (text, other) = (a.to_string(), b.to_string());
            prop_assert_eq!(Fingerprint::of(&a) == Fingerprint::of(&b), text == other);
            let again: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(Fingerprint::of(&a), Fingerprint::of(&again));
        }

        #[test]
        fn any_order_of_insertion_gives_the_same_fingerprint(keys in prop::collection::btree_set(".{0,6}", 0..8)) {
            let forward: Map<String, Value> = keys.iter().map(|k| (k.clone(), json!(k.len()))).collect();
            let backward: Map<String, Value> = keys.iter().rev().map(|k| (k.clone(), json!(k.len()))).collect();
            prop_assert_eq!(Fingerprint::of(&forward.into()), Fingerprint::of(&backward.into()));
        }
    }
}
