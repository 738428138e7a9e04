use orch_core::ErrorKind;
use serde_json::json;

use super::*;
use crate::TextMetric;

fn complaint(value: &Value) -> (String, String) {
    match ConsensusRules::from_value(value).unwrap_err().kind() {
        ErrorKind::InvalidRequest { pointer, reason } => (pointer.to_string(), reason.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn bad_entries_are_refused_where_they_stand_and_named() {
    for (rules, pointer, named) in [
        (json!({"fields": {"/a/b": "sometimes"}}), "/fields/~1a~1b", "sometimes"),
        (json!({"fields": {"/a": {"number": {"rel": -0.5}}}}), "/fields/~1a", "-0.5"),
        (json!({"fields": {"/a": {"number": {"relative": 0.5}}}}), "/fields/~1a", "relative"),
        (json!({"fields": {"/a": {"compare": "exact", "weight": 0}}}), "/fields/~1a", "weight of 0"),
        (json!({"fields": {"/a": {"compare": "exact", "heft": 2}}}), "/fields/~1a/heft", "2"),
        (json!({"fields": {"/a": {"one_of": []}}}), "/fields/~1a", "no value"),
        (json!({"fields": {"/a": {"keyed": ""}}}), "/fields/~1a", "no field"),
        (json!({"fields": {"/a": {"text": "telepathy"}}}), "/fields/~1a", "telepathy"),
        (json!({"fields": {"price": "exact"}}), "/fields/price", "`price`"),
        (json!({"fields": ["exact"]}), "/fields", "exact"),
        (json!({"nulls": "maybe"}), "/nulls", "maybe"),
        (json!({"coerce_numeric": "yes"}), "/coerce_numeric", "yes"),
        (json!({"feilds": {}}), "/feilds", "{}"),
        (json!(7), "", "7"),
    ] {
        let (at, reason) = complaint(&rules);
        assert_eq!(at, pointer, "{rules}");
        assert!(reason.contains(named), "{rules}: {reason}");
    }
    assert!(ConsensusRules::from_json("{").is_err());
}

#[test]
fn too_many_patterns_are_refused() {
    let rules = (0..=ConsensusRules::MAX_FIELDS)
        .fold(ConsensusRules::new(), |rules, n| rules.field(format!("/{n}"), Compare::Exact));
    assert!(rules.check().unwrap_err().to_string().contains("1001"));
}

#[test]
fn rules_survive_their_json() {
    let rules = ConsensusRules::new()
        .field("", Compare::Ordered)
        .field("/a", TextMetric::RougeL)
        .field("/b", FieldRule::new(Compare::Number { abs: 0.5, rel: 0.0 }).weight(3.0))
        .field("/c", Compare::OneOf(vec![json!("x"), json!(2)]))
        .field("/d/*", Compare::Keyed("/k/id".into()))
        .nulls(NullPolicy::Distinct)
        .coerce_numeric(true);
    let text = serde_json::to_string(&rules).unwrap();
    assert_eq!(ConsensusRules::from_json(&text).unwrap(), rules, "{text}");
    assert_eq!(serde_json::from_str::<ConsensusRules>(&text).unwrap(), rules);
    assert!(!rules.is_default() && ConsensusRules::from_json("{}").unwrap().is_default());
}

#[test]
fn the_more_specific_pattern_wins_and_of_the_same_one_the_later_rule() {
    let rules = ConsensusRules::new()
        .field("/*/b", Compare::Date)
        .field("/a/*", Compare::Exact)
        .field("/a/b", Compare::Set)
        .field("/a/b", Compare::Ordered);
    let found = |pointer: &str| rules.rule(pointer).map(|rule| rule.compare.clone());
    assert_eq!(found("/a/b"), Some(Compare::Ordered));
    assert_eq!(found("/a/c"), Some(Compare::Exact));
    assert_eq!(found("/x/b"), Some(Compare::Date));
    assert_eq!(found("/x/c"), None);
    assert_eq!(found("/a"), None);
    assert_eq!(found("/a/b/c"), None);
}

#[test]
fn the_compiled_table_finds_the_same_rules() {
    let rules = ConsensusRules::new()
        .field("", Compare::Set)
        .field("/*/b", Compare::Date)
        .field("/a/*", Compare::Exact)
        .field("/a/b", Compare::Ordered)
        .field("/a~1c/d~0", Compare::Ignore);
    let table = Rules::new(&rules);
    for pointer in ["", "/a", "/a/b", "/a/c", "/x/b", "/x/c", "/a/b/c", "/a~1c/d~0"] {
        let step = tokens(pointer).unwrap().iter().fold(table.root(), |step, key| table.below(&step, key));
        let expected = rules.rule(pointer).cloned().unwrap_or_default();
        assert_eq!(*table.rule(table.at(&step)), expected, "{pointer}");
    }
}

#[test]
fn rules_of_a_part_stand_below_its_place() {
    let part = ConsensusRules::new().field("/price", Compare::Exact).field("", Compare::Set);
    let whole = ConsensusRules::new().nested("/items/*", part);
    assert_eq!(whole.fields().map(|(pattern, _)| pattern).collect::<Vec<_>>(), ["/items/*", "/items/*/price"]);
}

#[test]
fn one_of_lists_no_objects_and_arrays() {
    for value in [json!({"a": 1}), json!([])] {
        let error =
            ConsensusRules::new().field("/v", Compare::OneOf(vec![json!("x"), value.clone()])).check().unwrap_err();
        let message = error.to_string();
        assert!(message.contains("~1v") && message.contains(&value.to_string()), "{message}");
    }
}
