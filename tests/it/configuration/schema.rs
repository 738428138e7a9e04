//! The published schema of a configuration: it is that of the types, takes what works and refuses wrong shapes.

use orch_facade::config::schema;
use orch_planning::rule_file::{Format, Source};
use serde_json::Value;

use super::{SEEDS, bad, whole};

const PUBLISHED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.schema.json");

fn published() -> Value {
    serde_json::from_str(&std::fs::read_to_string(PUBLISHED).unwrap_or_default()).unwrap_or_default()
}

fn value(text: &str) -> Value {
    Source::new(text, Format::Toml).value().unwrap()
}

/// After a change of the types: `ORCH_WRITE_SCHEMA=1 cargo test -p orch-tests --test it the_published_schema_of_a_configuration`.
#[test]
fn the_published_schema_of_a_configuration_is_that_of_the_types() {
    let schema = schema();
    if std::env::var_os("ORCH_WRITE_SCHEMA").is_some() {
        std::fs::write(PUBLISHED, format!("{}\n", serde_json::to_string_pretty(&schema).unwrap())).unwrap();
    }
    assert!(published() == schema, "docs/configuration.schema.json is old: run this test with ORCH_WRITE_SCHEMA=1");
}

#[test]
fn the_schema_takes_what_works() {
    let validator = jsonschema::validator_for(&published()).unwrap();
    for text in [SEEDS, &whole("http://127.0.0.1:1"), "", &super::documented()] {
        let wrong: Vec<String> =
            validator.iter_errors(&value(text)).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(wrong.is_empty(), "{text}\n{wrong:?}");
    }
}

#[test]
fn the_schema_refuses_unknown_keys_wrong_types_and_wrong_words() {
    let validator = jsonschema::validator_for(&published()).unwrap();
    let shapes = [
        "unknown key",
        "unknown word",
        "is missing",
        "expected a whole number",
        "expected a table",
        "expected true or false",
        "a secret does not stand",
        "expected one reference",
        "expected seconds",
    ];
    // Of findings about the shape of a text alone, and not about what is around it.
    let of_shape = |findings: &str| {
        findings.lines().all(|line| line.starts_with("line ") && shapes.iter().any(|shape| line.contains(shape)))
            && !findings.contains("headers")
            && !findings.contains("document")
            && !findings.contains("rule")
    };
    let bad: Vec<_> = bad::BAD.iter().filter(|(_, _, findings)| of_shape(findings)).collect();
    assert!(bad.len() >= 20, "{}", bad.len());
    for (text, _, findings) in bad {
        assert!(!validator.is_valid(&value(text)), "the schema takes what is refused as {findings}\n{text}");
    }
}
