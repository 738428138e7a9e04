//! Leaves of a right answer, and which of them another one hits.

use orch_evidence::normalise;
use serde_json::Value;

/// Whether it has fields or items.
pub(crate) fn structured(gold: &Value) -> bool {
    gold.is_object() || gold.is_array()
}

/// Whether the found value hits all leaves of the right one.
pub(crate) fn all_hit(gold: &Value, found: &Value) -> bool {
    hits(gold, Some(found)).into_iter().all(|(_, hit)| hit)
}

/// The JSON Pointers of all leaves of the right value, and whether the found one has the same there; an empty
/// object or array is a leaf.
pub(crate) fn hits(gold: &Value, found: Option<&Value>) -> Vec<(String, bool)> {
    let mut all = Vec::new();
    collect(gold, found, &mut String::new(), &mut all);
    all
}

fn collect(gold: &Value, found: Option<&Value>, pointer: &mut String, all: &mut Vec<(String, bool)>) {
    let mut below = |key: &str, gold: &Value, found: Option<&Value>| {
        let length = pointer.len();
        pointer.push('/');
        pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
        collect(gold, found, pointer, all);
        pointer.truncate(length);
    };
    match gold {
        Value::Object(fields) if !fields.is_empty() => {
            fields.iter().for_each(|(key, gold)| below(key, gold, found.and_then(|found| found.get(key))));
        }
        Value::Array(items) if !items.is_empty() => {
            let items = items.iter().enumerate();
            items.for_each(|(at, gold)| below(&at.to_string(), gold, found.and_then(|found| found.get(at))));
        }
        leaf => all.push((pointer.clone(), found.is_some_and(|found| same(leaf, found)))),
    }
}

/// Texts as they are compared everywhere, numbers to a millionth, all else exactly.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::String(a), Value::String(b)) => normalise(a) == normalise(b),
        (Value::Number(a), Value::Number(b)) => {
            let (x, y) = (a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN));
            a == b || (x - y).abs() <= f64::max(1e-9, 1e-6 * x.abs().max(y.abs()))
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn leaves_are_compared_one_by_one() {
        let gold = json!({"a/b": ["X", "y"], "n": 2, "none": {}});
        let found = json!({"a/b": ["x."], "n": 2.0, "none": []});
        let expected = [("/a~1b/0", true), ("/a~1b/1", false), ("/n", true), ("/none", false)];
        let found: Vec<_> = hits(&gold, Some(&found));
        assert_eq!(found, expected.map(|(at, hit)| (at.to_owned(), hit)));
    }

    #[test]
    fn nothing_hits_no_leaf() {
        assert_eq!(hits(&json!([1]), None), [("/0".to_owned(), false)]);
        assert!(all_hit(&json!(["a"]), &json!(["A"])));
    }
}
