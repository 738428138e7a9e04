//! What of a value may be shown: nothing that is, or may be, a secret.

use serde_json::Value;

use super::pointer::keys;

pub(super) const REDACTED: &str = "***";

/// What stands under these keys of a provider may be a secret, whatever it is.
const SECRET_KEYS: [&str; 4] = ["api_key", "headers", "query", "proxy"];

/// Parts of names under which people put secrets, in the wrong place too.
const SECRET_WORDS: [&str; 6] = ["apikey", "authorization", "cookie", "password", "secret", "token"];

/// The names of the two references, whose values say where a secret is.
const REFERENCES: [&str; 2] = ["env", "file"];

/// Whether a name is that of something one does not show.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name: String = name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    SECRET_WORDS.iter().any(|word| name.contains(word)) && !name.contains("tokens")
}

/// The value at `pointer` with everything left out that may be a secret.
pub(super) fn redacted(pointer: &str, value: &Value) -> Value {
    let below: Vec<String> = keys(pointer).collect();
    let of_provider = below.first().is_some_and(|section| section == "providers")
        && below.iter().skip(2).any(|key| SECRET_KEYS.contains(&key.as_str()));
    let secret = of_provider || below.last().is_some_and(|key| is_secret_name(key));
    match value {
        Value::Object(fields) => {
            let field =
                |(key, value): (&String, &Value)| (key.clone(), redacted(&super::pointer::child(pointer, key), value));
            Value::Object(fields.iter().map(field).collect())
        }
        Value::Array(_) if secret => Value::from(REDACTED),
        Value::Array(items) => Value::Array(items.iter().map(|item| redacted(pointer, item)).collect()),
        Value::String(text) if secret => match below.last().filter(|last| REFERENCES.contains(&last.as_str())) {
            Some(reference) if is_place(reference, text) => value.clone(),
            _ => Value::from(REDACTED),
        },
        Value::String(text) => {
            let is_url = below.last().is_some_and(|key| key == "base_url");
            Value::from(without_credentials(text, is_url))
        }
        _ if secret => Value::from(REDACTED),
        _ => value.clone(),
    }
}

/// Whether a text has the form of what a reference names; a key may have been given in its place.
pub(super) fn is_place(reference: &str, text: &str) -> bool {
    match reference {
        "env" => !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'),
        _ => text.contains(['/', '\\', '.']),
    }
}

/// A URL without user, password and query; any other text as it is. What should be a URL and is none shows nothing that
/// may have been meant as a password.
fn without_credentials(text: &str, is_url: bool) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some(parts) if is_url || !text.contains(char::is_whitespace) => parts,
        None if is_url && text.contains('@') => return REDACTED.to_owned(),
        _ => return text.to_owned(),
    };
    let (authority, path) = rest.find(['/', '?', '#']).map_or((rest, ""), |at| rest.split_at(at));
    let authority = match authority.rsplit_once('@') {
        Some((_, host)) => format!("{REDACTED}@{host}"),
        // A password that holds one of these signs ends only here.
        None if path.contains('@') => return format!("{scheme}://{REDACTED}"),
        None => authority.to_owned(),
    };
    let path = path.split_once(['?', '#']).map_or(path.to_owned(), |(path, _)| format!("{path}?{REDACTED}"));
    format!("{scheme}://{authority}{path}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_may_be_a_secret_is_left_out_and_its_place_is_kept() {
        for (pointer, value, shown) in [
            ("/providers/a/api_key", json!("sk-1"), json!("***")),
            ("/providers/a/api_key", json!({ "env": "KEY" }), json!({ "env": "KEY" })),
            ("/providers/a/api_key", json!({ "env": "sk-1" }), json!({ "env": "***" })),
            ("/providers/a/api_key", json!({ "file": "/run/key" }), json!({ "file": "/run/key" })),
            ("/providers/a/api_key", json!({ "file": "sk-1" }), json!({ "file": "***" })),
            ("/providers/a/api_key/key", json!(5), json!("***")),
            ("/providers/a/headers/x-beta", json!("b"), json!("***")),
            ("/providers/a/access_token", json!(["t"]), json!("***")),
            ("/providers/a/base_url", json!("https://u:p@h/v1?k=v"), json!("https://***@h/v1?***")),
            ("/providers/a/base_url", json!("https://u:p/w@h/v1"), json!("https://***")),
            ("/providers/a/base_url", json!("https://u:p?w@h/v1"), json!("https://***")),
            ("/providers/a/base_url", json!("https://u:p w@h/v1"), json!("https://***@h/v1")),
            ("/providers/a/base_url", json!("https://h/v1?k=v@w"), json!("https://***")),
            ("/providers/a/base_url", json!("u:p@h/v1"), json!("***")),
            ("/providers/a/base_url", json!("h:80/v1"), json!("h:80/v1")),
            ("/tools/a/system", json!("See https://h/a?b, or ask a@b."), json!("See https://h/a?b, or ask a@b.")),
            ("/tools/a/max_tokens", json!(7), json!(7)),
        ] {
            assert_eq!(redacted(pointer, &value), shown, "{pointer} {value}");
        }
    }
}
