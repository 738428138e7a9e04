use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::tree::Tree;
use super::*;

fn metrics() -> [&'static dyn Distance; 3] {
    [&Exact, &TokenLevenshtein, &TokenJaccard]
}

fn between(metric: &dyn Distance, a: &str, b: &str) -> f64 {
    metric.distance(&metric.prepare(a), &metric.prepare(b))
}

fn json_distance(a: &Value, b: &Value) -> f64 {
    Tree::new(a, &TokenLevenshtein).distance(&Tree::new(b, &TokenLevenshtein), &TokenLevenshtein)
}

/// The textbook table, over words.
fn naive_levenshtein(a: &[&str], b: &[&str]) -> usize {
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in table.iter_mut().enumerate() {
        row[0] = i;
    }
    table[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let exchange = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            table[i][j] = exchange.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
        }
    }
    table[a.len()][b.len()]
}

#[test]
fn empty_against_empty_is_zero_and_against_anything_is_one() {
    for metric in metrics() {
        assert_eq!(between(metric, "", " "), 0.0, "{}", metric.name());
        assert_eq!(between(metric, "", "word"), 1.0, "{}", metric.name());
    }
}

#[test]
fn the_order_of_words_matters_to_levenshtein_alone() {
    let (a, b) = ("dog bites man", "man bites dog");
    assert_eq!(between(&TokenLevenshtein, a, b), 2.0 / 3.0);
    assert_eq!(between(&TokenJaccard, a, b), 0.0);
}

#[test]
fn one_of_five_words_is_a_fifth() {
    assert_eq!(between(&TokenLevenshtein, "the capital is Rome today", "The capital is Paris today."), 0.2);
}

#[test]
fn json_is_compared_leaf_by_leaf() {
    let a = json!({"name": "Ada", "born": 1815, "tags": ["x", "y"]});
    let b = json!({"name": "ada.", "born": 1815, "tags": ["x", "z"]});
    assert_eq!(json_distance(&a, &b), 0.25);
}

#[test]
fn absent_fields_disagree_with_all_their_leaves_and_null_with_half_a_leaf() {
    assert_eq!(json_distance(&json!({"a": 1, "b": {"c": 1, "d": 2}}), &json!({"a": 1})), 2.0 / 3.0);
    assert_eq!(json_distance(&json!({"a": 1, "b": null}), &json!({"a": 1})), 0.25);
    assert_eq!(json_distance(&json!({"a": 1, "b": null}), &json!({"a": 1, "b": 2})), 0.5);
}

#[test]
fn a_clash_of_types_disagrees_with_the_larger_side() {
    assert_eq!(json_distance(&json!({"a": 1, "b": [1, 2, 3]}), &json!({"a": 1, "b": 7})), 0.75);
    assert_eq!(json_distance(&json!({"a": "1"}), &json!({"a": 1})), 1.0);
}

#[test]
fn empty_containers_count_as_a_leaf() {
    assert_eq!(json_distance(&json!({}), &json!({})), 0.0);
    assert_eq!(json_distance(&json!([]), &json!({})), 1.0);
    assert_eq!(json_distance(&json!({"a": [], "b": "x"}), &json!({"a": [], "b": "y"})), 0.5);
}

#[test]
fn floats_have_a_tolerance_and_integers_have_none() {
    assert_eq!(json_distance(&json!(1.0), &json!(1.000_000_5)), 0.0);
    assert_eq!(json_distance(&json!(18), &json!(18.0)), 0.0);
    assert_eq!(json_distance(&json!(0.0), &json!(1e-10)), 0.0);
    assert!(json_distance(&json!(1_000_000), &json!(1_000_001)) > 0.0);
    assert!(json_distance(&json!(9_007_199_254_740_993_u64), &json!(9_007_199_254_740_992_u64)) > 0.0);
    assert_eq!(json_distance(&json!(50), &json!(100)), 0.5);
    assert_eq!(json_distance(&json!(-1), &json!(1)), 1.0);
}

#[test]
fn a_distance_that_is_none_counts_as_the_nearer_end() {
    struct Broken(f64);
    impl Distance for Broken {
        fn name(&self) -> &'static str {
            "broken"
        }
        fn distance(&self, _: &Prepared, _: &Prepared) -> f64 {
            self.0
        }
    }
    for (wrong, right) in [(f64::NAN, 1.0), (7.0, 1.0), (-1.0, 0.0)] {
        let metric = Checked::new(Arc::new(Broken(wrong)));
        let tree = Tree::new(&json!("text"), &metric);
        assert!(!metric.strayed());
        assert_eq!(tree.distance(&tree, &metric), right);
        assert!(metric.strayed());
    }
}

fn words() -> impl Strategy<Value = String> {
    prop::collection::vec("[abc]{1,2}", 0..9).prop_map(|words| words.join(" "))
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..3).prop_map(Value::from),
        (-2.0..2.0).prop_map(Value::from),
        "[ab ]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[abc]", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_metric_is_symmetric_bounded_and_zero_on_itself(a in words(), b in words()) {
        for metric in metrics() {
            let distance = between(metric, &a, &b);
            prop_assert_eq!(distance.to_bits(), between(metric, &b, &a).to_bits());
            prop_assert!((0.0..=1.0).contains(&distance));
            prop_assert_eq!(between(metric, &a, &a), 0.0);
        }
    }

    #[test]
    fn token_levenshtein_is_the_textbook_distance_over_words(a in words(), b in words()) {
        let (x, y): (Vec<_>, Vec<_>) = (a.split_whitespace().collect(), b.split_whitespace().collect());
        let longer = x.len().max(y.len());
        let expected = if longer == 0 { 0.0 } else { naive_levenshtein(&x, &y) as f64 / longer as f64 };
        prop_assert_eq!(between(&TokenLevenshtein, &a, &b), expected);
    }

    #[test]
    fn bounded_is_the_distance_or_nothing(a in words(), b in words(), cutoff in 0.0..1.0_f64) {
        for metric in metrics() {
            let (a, b) = (metric.prepare(&a), metric.prepare(&b));
            let distance = metric.distance(&a, &b);
            let expected = (distance <= cutoff).then_some(distance);
            prop_assert_eq!(metric.bounded(&a, &b, cutoff), expected);
            prop_assert_eq!(metric.bounded(&a, &b, distance), Some(distance));
        }
    }

    #[test]
    fn json_distance_is_symmetric_bounded_and_zero_on_itself(a in any_json(), b in any_json()) {
        let distance = json_distance(&a, &b);
        prop_assert_eq!(distance.to_bits(), json_distance(&b, &a).to_bits());
        prop_assert!((0.0..=1.0).contains(&distance));
        prop_assert_eq!(json_distance(&a, &a), 0.0);
    }
}
