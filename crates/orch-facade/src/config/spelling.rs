//! The names that settings have elsewhere, in the units that they have there.

use serde_json::Value;

use super::Finding;
use super::pointer::{child, parent};
use super::tree::Tree;

/// Another name of a setting.
struct Spelling {
    /// The table: `*` stands for any key.
    table: &'static str,
    other: &'static str,
    /// The setting itself, from the same table.
    name: &'static str,
    /// Whether the other name counts in milliseconds.
    millis: bool,
}

const fn same(table: &'static str, other: &'static str, name: &'static str) -> Spelling {
    Spelling { table, other, name, millis: false }
}

const fn millis(table: &'static str, other: &'static str, name: &'static str) -> Spelling {
    Spelling { table, other, name, millis: true }
}

const SPELLINGS: [Spelling; 11] = [
    same("/reliability", "retry_policy", "/retry"),
    same("/reliability", "circuit_breaker_configs", "/circuit_breakers"),
    same("/reliability", "idempotency_enabled", "/idempotency/enabled"),
    millis("/reliability", "idempotency_ttl_ms", "/idempotency/ttl"),
    same("/reliability", "conflict_detection", "/idempotency/conflict_detection"),
    same("/reliability/idempotency", "idempotency_enabled", "/enabled"),
    millis("/reliability/idempotency", "idempotency_ttl_ms", "/ttl"),
    same("/reliability/circuit_breaker", "timeout", "/cooldown"),
    same("/reliability/circuit_breaker", "window_size", "/window"),
    same("/reliability/circuit_breakers/*", "timeout", "/cooldown"),
    same("/reliability/circuit_breakers/*", "window_size", "/window"),
];

/// Gives every setting of one source its own name, so that sources can be laid over one another. What has both names in
/// one source is found, and keeps the one.
pub(super) fn settle(tree: &mut Tree, found: &mut Vec<Finding>) {
    for spelling in &SPELLINGS {
        for table in tables(&tree.value, spelling.table) {
            let (other, name) = (child(&table, spelling.other), format!("{table}{}", spelling.name));
            let Some(value) = tree.value.pointer(&other) else { continue };
            if tree.value.pointer(&name).is_some() {
                let (both, one) = (tree.finding(&other, ""), tree.finding(&name, ""));
                let reason = format!("another spelling of `{}` ({}): give one of the two", one.key, one.origin);
                found.push(Finding { reason, ..both });
                tree.remove(&other);
            } else if parent(&name).and_then(|table| tree.value.pointer(table)).is_some_and(|table| !table.is_object())
            {
                // What is no table is found by its type.
            } else if !spelling.millis {
                tree.rename(&other, &name, |value| value);
            } else if let Some(millis) = value.as_u64() {
                // Anything else keeps its name, under which its type refuses it.
                tree.rename(&other, &name, |_| Value::from(format!("{millis}ms")));
            }
        }
    }
}

/// The tables of a pattern that there are.
fn tables(value: &Value, pattern: &str) -> Vec<String> {
    let Some(outer) = pattern.strip_suffix("/*") else { return vec![pattern.to_owned()] };
    let inner = value.pointer(outer).and_then(Value::as_object);
    inner.map(|tables| tables.keys().map(|key| child(outer, key)).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use orch_reliability::ReliabilityConfig;
    use serde_json::json;

    use super::*;
    use crate::config::Origin;

    /// A table with one value under every spelling.
    fn spelt(spelling: &Spelling, name: &str) -> Value {
        let value = if spelling.millis && name == spelling.name { json!("7000ms") } else { sample(spelling) };
        let pointer = format!("{}/{}", spelling.table.replace('*', "x"), name.trim_start_matches('/'));
        let mut tree = Tree::new(json!({ "value": value }), |_| Origin::Code);
        tree.rename("/value", &pointer, |value| value);
        tree.value["reliability"].take()
    }

    fn sample(spelling: &Spelling) -> Value {
        match spelling.other {
            "retry_policy" => json!({ "max_attempts": 7 }),
            "circuit_breaker_configs" => json!({ "x": { "probes": 7 } }),
            "idempotency_enabled" | "conflict_detection" => json!(false),
            "idempotency_ttl_ms" => json!(7_000),
            _ => json!(7),
        }
    }

    #[test]
    fn every_spelling_is_one_that_the_type_itself_reads_to_the_same_effect() {
        for spelling in &SPELLINGS {
            let read = |name| serde_json::from_value::<ReliabilityConfig>(spelt(spelling, name));
            let (other, own) = (read(spelling.other).unwrap(), read(spelling.name).unwrap());
            assert!(other == own && other != ReliabilityConfig::default(), "{}", spelling.other);
        }
    }

    #[test]
    fn both_spellings_of_one_setting_are_found_in_one_source() {
        for spelling in &SPELLINGS {
            let mut value = json!({ "reliability": spelt(spelling, spelling.name) });
            let mut tree = Tree::new(std::mem::take(&mut value), |_| Origin::Code);
            let other = json!({ "reliability": spelt(spelling, spelling.other) });
            tree.lay(Tree::new(other, |_| Origin::Code));
            let mut found = Vec::new();
            settle(&mut tree, &mut found);
            let text = found.iter().map(ToString::to_string).collect::<String>();
            assert!(found.len() == 1 && text.contains(spelling.other), "{text}");
            let own = spelling.name.rsplit('/').next().unwrap();
            assert!(text.contains(own) && text.ends_with("give one of the two"), "{text}");
        }
    }
}
