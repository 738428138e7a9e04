//! JSON Pointers, and how they are shown to those who write TOML.

use serde_json::Value;

/// The pointer of a value in the table at `at`.
pub(super) fn child(at: &str, key: &str) -> String {
    format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// The pointer of the table around.
pub(super) fn parent(pointer: &str) -> Option<&str> {
    pointer.rsplit_once('/').map(|(parent, _)| parent)
}

/// The keys on the way, outermost first.
pub(super) fn keys(pointer: &str) -> impl DoubleEndedIterator<Item = String> {
    pointer.split('/').skip(1).map(|key| key.replace("~1", "/").replace("~0", "~")).collect::<Vec<_>>().into_iter()
}

/// `/rules/0/on` as `rules[0].on`.
pub(super) fn dotted(pointer: &str) -> String {
    let mut path = String::new();
    for key in keys(pointer) {
        if !path.is_empty() && !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit()) {
            path.push_str(&format!("[{key}]"));
            continue;
        }
        if !path.is_empty() {
            path.push('.');
        }
        let bare =
            !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        path.push_str(&if bare { key } else { Value::from(key).to_string() });
    }
    path
}

/// Takes a value out of the table that it is in. None is taken out of a list: its neighbours would have other pointers.
pub(super) fn take(value: &mut Value, pointer: &str) -> Option<Value> {
    let key = keys(pointer).next_back()?;
    value.pointer_mut(parent(pointer)?)?.as_object_mut()?.remove(&key)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pointer_is_shown_as_toml_writes_it() {
        for (pointer, path) in [
            ("", ""),
            ("/reliability/retry", "reliability.retry"),
            ("/rules/0/when/1/op", "rules[0].when[1].op"),
            ("/prices/gpt-4.1/input", "prices.\"gpt-4.1\".input"),
            ("/tools/a~1b/model", "tools.\"a/b\".model"),
        ] {
            assert_eq!(dotted(pointer), path);
        }
    }

    #[test]
    fn what_is_taken_is_gone() {
        let mut value = json!({ "a": { "b/c": 1 }, "d": [1, 2] });
        assert_eq!(take(&mut value, "/a/b~1c"), Some(json!(1)));
        assert_eq!(["/d/0", "/x/y", ""].map(|pointer| take(&mut value, pointer)), [None, None, None]);
        assert_eq!(value, json!({ "a": {}, "d": [1, 2] }));
    }
}
