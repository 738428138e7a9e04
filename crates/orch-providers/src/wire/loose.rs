//! Texts of an answer without a copy, for structures that are read from every event of a stream.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A text, borrowed where it stands without escapes. `Option<Cow<str>>` would always be a copy.
#[derive(Debug, Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

impl Text<'_> {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text, or what a server sends in its place.
#[derive(Debug)]
pub(crate) enum Loose<'a> {
    Text(Cow<'a, str>),
    /// Boxed, for nearly all of them are texts.
    Json(Box<Value>),
}

impl Loose<'_> {
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Json(_) => None,
        }
    }

    /// The text, or the JSON as a text.
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Text(text) => text.into_owned(),
            Self::Json(json) => json.to_string(),
        }
    }
}

/// The text in a field; absent and anything else are none.
pub(crate) fn as_text<'a>(field: &'a Option<Loose<'_>>) -> Option<&'a str> {
    field.as_ref().and_then(Loose::as_str)
}

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Loose<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any JSON")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Loose<'de>, E> {
                Ok(Loose::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Loose<'de>, E> {
                Ok(Loose::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Loose<'de>, E> {
                Ok(Loose::Json(Box::new(value.into())))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Loose<'de>, E> {
                Ok(Loose::Json(Box::new(value.into())))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Loose<'de>, E> {
                Ok(Loose::Json(Box::new(value.into())))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Loose<'de>, E> {
                Ok(Loose::Json(Box::new(value.into())))
            }

            fn visit_unit<E: Error>(self) -> Result<Loose<'de>, E> {
                Ok(Loose::Json(Box::default()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Loose<'de>, A::Error> {
                Box::deserialize(SeqAccessDeserializer::new(seq)).map(Loose::Json)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Loose<'de>, A::Error> {
                Box::deserialize(MapAccessDeserializer::new(map)).map(Loose::Json)
            }
        }

        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_is_borrowed_unless_it_has_escapes() {
        let read = |json| serde_json::from_str::<Option<Loose<'_>>>(json).unwrap();
        assert!(matches!(read(r#""plain""#), Some(Loose::Text(Cow::Borrowed("plain")))));
        assert!(matches!(read(r#""a\"b""#), Some(Loose::Text(Cow::Owned(text))) if text == "a\"b"));
        assert!(read("null").is_none());
        let read = |json| serde_json::from_str::<Option<Text<'_>>>(json);
        assert!(matches!(read(r#""plain""#), Ok(Some(Text(Cow::Borrowed("plain"))))));
        assert!(read("7").is_err());
    }

    #[test]
    fn other_json_is_kept() {
        for json in [json!(true), json!(-7), json!(7), json!(0.5), json!([1, null]), json!({ "a": { "b": [] } })] {
            let text = json.to_string();
            let Ok(Loose::Json(read)) = serde_json::from_str(&text) else { panic!("{text}") };
            assert_eq!(*read, json);
            assert_eq!(Loose::Json(read).into_text(), text);
        }
    }
}
