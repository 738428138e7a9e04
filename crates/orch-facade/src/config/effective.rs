use std::fmt;

use serde_json::Value;

use super::Origin;
use super::pointer::{child, dotted};
use super::shown::redacted;
use super::tree::Tree;

/// One setting as it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Setting {
    /// Its path of keys: `reliability.retry.max_attempts`.
    pub key: String,
    /// Its value as TOML writes it; `"***"` where it may be a secret.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}

/// Every setting as it holds, with its origin; see [`Config::effective`](super::Config::effective).
///
/// Its `Display` is TOML, one setting a line with its origin as comment. Secrets are shown as the references that they
/// are written as, never as what they are; texts that may be secrets (headers, URL queries, proxies, passwords in URLs)
/// as `***`. Without any of those, what it shows is a configuration of the same client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective(Vec<Setting>);

impl Effective {
    /// The settings in `value`, which is complete; those that are in `tree` came from there.
    pub(super) fn new(value: &Value, tree: &Tree) -> Self {
        let mut settings = Vec::new();
        collect(value, "", tree, &mut settings);
        Self(settings)
    }

    /// Each setting, in the order of the keys.
    pub fn iter(&self) -> std::slice::Iter<'_, Setting> {
        self.0.iter()
    }

    /// The setting with this path of keys, if there is one.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Setting> {
        self.0.iter().find(|setting| setting.key == key)
    }
}

impl<'e> IntoIterator for &'e Effective {
    type Item = &'e Setting;
    type IntoIter = std::slice::Iter<'e, Setting>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Setting { key, value, origin } in &self.0 {
            writeln!(f, "{key} = {value}  # {origin}")?;
        }
        Ok(())
    }
}

/// The leaves of a table: what is no table, or an empty one that somebody has written.
fn collect(value: &Value, at: &str, tree: &Tree, settings: &mut Vec<Setting>) {
    match value {
        Value::Null => {}
        Value::Object(fields) if !fields.is_empty() => {
            fields.iter().for_each(|(key, value)| collect(value, &child(at, key), tree, settings));
        }
        Value::Object(_) if !tree.is_written(at) || at.is_empty() => {}
        value => {
            let value = toml(&redacted(at, value));
            settings.push(Setting { key: dotted(at), value, origin: tree.origin(at) });
        }
    }
}

/// A value in one line of TOML. What is `null` in a list or table is left out: TOML has no word for it.
fn toml(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().filter(|item| !item.is_null()).map(toml).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            let fields: Vec<String> =
                fields.map(|(key, value)| format!("{} = {}", dotted(&child("", key)), toml(value))).collect();
            if fields.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", fields.join(", ")) }
        }
        // JSON escapes all that TOML does, but for one control character.
        Value::String(_) => value.to_string().replace('\u{7f}', "\\u007f"),
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use orch_planning::rule_file::{Format, Source};
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_shown_is_toml_of_the_same_value() {
        let value = json!({
            "a": { "b": 1, "c": -0.5, "d": 1e300, "e": "tab\t \"quoted\" \u{7f} \\ ü\n", "gpt-4.1/x": true },
            "list": [{ "k": [1, 2], "empty": {} }, "x", []],
            "none": null,
            "unset": {},
        });
        let tree = Tree::new(json!({ "a": { "b": 1 } }), |_| Origin::Code);
        let shown = Effective::new(&value, &tree).to_string();
        let read = Source::new(&shown, Format::Toml).value().unwrap();
        let mut expected = value.clone();
        for key in ["none", "unset"] {
            expected.as_object_mut().unwrap().remove(key);
        }
        assert_eq!(read, expected, "{shown}");
        assert!(shown.starts_with("a.b = 1  # code\na.c = -0.5  # default\n"), "{shown}");
    }
}
