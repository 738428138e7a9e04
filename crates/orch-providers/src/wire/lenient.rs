//! Fields of an answer that are not worth the answer: read where they are what they should be, else absent.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Number;

/// The most elements that are kept of a list: no model says so much at once, and a body of empty objects must not
/// become a hundred times its length in memory.
pub(crate) const MAX_ITEMS: usize = 4_096;

/// A number, or nothing.
#[derive(Debug, Default)]
pub(crate) struct Numeric(Option<Number>);

impl Numeric {
    /// As a count.
    pub(crate) fn count(&self) -> Option<u64> {
        self.0.as_ref()?.as_u64()
    }

    /// As an amount.
    #[cfg(any(feature = "openai", feature = "responses"))]
    pub(crate) fn amount(&self) -> Option<f64> {
        self.0.as_ref()?.as_f64()
    }
}

/// An object, or nothing.
#[derive(Debug)]
pub(crate) struct Perhaps<T>(pub(crate) Option<T>);

impl<T> Default for Perhaps<T> {
    fn default() -> Self {
        Self(None)
    }
}

/// A list, or nothing.
#[derive(Debug)]
pub(crate) struct Items<T> {
    /// The first elements, [`MAX_ITEMS`] at most.
    pub(crate) list: Vec<T>,
    /// Whether there are more.
    pub(crate) more: bool,
    /// Whether it is a list.
    pub(crate) is_list: bool,
}

impl<T> Default for Items<T> {
    fn default() -> Self {
        Self { list: Vec::new(), more: false, is_list: false }
    }
}

/// What a value may be to one of the types above; anything else is nothing.
trait Read<'de>: Default {
    fn number(_: Number) -> Self {
        Self::default()
    }

    fn seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }

    fn map<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
}

impl Read<'_> for Numeric {
    fn number(number: Number) -> Self {
        Self(Some(number))
    }
}

impl<'de, T: Deserialize<'de>> Read<'de> for Perhaps<T> {
    fn map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|object| Self(Some(object)))
    }
}

impl<'de, T: Deserialize<'de>> Read<'de> for Items<T> {
    fn seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        let mut items = Self { is_list: true, ..Self::default() };
        while items.list.len() < MAX_ITEMS {
            match seq.next_element()? {
                Some(item) => items.list.push(item),
                None => return Ok(items),
            }
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {
            items.more = true;
        }
        Ok(items)
    }
}

struct Any<T>(PhantomData<T>);

impl<'de, T: Read<'de>> Visitor<'de> for Any<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<T, E> {
        Ok(T::number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<T, E> {
        Ok(T::number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<T, E> {
        Ok(Number::from_f64(value).map_or_else(T::default, T::number))
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_unit<E: Error>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<T, A::Error> {
        T::seq(seq)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::map(map)
    }
}

impl<'de> Deserialize<'de> for Numeric {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Perhaps<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Items<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Point {
        x: u64,
    }

    /// From the text and from a tree of values.
    fn both<T: for<'a> Deserialize<'a> + fmt::Debug>(json: &Value) -> T {
        let (text, tree) = (serde_json::from_str::<T>(&json.to_string()).unwrap(), T::deserialize(json).unwrap());
        assert_eq!(format!("{text:?}"), format!("{tree:?}"));
        tree
    }

    #[test]
    fn what_is_something_else_is_absent() {
        for json in
            [json!(null), json!(true), json!("7"), json!([7, [{}]]), json!({ "x": { "y": [] } }), json!(-7), json!(7.5)]
        {
            assert_eq!(both::<Numeric>(&json).count(), None, "{json}");
        }
        for json in [json!(null), json!(true), json!("7"), json!(7), json!([{ "x": 7 }])] {
            assert!(both::<Perhaps<Point>>(&json).0.is_none(), "{json}");
        }
        for json in [json!(null), json!(true), json!("7"), json!(7), json!({ "x": 7 })] {
            let items = both::<Items<u64>>(&json);
            assert!(!items.is_list && items.list.is_empty(), "{json}");
        }
        assert_eq!(both::<Numeric>(&json!(7)).count(), Some(7));
        assert_eq!(both::<Perhaps<Point>>(&json!({ "x": 7 })).0.map(|point| point.x), Some(7));
        assert_eq!(both::<Items<u64>>(&json!([7, 8])).list, [7, 8]);
    }

    #[test]
    fn of_a_long_list_the_beginning_is_kept() {
        let items = both::<Items<u64>>(&vec![7; MAX_ITEMS].into());
        assert!(items.list.len() == MAX_ITEMS && !items.more);
        let items = both::<Items<u64>>(&vec![7; MAX_ITEMS + 1].into());
        assert!(items.list.len() == MAX_ITEMS && items.more);
    }
}
