use std::fmt;
use std::sync::Arc;

use serde_json::Value;

/// Where a test looks in a request's input: `metadata.quality`, or the JSON Pointer `/metadata/quality`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Path {
    text: Arc<str>,
    segments: Vec<String>,
}

impl Path {
    /// The path that `text` spells, or why it spells none.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let segments = match text.strip_prefix('/') {
            Some(pointer) => pointer.split('/').map(unescape).collect::<Result<_, _>>()?,
            None if text.is_empty() => return Err("it is empty"),
            None if text.split('.').any(str::is_empty) => return Err("it has an empty part"),
            None => text.split('.').map(str::to_owned).collect(),
        };
        Ok(Self { text: text.into(), segments })
    }

    /// The names on the way to the value.
    pub(crate) fn segments(&self) -> &[String] {
        &self.segments
    }

    /// What is there in `input`. Plain text is looked at as `{"query": text}`.
    pub(crate) fn look<'v>(&self, input: &'v Value) -> Option<&'v Value> {
        if input.is_string() {
            return (self.segments == ["query"]).then_some(input);
        }
        self.segments.iter().try_fold(input, |value, segment| match value {
            Value::Object(fields) => fields.get(segment),
            Value::Array(items) => items.get(index(segment)?),
            _ => None,
        })
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn unescape(segment: &str) -> Result<String, &'static str> {
    let mut parts = segment.split('~');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (escaped, rest) = match part.as_bytes().first() {
            Some(b'0') => ('~', &part[1..]),
            Some(b'1') => ('/', &part[1..]),
            _ => return Err("in a JSON Pointer `~` is written `~0`, and `/` within a name `~1`"),
        };
        plain.push(escaped);
        plain.push_str(rest);
    }
    Ok(plain)
}

/// The index of an array element, spelled as a JSON Pointer does: no sign, no leading zero.
pub(crate) fn index(segment: &str) -> Option<usize> {
    let canonical = segment == "0" || !segment.starts_with(['0', '+']);
    segment.parse().ok().filter(|_| canonical)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn dotted_paths_and_pointers_find_the_same_value() {
        let input = json!({ "a": { "b": [10, { "c": "x" }] }, "d.e": 1, "~/": 2, "": 3 });
        let cases = [
            ("a.b.0", Some(json!(10))),
            ("/a/b/0", Some(json!(10))),
            ("a.b.1.c", Some(json!("x"))),
            ("/d.e", Some(json!(1))),
            ("d.e", None),
            ("/~0~1", Some(json!(2))),
            ("/", Some(json!(3))),
            ("a.b.2", None),
            ("a.b.01", None),
            ("a.b.+1", None),
            ("a.b.x", None),
            ("a.b.0.c", None),
        ];
        for (path, expected) in cases {
            assert_eq!(Path::parse(path).unwrap().look(&input), expected.as_ref(), "{path}");
        }
    }

    #[test]
    fn plain_text_is_looked_at_as_a_query() {
        let text = json!("hello");
        assert_eq!(Path::parse("query").unwrap().look(&text), Some(&text));
        assert_eq!(Path::parse("/query").unwrap().look(&text), Some(&text));
        assert_eq!(Path::parse("prompt").unwrap().look(&text), None);
        assert_eq!(Path::parse("query.x").unwrap().look(&text), None);
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in ["", ".", "a.", ".a", "a..b", "/a~", "/a~2"] {
            assert!(Path::parse(path).is_err(), "{path}");
        }
    }
}
