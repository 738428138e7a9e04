//! The JSON of a request, which borrows what the request holds: it is written once, without a copy before.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::Value;

/// JSON with texts and values of a request.
#[derive(Clone, Debug)]
pub enum Json<'a> {
    /// A text.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<Self>),
    /// An object whose names differ.
    Object(Vec<(&'a str, Self)>),
    /// What the request holds as JSON.
    Held(&'a Value),
    /// Numbers, truth values, `null`, and what was made for the request.
    Made(Value),
}

impl Json<'_> {
    /// Whether it is the empty text, list or object.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::List(list) => list.is_empty(),
            Self::Object(fields) => fields.is_empty(),
            Self::Held(_) | Self::Made(_) => false,
        }
    }
}

/// An object of these fields.
pub(crate) fn object<'a, const N: usize>(fields: [(&'a str, Json<'a>); N]) -> Json<'a> {
    Json::Object(fields.into())
}

/// An object of the fields that have a value.
pub(crate) fn known<'a, const N: usize>(fields: [(&'a str, Option<Json<'a>>); N]) -> Json<'a> {
    Json::Object(fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(list) => serializer.collect_seq(list),
            Self::Object(fields) => serializer.collect_map(fields.iter().map(|(name, value)| (name, value))),
            Self::Held(value) => value.serialize(serializer),
            Self::Made(value) => value.serialize(serializer),
        }
    }
}

impl From<Json<'_>> for Value {
    fn from(json: Json<'_>) -> Self {
        match json {
            Json::Text(text) => text.into(),
            Json::List(list) => list.into_iter().map(Self::from).collect(),
            Json::Object(fields) => {
                fields.into_iter().map(|(name, value)| (name.to_owned(), Self::from(value))).collect()
            }
            Json::Held(value) => value.clone(),
            Json::Made(value) => value,
        }
    }
}

impl<'a> From<&'a str> for Json<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}

impl<'a> From<Cow<'a, str>> for Json<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Json<'_> {
    fn from(number: f64) -> Self {
        Self::Made(number.into())
    }
}

impl From<u64> for Json<'_> {
    fn from(number: u64) -> Self {
        Self::Made(number.into())
    }
}

impl From<bool> for Json<'_> {
    fn from(value: bool) -> Self {
        Self::Made(value.into())
    }
}

impl<'a, T: Into<Json<'a>>> FromIterator<T> for Json<'a> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

impl<'a> From<Vec<Json<'a>>> for Json<'a> {
    fn from(list: Vec<Json<'a>>) -> Self {
        Self::List(list)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_what_is_shown_as_a_value() {
        let held = json!({ "type": "object" });
        let json = object([
            ("text", "a \"quoted\" text".into()),
            ("list", ["b", "c"].into_iter().collect()),
            ("number", 0.5.into()),
            ("yes", true.into()),
            ("held", Json::Held(&held)),
            ("some", known([("here", Some(7.into())), ("not", None)])),
        ]);
        let value = json!({
            "text": "a \"quoted\" text", "list": ["b", "c"], "number": 0.5, "yes": true, "held": { "type": "object" },
            "some": { "here": 7 },
        });
        assert_eq!(serde_json::to_value(&json).unwrap(), value);
        assert_eq!(Value::from(json), value);
    }

    #[test]
    fn only_an_empty_text_list_or_object_is_empty() {
        for empty in ["".into(), Json::List(Vec::new()), known([("not", None)])] {
            assert!(empty.is_empty(), "{empty:?}");
        }
        for full in ["x".into(), Json::Made(Value::Null), object([("x", 0.into())])] {
            assert!(!full.is_empty(), "{full:?}");
        }
    }
}
