//! Settings from environment variables: `ORCH__SECTION__KEY`.

use std::collections::BTreeMap;

use orch_planning::rule_file::{Format, Source};
use serde_json::{Map, Value};

use super::pointer::{child, dotted, keys};
use super::tree::Tree;
use super::{Finding, Origin};

/// How the names of the variables begin.
pub(super) const PREFIX: &str = "ORCH__";

/// How many keys the name of a variable may have.
const DEEPEST: usize = 32;

/// The variables that are looked at: for settings, and where a secret is one.
#[derive(Clone, Default)]
pub(super) enum Variables {
    /// None for settings; secrets from the process.
    #[default]
    SecretsOnly,
    /// The process's own.
    Process,
    /// These and no others.
    Given(BTreeMap<String, String>),
}

impl Variables {
    /// Every variable that sets something.
    fn settings(&self) -> Vec<(String, String)> {
        let all: Vec<(String, String)> = match self {
            Self::SecretsOnly => Vec::new(),
            Self::Process => {
                let all = std::env::vars_os();
                all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
            }
            Self::Given(given) => given.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        };
        all.into_iter().filter(|(name, _)| name.starts_with(PREFIX)).collect()
    }

    /// One variable.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        match self {
            Self::SecretsOnly | Self::Process => std::env::var(name).ok(),
            Self::Given(given) => given.get(name).cloned(),
        }
    }
}

/// What the variables set; their names are compared with the keys of what lies `below`.
pub(super) fn read(variables: &Variables, below: &Value, found: &mut Vec<Finding>) -> Tree {
    let mut settings = variables.settings();
    // A table before what is in it, whatever their names.
    settings.sort_by_key(|(name, _)| (depth(name), name.clone()));
    let mut tree = Tree::empty();
    for (name, text) in settings {
        let origin = Origin::Variable(name.as_str().into());
        if depth(&name) > DEEPEST {
            let reason = format!("the name has more than {DEEPEST} keys");
            found.push(Finding { origin, key: String::new(), value: None, reason });
            continue;
        }
        let Some(pointer) = pointer(&name, below) else {
            let reason = "a part of the name is empty: expected a name such as `ORCH__RELIABILITY__DEADLINE`";
            found.push(Finding { origin, key: String::new(), value: None, reason: reason.to_owned() });
            continue;
        };
        if let Origin::Variable(other) = tree.origin(&pointer)
            && depth(&other) == depth(&name)
            && tree.value.pointer(&pointer).is_some_and(|value| !value.is_object())
        {
            let reason = format!("`{other}` sets the same key: keep one of the two");
            found.push(Finding { origin, key: dotted(&pointer), value: None, reason });
            continue;
        }
        tree.lay(Tree::new(nested(&pointer, value(text)), |_| origin.clone()));
    }
    tree
}

/// How many tables deep a variable sets.
fn depth(name: &str) -> usize {
    name.matches("__").count()
}

/// A value in its tables.
fn nested(pointer: &str, value: Value) -> Value {
    keys(pointer).rev().fold(value, |inner, key| Value::Object(Map::from_iter([(key, inner)])))
}

/// The setting that a variable names: a key that is there if it differs only in case, or by `_` for any sign; else the
/// name in lower case.
fn pointer(name: &str, below: &Value) -> Option<String> {
    let mut pointer = String::new();
    for part in name.strip_prefix(PREFIX)?.split("__") {
        if part.is_empty() {
            return None;
        }
        let fields = below.pointer(&pointer).and_then(Value::as_object);
        let known = fields.and_then(|fields| fields.keys().find(|key| folded(key) == folded(part)));
        pointer = child(&pointer, known.map_or(&part.to_lowercase(), |key| key));
    }
    Some(pointer)
}

fn folded(key: &str) -> String {
    key.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}

/// A value as TOML writes it, else the text itself.
fn value(text: String) -> Value {
    match Source::new(&format!("value = {text}"), Format::Toml).value() {
        Ok(Value::Object(fields)) if fields.len() == 1 && fields.contains_key("value") => fields["value"].clone(),
        _ => Value::from(text),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(variables: &[(&str, &str)], below: &Value) -> (Value, Vec<String>) {
        let given = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut found = Vec::new();
        let tree = read(&Variables::Given(given), below, &mut found);
        (tree.value, found.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn values_are_toml_if_they_can_be_and_texts_if_not() {
        for (text, expected) in [
            ("7", json!(7)),
            ("0.5", json!(0.5)),
            ("true", json!(true)),
            ("30s", json!("30s")),
            ("gpt-5", json!("gpt-5")),
            ("\"7\"", json!("7")),
            ("[1, 2]", json!([1, 2])),
            ("{ k = 3 }", json!({ "k": 3 })),
            ("", json!("")),
            ("1\nother = 2", json!("1\nother = 2")),
        ] {
            assert_eq!(set(&[("ORCH__A__B", text)], &json!({})), (json!({ "a": { "b": expected } }), vec![]), "{text}");
        }
    }

    #[test]
    fn a_key_that_is_there_is_found_whatever_its_case_and_signs() {
        let below = json!({ "prices": { "GPT-4.1": {} } });
        let (value, _) = set(&[("ORCH__PRICES__GPT_4_1__INPUT", "2"), ("OTHER", "x"), ("ORCH_X", "y")], &below);
        assert_eq!(value, json!({ "prices": { "GPT-4.1": { "input": 2 } } }));
    }

    #[test]
    fn names_that_say_nothing_or_the_same_twice_are_found() {
        let (value, found) =
            set(&[("ORCH__A", "1"), ("ORCH__a", "2"), ("ORCH__", "3"), ("ORCH__B____C", "4")], &json!({}));
        assert_eq!(value, json!({ "a": 1 }));
        let empty = "a part of the name is empty: expected a name such as `ORCH__RELIABILITY__DEADLINE`";
        assert_eq!(found[0], format!("ORCH__: {empty}"));
        assert_eq!(found[1], "ORCH__a: a: `ORCH__A` sets the same key: keep one of the two");
        assert_eq!(found[2], format!("ORCH__B____C: {empty}"));
    }

    #[test]
    fn a_name_of_too_many_keys_is_found() {
        let name = format!("ORCH__{}", ["A"; 20_000].join("__"));
        let (value, found) = set(&[(&name, "1")], &json!({}));
        assert_eq!((value, found), (json!({}), vec![format!("{name}: the name has more than 32 keys")]));
    }

    #[test]
    fn a_table_is_set_before_what_is_in_it() {
        let (value, found) = set(&[("ORCH__T__B", "2"), ("ORCH__T", "{ a = 1, b = 1 }")], &json!({}));
        assert_eq!((value, found), (json!({ "t": { "a": 1, "b": 2 } }), vec![]));
    }
}
