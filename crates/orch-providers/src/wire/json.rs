//! The JSON of a request, which borrows what the request holds: it is written once, without a copy before.

use std::borrow::Cow;

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

impl Json<'_> {
    /// The JSON as a text.
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        let mut json = Vec::with_capacity(self.length());
        self.write(&mut json);
        json
    }

    /// About how many bytes it takes, and seldom more.
    fn length(&self) -> usize {
        match self {
            Self::Text(text) => text.len() + text.len() / 16 + 2,
            Self::List(list) => list.iter().map(|value| value.length() + 1).sum::<usize>() + 2,
            Self::Object(fields) => {
                fields.iter().map(|(name, value)| name.len() + value.length() + 4).sum::<usize>() + 2
            }
            Self::Held(_) | Self::Made(_) => 16,
        }
    }

    fn write(&self, json: &mut Vec<u8>) {
        match self {
            Self::Text(text) => write_text(text, json),
            Self::List(list) => {
                json.push(b'[');
                for (n, value) in list.iter().enumerate() {
                    json.extend((n > 0).then_some(b','));
                    value.write(json);
                }
                json.push(b']');
            }
            Self::Object(fields) => {
                json.push(b'{');
                for (n, (name, value)) in fields.iter().enumerate() {
                    json.extend((n > 0).then_some(b','));
                    write_text(name, json);
                    json.push(b':');
                    value.write(json);
                }
                json.push(b'}');
            }
            Self::Held(value) => write_value(value, json),
            Self::Made(value) => write_value(value, json),
        }
    }
}

fn write_value(value: &Value, json: &mut Vec<u8>) {
    serde_json::to_writer(json, value).expect("every name in it is a text");
}

/// How much of a text is looked at in one step.
const STEP: usize = 32;

/// Copies what needs no escape in long runs: prompts are most of a request.
fn write_text(text: &str, json: &mut Vec<u8>) {
    json.push(b'"');
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let plain = rest.chunks(STEP).take_while(|step| !step.iter().fold(false, |any, &byte| any | is_escaped(byte)));
        let plain = (plain.count() * STEP).min(rest.len());
        let run = plain + rest[plain..].iter().take_while(|byte| !is_escaped(**byte)).count();
        json.extend_from_slice(&rest[..run]);
        if let Some(&byte) = rest.get(run) {
            write_escape(byte, json);
        }
        rest = rest.get(run + 1..).unwrap_or_default();
    }
    json.push(b'"');
}

fn is_escaped(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

fn write_escape(byte: u8, json: &mut Vec<u8>) {
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            let digits = b"0123456789abcdef";
            json.extend_from_slice(b"\\u00");
            json.extend([digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]);
            return;
        }
    };
    json.extend([b'\\', short]);
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
    use proptest::prelude::*;
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
        assert_eq!(serde_json::from_slice::<Value>(&json.to_vec()).unwrap(), value);
        assert_eq!(Value::from(json), value);
    }

    proptest! {
        #[test]
        fn a_text_is_read_as_it_was_given(
            text in "(\\PC{0,40}|[a-z]{30,70}|[\\x00-\\x20\"\\\\]{0,5}|\\x7f|\u{2028}){0,6}",
            list in proptest::collection::vec(".{0,9}", 0..4),
        ) {
            let json = object([("text", text.as_str().into()), (text.as_str(), list.iter().map(String::as_str).collect())]);
            prop_assume!(text != "text");
            let read: Value = serde_json::from_slice(&json.to_vec()).unwrap();
            prop_assert_eq!(read, json!({ "text": text.as_str(), text.as_str(): list }));
        }
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
