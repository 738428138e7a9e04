//! Answers that are JSON in a text.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::rules::child;

/// Reads a text that is JSON, alone or in a fence of three backticks: the value, and the pointers of keys that came
/// twice, of which the last counts. `Err` says why it is none.
pub(crate) fn read(text: &str) -> Result<(Value, Vec<String>), String> {
    let twice = RefCell::default();
    let mut deserializer = serde_json::Deserializer::from_str(unfenced(text));
    let reader = Reader { place: Place::Whole, twice: &twice };
    let value = reader.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    Ok((value.map_err(|error| error.to_string())?, twice.into_inner()))
}

/// The inside of a fenced block, whatever language it names.
fn unfenced(text: &str) -> &str {
    let inside = text.trim().strip_prefix("```").and_then(|text| text.strip_suffix("```"));
    inside.and_then(|text| text.split_once('\n')).map_or(text, |(_, inside)| inside)
}

/// A place, spelt out only when it is to be listed: a long key above a long array would be copied for each item.
#[derive(Clone, Copy)]
enum Place<'p> {
    Whole,
    Key(&'p Place<'p>, &'p str),
    Item(&'p Place<'p>, usize),
}

impl Place<'_> {
    fn pointer(&self) -> String {
        match self {
            Self::Whole => String::new(),
            Self::Key(outer, key) => child(&outer.pointer(), key),
            Self::Item(outer, at) => child(&outer.pointer(), &at.to_string()),
        }
    }
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    place: Place<'a>,
    twice: &'a RefCell<Vec<String>>,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that is not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(Reader { place: Place::Item(&self.place, all.len()), ..self })? {
            all.push(item);
        }
        Ok(all.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        /// More are not listed: an answer that is full of them says nothing more by the next one.
        const MOST: usize = 16;
        let mut all = Map::new();
        while let Some(key) = fields.next_key::<String>()? {
            let place = Place::Key(&self.place, &key);
            if all.contains_key(&key) && self.twice.borrow().len() < MOST {
                self.twice.borrow_mut().push(place.pointer());
            }
            let value = fields.next_value_seed(Reader { place, ..self })?;
            all.insert(key, value);
        }
        Ok(all.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_read_as_serde_reads_it() {
        for text in ["null", " {\"a\": [1, -2, 2.5, \"x\", true, {}]} ", "18446744073709551615", "\"text\"", "[]"] {
            assert_eq!(read(text).unwrap(), (serde_json::from_str(text).unwrap(), vec![]), "{text}");
        }
        assert_eq!(read("```json\n{\"a\": 1}\n```").unwrap().0, json!({"a": 1}));
    }

    #[test]
    fn of_keys_that_come_twice_the_last_counts_and_they_are_listed() {
        let (value, twice) = read(r#"{"a": 1, "b": {"c/d": 1, "c/d": 2}, "a": [3]}"#).unwrap();
        assert_eq!(value, json!({"a": [3], "b": {"c/d": 2}}));
        assert_eq!(twice, ["/b/c~1d", "/a"]);
    }

    #[test]
    fn what_is_no_json_says_why() {
        for text in ["", "The answer is 4.", "{\"a\": }", "{} {}", "1e999", "```json\n{}", &"[".repeat(1_000)] {
            assert!(!read(text).unwrap_err().is_empty(), "{text}");
        }
    }
}
