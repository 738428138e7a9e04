//! The published schema of a bundle is that of the types, and says neither too much nor too little of real bundles.

#![allow(clippy::unwrap_used, reason = "a test")]

use orch_core::{Counted, Error, Output, Usage, Usd};
use orch_evidence::stopping::Never;
use orch_evidence::{Bundle, BundleContent, BundleLimits, BundleOptions, Bundler, Diversity, Waves};
use serde_json::{Value, json};

const PUBLISHED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/bundle.schema.json");

fn bundle(options: &BundleOptions, outcome: impl Fn(u32) -> Result<Output, Error>) -> Bundle {
    let used = || {
        let cost = Counted::lower_bound(Usd::from_nanos(5));
        Usage::new().input(Counted::reported(7)).output(Counted::estimated(9)).cost(cost)
    };
    let bundler = Bundler::new(options).unwrap().with_task("ask").with_stop(Never);
    bundler.replay(|index| outcome(index).map(|output| output.with_usage(used()))).unwrap()
}

/// Bundles of all kinds, as JSON.
fn real() -> Vec<Value> {
    let text = |index: u32| match index {
        2 => Err(Error::tool_execution("broken pipe")),
        3 => Err(Error::bad_output("/x", "not a number").with_output(Output::from("?"))),
        n => Ok(Output::from(if n % 2 == 0 { "Rome" } else { "Oslo" }).with_model("m-1")),
    };
    let record = |index: u32| {
        let name = if index == 2 { json!(null) } else { json!("anna") };
        Ok(Output::from(json!({ "name": name, "n": index, "items": vec![index; index as usize], "a/b": { "~": 1 } })))
    };
    let mixed = |index: u32| Ok(Output::from(if index == 1 { json!([1]) } else { json!(7) }));
    let plain = BundleOptions::new;
    let temperatures = Diversity::Temperature(vec![0.0, 1.0]);
    let models = Diversity::Models(vec!["a".to_owned()]);
    let small = BundleLimits::new().max_diffs(1).max_fields(1).max_bytes(10_000);
    let bundles = [
        bundle(&plain().k(1), |_| Ok(Output::from("one"))),
        bundle(&plain().k(5).schema_uri("urn:answer"), text),
        bundle(&plain().k(4).waves(Waves::All).diversity(temperatures).min_valid(4), record),
        bundle(&plain().k(3).limits(small).diversity(models), record),
        bundle(&plain().k(3), mixed),
    ];
    bundles.map(|bundle| serde_json::to_value(BundleContent::new(bundle)).unwrap()).into()
}

fn published() -> Value {
    serde_json::from_str(&std::fs::read_to_string(PUBLISHED).unwrap()).unwrap()
}

/// After a change of the types: `ORCH_WRITE_SCHEMA=1 cargo test -p orch-evidence --test bundle_schema`.
#[test]
fn the_published_schema_is_that_of_the_types() {
    let schema = BundleContent::json_schema();
    if std::env::var_os("ORCH_WRITE_SCHEMA").is_some() {
        let text = serde_json::to_string_pretty(&schema).unwrap();
        std::fs::write(PUBLISHED, text + "\n").unwrap();
    }
    assert!(published() == schema, "docs/bundle.schema.json is old: run this test with ORCH_WRITE_SCHEMA=1");
}

#[test]
fn real_bundles_fit_and_are_read_back_as_they_were() {
    let validator = jsonschema::validator_for(&published()).unwrap();
    for content in real() {
        let faults: Vec<_> = validator.iter_errors(&content).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{faults:?}");
        let back: BundleContent = serde_json::from_value(content.clone()).unwrap();
        assert_eq!(serde_json::to_value(back).unwrap(), content);
    }
}

/// The place in the schema that a field of an object is described at, references followed.
fn property<'a>(root: &'a Value, schema: &'a Value, key: &str) -> Option<&'a Value> {
    let branches = ["anyOf", "oneOf"].into_iter().filter_map(|name| schema[name].as_array()).flatten();
    let referred = schema["$ref"].as_str().and_then(|to| root.pointer(to.trim_start_matches('#')));
    if let Some(found) = schema["properties"].get(key) {
        return Some(found);
    }
    referred.into_iter().chain(branches).find_map(|next| property(root, next, key)).or_else(|| {
        let others = &schema["additionalProperties"];
        others.is_object().then_some(others)
    })
}

/// The schema of an array's items, references followed.
fn items<'a>(root: &'a Value, schema: &'a Value) -> Option<&'a Value> {
    let referred = schema["$ref"].as_str().and_then(|to| root.pointer(to.trim_start_matches('#')));
    schema.get("items").or_else(|| items(root, referred?))
}

/// Values that may be any JSON: below them nothing is described.
fn is_open(key: &str) -> bool {
    ["output", "consensus", "value", "metadata"].contains(&key)
}

fn undescribed(root: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let here = format!("{at}/{key}");
                match property(root, schema, key) {
                    None => found.push(here),
                    Some(_) if is_open(key) => {}
                    Some(schema) => undescribed(root, schema, value, &here, found),
                }
            }
        }
        Value::Array(all) => {
            for value in all {
                undescribed(root, items(root, schema).unwrap_or(&Value::Null), value, at, found);
            }
        }
        _ => {}
    }
}

#[test]
fn every_field_of_a_real_bundle_is_described() {
    let schema = published();
    let mut found = Vec::new();
    for content in real() {
        undescribed(&schema, &schema, &content, "", &mut found);
    }
    assert_eq!(found, [] as [&str; 0]);
}

#[test]
fn what_lacks_a_field_or_has_one_of_another_type_does_not_fit() {
    let validator = jsonschema::validator_for(&published()).unwrap();
    let good = real().remove(1);
    let objects = ["", "/meta", "/summary", "/summary/statistics", "/stop", "/replicates/0", "/summary/clusters/0"];
    let mut refused = 0;
    for object in objects {
        let pointer = format!("/evidence_bundle{object}");
        for key in good.pointer(&pointer).unwrap().as_object().unwrap().keys() {
            let mut wrong = good.clone();
            wrong.pointer_mut(&pointer).unwrap().as_object_mut().unwrap().remove(key);
            assert!(!validator.is_valid(&wrong), "without {pointer}/{key}");
            refused += 1;
            if !is_open(key) {
                let mut wrong = good.clone();
                wrong.pointer_mut(&pointer).unwrap()[key] = json!([[{}]]);
                assert!(!validator.is_valid(&wrong), "{pointer}/{key} of another type");
            }
        }
    }
    assert!(refused > 50);
}
