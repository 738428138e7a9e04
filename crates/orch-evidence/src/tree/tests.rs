use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::compare::Mass;
use super::*;
use crate::notes::Note;
use crate::rules::{FieldRule, NullPolicy};
use crate::{TextMetric, TokenLevenshtein};

fn comparer(rules: &ConsensusRules) -> Comparer {
    rules.check().unwrap();
    Comparer::new(Arc::new(TokenLevenshtein), rules)
}

fn by_rules(rules: &ConsensusRules, a: &Value, b: &Value) -> f64 {
    let comparer = comparer(rules);
    comparer.distance(&Tree::new(a, &comparer), &Tree::new(b, &comparer))
}

fn json_distance(a: &Value, b: &Value) -> f64 {
    by_rules(&ConsensusRules::new(), a, b)
}

fn rule(pattern: &str, rule: impl Into<FieldRule>) -> ConsensusRules {
    ConsensusRules::new().field(pattern, rule)
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
fn a_number_rule_sets_the_tolerance() {
    let (a, b) = (json!({"price": 100}), json!({"price": 101}));
    assert_eq!(by_rules(&rule("/price", Compare::Number { abs: 1.0, rel: 0.0 }), &a, &b), 0.0);
    assert_eq!(by_rules(&rule("/price", Compare::Number { abs: 0.0, rel: 0.01 }), &a, &b), 0.0);
    assert_eq!(by_rules(&rule("/price", Compare::Number { abs: 0.5, rel: 0.0 }), &a, &b), 1.0 / 101.0);
}

#[test]
fn a_text_rule_sets_the_metric_of_one_field() {
    let (a, b) = (json!({"t": "dog bites man", "u": "x"}), json!({"t": "man bites dog", "u": "x"}));
    assert_eq!(by_rules(&rule("/t", TextMetric::TokenJaccard), &a, &b), 0.0);
    assert_eq!(by_rules(&rule("/u", TextMetric::TokenJaccard), &a, &b), 1.0 / 3.0);
}

#[test]
fn one_of_compares_what_is_listed_and_nothing_is_half_the_same() {
    let rules = rule("/level", Compare::OneOf(vec![json!("very low"), json!("high"), json!(3)]));
    let level = |level: Value| json!({ "level": level });
    assert_eq!(by_rules(&rules, &level(json!("Very low.")), &level(json!("very  LOW"))), 0.0);
    assert_eq!(by_rules(&rules, &level(json!("very low")), &level(json!("low"))), 1.0);
    assert_eq!(by_rules(&rules, &level(json!(3)), &level(json!("high"))), 1.0);
}

#[test]
fn one_of_compares_numbers_by_their_value_and_not_with_texts_unless_these_are_coerced() {
    let rules = rule("", Compare::OneOf(vec![json!(1), json!(-0.5), json!("true"), Value::Null]));
    assert_eq!(by_rules(&rules, &json!(1), &json!(1.0)), 0.0);
    assert_eq!(by_rules(&rules, &json!(-0.5), &json!(-5e-1)), 0.0);
    for (a, b) in [(json!(1), json!("1")), (json!(true), json!("true")), (Value::Null, json!("null"))] {
        assert_eq!(by_rules(&rules, &a, &b), 1.0, "{a} and {b}");
    }
    assert_eq!(by_rules(&rules.coerce_numeric(true), &json!(1), &json!("1.00")), 0.0);
}

#[test]
fn a_date_rule_reads_dates_however_they_are_written() {
    let rules = rule("/when", Compare::Date);
    let when = |text: &str| json!({ "when": text });
    assert_eq!(by_rules(&rules, &when("2024-03-25"), &when("March 25th, 2024")), 0.0);
    assert_eq!(by_rules(&rules, &when("2024-03-25"), &when("2024-03-26")), 1.0);
    assert_eq!(by_rules(&rules, &when("next week"), &when("Next week.")), 0.0);
    assert_eq!(by_rules(&rules, &when("03/04/2024"), &when("2024-03-04")), 1.0);
    assert!(json_distance(&when("2024-03-25"), &when("March 25th, 2024")) > 0.0);
}

#[test]
fn an_exact_rule_compares_to_the_letter_and_as_a_whole() {
    let (a, b) = (json!({"x": {"a": "Rome", "b": 1}, "y": 1}), json!({"x": {"b": 1.0, "a": "rome"}, "y": 1}));
    assert_eq!(json_distance(&a, &b), 0.0);
    assert_eq!(by_rules(&rule("/x", Compare::Exact), &a, &b), 2.0 / 3.0);
    let turned = json!({"y": 1, "x": {"b": 1.0, "a": "Rome"}});
    assert_eq!(by_rules(&rule("/x", Compare::Exact), &a, &turned), 0.0);
}

#[test]
fn what_is_ignored_counts_nowhere() {
    let rules = rule("/id", Compare::Ignore);
    assert_eq!(by_rules(&rules, &json!({"id": 1, "a": 1}), &json!({"id": [2, 3], "a": 1})), 0.0);
    assert_eq!(by_rules(&rules, &json!({"id": 1, "a": 1}), &json!({"a": 2})), 0.5);
    assert_eq!(by_rules(&rules, &json!({"id": 1}), &json!({})), 0.0);
    assert_eq!(by_rules(&rule("", Compare::Ignore), &json!(1), &json!("x")), 0.0);
}

#[test]
fn weights_are_multiplied_on_the_way_down() {
    let rules = rule("/a", FieldRule::new(Compare::Auto).weight(2.0)).field("/a/b", FieldRule::default().weight(3.0));
    let (a, b) = (json!({"a": {"b": 1, "c": 1}, "d": 1}), json!({"a": {"b": 2, "c": 1}, "d": 1}));
    // Six of nine are b's, and its numbers differ by half.
    assert_eq!(by_rules(&rules, &a, &b), 6.0 * 0.5 / 9.0);
}

#[test]
fn null_differs_from_absent_as_the_policy_says() {
    let (a, b) = (json!({"a": 1, "b": null}), json!({"a": 1}));
    for (policy, apart) in [(NullPolicy::Equal, 0.0), (NullPolicy::Half, 0.25), (NullPolicy::Distinct, 0.5)] {
        assert_eq!(by_rules(&ConsensusRules::new().nulls(policy), &a, &b), apart);
    }
}

#[test]
fn texts_are_numbers_only_if_they_are_coerced() {
    let (a, b) = (json!({"n": "12.50", "m": 3}), json!({"n": 12.5, "m": "3"}));
    assert_eq!(json_distance(&a, &b), 1.0);
    assert_eq!(by_rules(&ConsensusRules::new().coerce_numeric(true), &a, &b), 0.0);
    assert_eq!(json_distance(&json!("9007199254740993"), &json!("9007199254740992")), 1.0);
    let coerced = ConsensusRules::new().coerce_numeric(true);
    let apart = by_rules(&coerced, &json!("9007199254740993"), &json!("9007199254740992"));
    assert!(apart > 0.0 && apart < 1e-9);
}

#[test]
fn ordered_arrays_are_aligned_so_that_one_item_more_costs_one_item() {
    assert_eq!(json_distance(&json!(["a", "b", "c", "d"]), &json!(["x", "a", "b", "c", "d"])), 0.2);
    assert_eq!(json_distance(&json!(["a", "b", "c"]), &json!(["a", "x", "c"])), 1.0 / 3.0);
    assert_eq!(json_distance(&json!([]), &json!(["a"])), 1.0);
    // A gap costs the leaves of the item that is put in: two of six.
    let (a, b) =
        (json!([{"a": 1, "b": 2}, {"a": 3, "b": 4}]), json!([{"a": 1, "b": 2}, {"a": 9, "b": 9}, {"a": 3, "b": 4}]));
    assert_eq!(json_distance(&a, &b), 2.0 / 6.0);
}

#[test]
fn sets_are_paired_so_that_least_differs() {
    let set = rule("", Compare::Set);
    assert_eq!(by_rules(&set, &json!(["a", "b", "c"]), &json!(["c", "a", "b"])), 0.0);
    assert_eq!(by_rules(&set, &json!(["a", "b"]), &json!(["b", "c", "a"])), 1.0 / 3.0);
    let (a, b) = (json!([{"n": 1, "t": "x"}, {"n": 2, "t": "y"}]), json!([{"n": 2, "t": "y"}, {"n": 1, "t": "z"}]));
    assert_eq!(by_rules(&set, &a, &b), 0.25);
    // The first of the one is nearest to the first of the other, but both together are nearer crosswise.
    let (a, b) = (json!([10, 20]), json!([11, 10]));
    let crosswise = f64::midpoint(0.0, 9.0 / 20.0);
    assert!((by_rules(&set, &a, &b) - crosswise).abs() < 1e-12);
}

#[test]
fn keyed_arrays_are_joined_by_their_keys() {
    let rules = rule("/items", Compare::Keyed("id".into()));
    let a = json!({"items": [{"id": "A", "n": 1}, {"id": "B", "n": 2}]});
    let b = json!({"items": [{"id": "b", "n": 2}, {"id": "a", "n": 1}, {"id": "C", "n": 3}]});
    assert_eq!(by_rules(&rules, &a, &b), 2.0 / 6.0);
    let deep = rule("", Compare::Keyed("/k/id".into()));
    let (a, b) = (json!([{"k": {"id": 1}, "n": 1}, {"n": 5}]), json!([{"n": 6}, {"k": {"id": 1.0}, "n": 1}]));
    // Items without a key have no partner: two of four leaves.
    assert_eq!(by_rules(&deep, &a, &b), 0.5);
    let (a, b) = (json!([{"id": 1, "n": 1}, {"id": 1, "n": 2}]), json!([{"id": 1, "n": 1}, {"id": 1, "n": 3}]));
    assert_eq!(by_rules(&rule("", Compare::Keyed("id".into())), &a, &b), (1.0 / 3.0) / 4.0);
}

#[test]
fn a_rule_for_one_place_of_an_array_holds_there() {
    let rules = rule("/pair/1", Compare::Ignore);
    assert_eq!(by_rules(&rules, &json!({"pair": ["a", "b"]}), &json!({"pair": ["a", "c"]})), 0.0);
    assert_eq!(by_rules(&rules, &json!({"pair": ["a", "b"]}), &json!({"pair": ["x", "b"]})), 1.0);
}

#[test]
fn sets_of_more_than_64_items_are_paired_greedily_and_flagged() {
    let set = comparer(&rule("", Compare::Set));
    let (a, b): (Vec<u32>, Vec<u32>) = ((0..65).collect(), (0..65).rev().collect());
    let apart = set.distance(&Tree::new(&json!(a), &set), &Tree::new(&json!(b), &set));
    assert_eq!(apart, 0.0);
    assert!(set.notes().has(Note::ArraysRough) && set.notes().approximate());
    let set = comparer(&rule("", Compare::Set));
    let _ = set.distance(&Tree::new(&json!(a[..64]), &set), &Tree::new(&json!(b[..64]), &set));
    assert!(!set.notes().approximate());
}

#[test]
fn very_long_arrays_are_compared_place_by_place_and_flagged() {
    for method in [Compare::Ordered, Compare::Set] {
        let comparer = comparer(&rule("", method));
        let (a, b): (Vec<u32>, Vec<u32>) = ((1..50_001).collect(), (2..50_002).collect());
        let apart = comparer.distance(&Tree::new(&json!(a), &comparer), &Tree::new(&json!(b), &comparer));
        assert!(apart > 0.0 && apart < 0.01, "{apart}");
        assert!(comparer.notes().has(Note::ArraysRough));
    }
}

#[test]
fn parts_deeper_than_128_are_compared_as_wholes_and_flagged() {
    let nested = |depth: usize, leaf: Value| (0..depth).fold(leaf, |inner, _| json!([inner]));
    let comparer = comparer(&ConsensusRules::new());
    let distance = |a: &Value, b: &Value| comparer.distance(&Tree::new(a, &comparer), &Tree::new(b, &comparer));
    assert_eq!(distance(&nested(127, json!("Rome")), &nested(127, json!("rome"))), 0.0);
    assert!(!comparer.notes().approximate());
    assert_eq!(distance(&nested(128, json!("Rome")), &nested(128, json!("rome"))), 1.0);
    assert!(comparer.notes().has(Note::TreeCut));
    assert_eq!(distance(&nested(300, json!("Rome")), &nested(300, json!("Rome"))), 0.0);
}

#[test]
fn more_than_100_000_leaves_are_compared_as_they_are_and_flagged() {
    let comparer = comparer(&ConsensusRules::new());
    let many = |n: usize, last: &str| {
        let mut items = vec![json!("x"); n - 1];
        items.push(json!(last));
        Tree::new(&Value::from(items), &comparer)
    };
    assert_eq!(comparer.distance(&many(100_000, "Rome"), &many(100_000, "rome")), 0.0);
    assert!(!comparer.notes().approximate());
    assert!(comparer.distance(&many(100_001, "Rome"), &many(100_001, "rome")) > 0.0);
    assert!(comparer.notes().has(Note::TreeCut));
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

fn any_rules() -> impl Strategy<Value = ConsensusRules> {
    let compare = prop_oneof![
        Just(Compare::Auto),
        Just(Compare::Ignore),
        Just(Compare::Exact),
        Just(Compare::Set),
        Just(Compare::Ordered),
        Just(Compare::Keyed("a".into())),
        Just(Compare::Date),
        Just(Compare::OneOf(vec![json!("a"), json!(1)])),
        Just(Compare::Number { abs: 0.5, rel: 0.1 }),
        Just(Compare::Text(TextMetric::TokenJaccard)),
    ];
    let pattern = prop::sample::select(vec!["", "/a", "/*", "/b/*", "/*/a", "/0", "/a/1"]);
    let nulls = prop::sample::select(vec![NullPolicy::Equal, NullPolicy::Half, NullPolicy::Distinct]);
    (prop::collection::vec((pattern, compare, 1_u8..4), 0..4), nulls, any::<bool>()).prop_map(
        |(rules, nulls, coerce)| {
            let empty = ConsensusRules::new().nulls(nulls).coerce_numeric(coerce);
            let add = |rules: ConsensusRules, (pattern, compare, weight): (&str, Compare, u8)| {
                rules.field(pattern, FieldRule::new(compare).weight(f64::from(weight)))
            };
            rules.into_iter().fold(empty, add)
        },
    )
}

/// The least disagreement of all ways to align two arrays of scalars, from the definition.
fn naive_alignment(a: &[u8], b: &[u8]) -> f64 {
    match (a.split_first(), b.split_first()) {
        (None, _) => b.len() as f64,
        (_, None) => a.len() as f64,
        (Some((x, a_rest)), Some((y, b_rest))) => {
            let both = f64::from(u8::from(x != y)) + naive_alignment(a_rest, b_rest);
            both.min(1.0 + naive_alignment(a_rest, b)).min(1.0 + naive_alignment(a, b_rest))
        }
    }
}

proptest! {
    #[test]
    fn json_distance_is_symmetric_bounded_and_zero_on_itself(a in any_json(), b in any_json(), rules in any_rules()) {
        let distance = by_rules(&rules, &a, &b);
        prop_assert_eq!(distance.to_bits(), by_rules(&rules, &b, &a).to_bits());
        prop_assert!((0.0..=1.0).contains(&distance));
        prop_assert_eq!(by_rules(&rules, &a, &a), 0.0);
    }

    #[test]
    fn the_order_of_keys_and_of_the_items_of_sets_does_not_matter(
        items in prop::collection::vec(any_json(), 0..6),
        turn in 0_usize..6,
    ) {
        let mut turned = items.clone();
        turned.rotate_left(turn % items.len().max(1));
        turned.reverse();
        prop_assert_eq!(by_rules(&rule("", Compare::Set), &json!(items), &json!(turned)), 0.0);
    }

    #[test]
    fn an_alignment_is_the_cheapest_of_all(a in prop::collection::vec(0_u8..3, 0..6), b in prop::collection::vec(0_u8..3, 0..6)) {
        let texts = |items: &[u8]| json!(items.iter().map(|item| format!("w{item}")).collect::<Vec<_>>());
        let comparer = comparer(&ConsensusRules::new());
        let (x, y) = (Tree::new(&texts(&a), &comparer), Tree::new(&texts(&b), &comparer));
        let Mass { apart, all } = comparer.mass(&x, &y, 0, f64::MAX);
        if !a.is_empty() && !b.is_empty() {
            prop_assert_eq!(apart, naive_alignment(&a, &b));
            prop_assert!(all >= a.len().max(b.len()) as f64);
        }
    }
}
