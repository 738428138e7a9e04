//! From a table to its types, with everything that is wrong.

use orch_core::{ErrorKind, did_you_mean, from_json};
use serde_json::Value;

use super::Finding;
use super::pointer::{child, keys, parent, take};
use super::sections::Sections;
use super::tree::Tree;

/// How many things that are wrong are looked for at most.
const MOST: usize = 1_000;

const UNKNOWN_KEY: &str = "unknown key";
const MISSING_KEY: &str = "the key ";

/// The sections of a table, and the pointers of what was left out: what is wrong is found and left out, and the rest is
/// read again, so that everything is found.
pub(super) fn sections(tree: &Tree, found: &mut Vec<Finding>) -> (Sections, Vec<String>) {
    let (mut value, mut left_out) = (tree.value.clone(), Vec::new());
    for _ in 0..MOST {
        let (pointer, reason) = match from_json::<Sections>(&value) {
            Ok(sections) => return (sections, left_out),
            Err(error) => match error.kind() {
                ErrorKind::BadOutput { pointer, reason } => blame(&value, pointer, reason),
                _ => (String::new(), error.to_string()),
            },
        };
        let mut finding = tree.finding(&pointer, reason);
        if finding.reason.starts_with(UNKNOWN_KEY) {
            // Whatever it is, a secret under a wrong name it may be.
            finding.value = None;
        }
        let known = found.contains(&finding);
        // A key that is missing because its value was wrong is not missing.
        let follows = finding.reason.starts_with(MISSING_KEY)
            && left_out.iter().any(|other: &String| parent(other) == Some(&pointer));
        if !known && !follows {
            found.push(finding);
        }
        // What is not there any more, or is in a list, cannot be left out: then it is what is around it that does not work.
        let mut at = if known { parent(&pointer) } else { Some(pointer.as_str()) };
        while let Some(pointer) = at.filter(|pointer| take(&mut value, pointer).is_none()) {
            at = parent(pointer);
        }
        match at {
            Some(pointer) => left_out.push(pointer.to_owned()),
            None => break,
        }
    }
    (Sections::default(), left_out)
}

/// The value that a complaint is about, and the complaint in words for those who write TOML.
fn blame(value: &Value, pointer: &str, reason: &str) -> (String, String) {
    for (kind, what) in [("field", UNKNOWN_KEY), ("variant", "unknown word")] {
        let Some(rest) = reason.strip_prefix(&format!("unknown {kind} `")) else { continue };
        let (unknown, known) = rest.split_once("`, ").unwrap_or((rest, ""));
        let place = if kind == "field" { below(pointer, unknown) } else { pointer.to_owned() };
        return (place, format!("{what}{}", meant(unknown, known.split('`').skip(1).step_by(2))));
    }
    if let Some(field) = reason.strip_prefix("missing field ") {
        return (pointer.to_owned(), format!("{MISSING_KEY}{field} is missing"));
    }
    if let Some((_, expected)) = mismatch(reason) {
        return (pointer.to_owned(), format!("expected {expected}"));
    }
    if let Some((field, wrong, rest)) = setting(reason) {
        let place = below(pointer, field);
        // The value of a table says which of its keys is meant.
        let inner = child(&place, wrong.split(':').next().unwrap_or_default());
        return (if value.pointer(&inner).is_some() { inner } else { place }, rest.to_owned());
    }
    if let Some((at, rest)) = reason.strip_prefix("invalid request at `").and_then(|rest| rest.split_once("`: ")) {
        return (inside(value, pointer, at), rest.to_owned());
    }
    (pointer.to_owned(), reason.to_owned())
}

/// The pointer of a field, which a path of keys may name already.
fn below(pointer: &str, field: &str) -> String {
    if keys(pointer).next_back().as_deref() == Some(field) { pointer.to_owned() } else { child(pointer, field) }
}

/// The field, the value and the reason of a `ConfigError`: `` `field` cannot be value: reason``.
fn setting(reason: &str) -> Option<(&str, &str, &str)> {
    let (field, rest) = reason.strip_prefix('`')?.split_once("` cannot be ")?;
    let (value, reason) = rest.split_once(": ")?;
    // Of a table the value is a key with its value: `timeout: 0`.
    let reason =
        reason.split_once(": ").filter(|(start, _)| start.parse::<f64>().is_ok()).map_or(reason, |(_, rest)| rest);
    Some((field, value, reason))
}

/// Where a type that points at its fields means: below the value, or at the field of the last name.
fn inside(value: &Value, pointer: &str, at: &str) -> String {
    let whole = format!("{pointer}{at}");
    if value.pointer(&whole).is_some() {
        return whole;
    }
    keys(at).next_back().map_or_else(|| pointer.to_owned(), |last| child(pointer, &last))
}

/// What was found and what was expected, of a complaint about a type.
fn mismatch(reason: &str) -> Option<(&str, &str)> {
    let rest =
        ["invalid type: ", "invalid value: ", "invalid length "].iter().find_map(|start| reason.strip_prefix(start))?;
    let (seen, expected) = rest.rsplit_once(", expected ")?;
    Some((
        seen,
        match expected {
            "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, not negative",
            "i8" | "i16" | "i32" | "i64" => "a whole number",
            "f32" | "f64" => "a number",
            "a boolean" => "true or false",
            "a string" | "path string" => "a text",
            "a sequence" => "a list",
            "a map" => "a table",
            expected if expected.starts_with("struct ") => "a table",
            expected => expected,
        },
    ))
}

/// The end of a complaint about a name that does not exist.
pub(super) fn meant<'k>(unknown: &str, known: impl Iterator<Item = &'k str> + Clone) -> String {
    if let Some(near) = did_you_mean(unknown, known.clone()) {
        return format!(", did you mean `{near}`?");
    }
    let known = known.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if known.is_empty() { ", there are none".to_owned() } else { format!(", known are {known}") }
}
