use orch_core::ErrorKind;
use serde_json::{Value, json};

use super::*;
use crate::seeds::seeds;

fn refused(options: &Value) -> (String, String) {
    match BundleOptions::from_json(options).unwrap_err().kind() {
        ErrorKind::InvalidRequest { pointer, reason } => (pointer.to_string(), reason.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn values_out_of_range_are_refused_where_they_stand_and_named() {
    for (options, pointer, value) in [
        (json!({"k": 0}), "/tool_options/k", "0 replicates"),
        (json!({"k": 65}), "/tool_options/k", "65 replicates"),
        (json!({"k": -1}), "/tool_options/k", "-1"),
        (json!({"k": "three"}), "/tool_options/k", "three"),
        (json!({"epsilon": 1.5}), "/tool_options/epsilon", "1.5"),
        (json!({"max_parallel": 0}), "/tool_options/max_parallel", "0"),
        (json!({"k": 3, "seeds": [1, 2]}), "/tool_options/seeds", "2 seeds for 3"),
        (json!({"k": 3, "min_valid": 4}), "/tool_options/min_valid", "1 to 3"),
        (json!({"min_valid": 0}), "/tool_options/min_valid", "0 valid answers"),
        (json!({"weights": [1, -1]}), "/tool_options/weights/1", "-1"),
        (json!({"per_replicate_budget": {"tokens": 0}}), "/tool_options/per_replicate_budget", "0 tokens"),
        (json!({"waves": "huge"}), "/tool_options/waves", "huge"),
        (json!({"stop": "sometimes"}), "/tool_options/stop", "sometimes"),
        (json!([3]), "/tool_options", "[3]"),
        (json!("k=3"), "/tool_options", "k=3"),
    ] {
        let (at, reason) = refused(&options);
        assert_eq!(at, pointer, "{options}");
        assert!(reason.contains(value), "{options}: {reason}");
    }
}

#[test]
fn an_unknown_field_is_refused_by_its_name() {
    let (at, reason) = refused(&json!({"epsilom": 0.2}));
    assert_eq!(at, "/tool_options/epsilom");
    assert!(reason.contains("epsilom"), "{reason}");
}

#[test]
fn an_epsilon_that_is_no_number_is_refused() {
    let error = BundleOptions::new().epsilon(f64::NAN).check().unwrap_err();
    assert!(error.to_string().contains("`/epsilon`") && error.to_string().contains("NaN"), "{error}");
}

#[test]
fn the_ends_of_the_ranges_are_inside() {
    for options in [json!({"k": 1, "epsilon": 0.0}), json!({"k": 64, "epsilon": 1}), json!({}), Value::Null] {
        assert!(BundleOptions::from_json(&options).is_ok(), "{options}");
    }
}

#[test]
fn a_request_wins_over_the_layer_field_by_field() {
    let layer = BundleOptions::new().k(5).epsilon(0.1).seeds([1, 2, 3, 4, 5]);
    let merged = BundleOptions::new().k(2).seed(9).over(&layer);
    assert_eq!(merged, BundleOptions::new().k(2).epsilon(0.1).seed(9));
    assert_eq!(merged.all_seeds(None), seeds(9, 2));
}

#[test]
fn seeds_follow_the_list_then_the_base_then_the_call() {
    assert_eq!(BundleOptions::new().seeds([7, 8, 9]).all_seeds(Some(1)), [7, 8, 9]);
    assert_eq!(BundleOptions::new().seed(4).all_seeds(Some(1)), seeds(4, 3));
    assert_eq!(BundleOptions::new().all_seeds(Some(1)), seeds(1, 3));
    assert_eq!(BundleOptions::new().all_seeds(None), seeds(0, 3));
}
