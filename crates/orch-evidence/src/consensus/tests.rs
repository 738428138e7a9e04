use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::TokenLevenshtein;
use crate::bundle::DisagreementKind;

fn found(answers: &[Value], medoid: usize, epsilon: Option<f64>) -> Findings {
    let trees: Vec<Tree> = answers.iter().map(|answer| Tree::new(answer, &TokenLevenshtein)).collect();
    let voices: Vec<Voice<'_>> =
        answers.iter().zip(&trees).enumerate().map(|(index, (value, tree))| Voice { index, tree, value }).collect();
    by_field(&voices, medoid, &TokenLevenshtein, epsilon)
}

fn consensus(answers: &[Value]) -> Value {
    found(answers, 0, None).consensus.unwrap_or(Value::Null)
}

#[test]
fn every_field_goes_to_the_most_frequent_value() {
    let answers = [
        json!({"city": "Rome", "people": 3}),
        json!({"city": "rome.", "people": 4}),
        json!({"city": "Oslo", "people": 4}),
    ];
    assert_eq!(consensus(&answers), json!({"city": "Rome", "people": 4}));
}

#[test]
fn a_tie_leaves_the_field_out_and_lists_it() {
    let findings = found(&[json!({"a": 1, "b": "x"}), json!({"a": 1, "b": "y"})], 0, None);
    assert_eq!(findings.consensus, Some(json!({"a": 1})));
    let [only] = findings.disagreements.as_slice() else { panic!("{:?}", findings.disagreements) };
    assert_eq!((only.pointer.as_str(), only.kind, &only.consensus), ("/b", DisagreementKind::Value, &None));
    assert!((only.entropy - std::f64::consts::LN_2).abs() < 1e-15);
    let said: Vec<_> = only.candidates.iter().map(|c| (c.value.clone(), c.support, c.replicate_ids.clone())).collect();
    assert_eq!(said, [(json!("x"), 0.5, vec!["r1".to_owned()]), (json!("y"), 0.5, vec!["r2".to_owned()])]);
}

#[test]
fn a_tie_in_an_array_goes_to_what_was_first_said_so_that_the_others_stay_in_place() {
    let answers = [json!(["a", "x", "c"]), json!(["a", "y", "c"])];
    let findings = found(&answers, 1, None);
    assert_eq!(findings.consensus, Some(json!(["a", "x", "c"])));
    assert_eq!(findings.disagreements[0].pointer, "/1");
}

#[test]
fn a_tie_over_the_whole_answer_goes_to_the_medoid() {
    let answers = [json!("Rome"), json!("Oslo")];
    assert_eq!(found(&answers, 1, None).consensus, Some(json!("Oslo")));
}

#[test]
fn a_field_is_kept_if_more_than_half_have_it() {
    let answers = [json!({"a": 1, "b": 2}), json!({"a": 1, "b": 2}), json!({"a": 1, "c": 3})];
    let findings = found(&answers, 0, None);
    assert_eq!(findings.consensus, Some(json!({"a": 1, "b": 2})));
    let missing: Vec<_> = findings
        .disagreements
        .iter()
        .map(|d| (d.pointer.as_str(), d.kind, d.consensus.clone().unwrap_or_default()))
        .collect();
    let kind = DisagreementKind::Missing;
    assert_eq!(missing, [("/b", kind, json!("present")), ("/c", kind, json!("absent"))]);
    assert_eq!(consensus(&[json!({"a": 1, "b": 2}), json!({"a": 1})]), json!({"a": 1}));
}

#[test]
fn a_clash_of_types_and_of_lengths_is_named() {
    let answers = [json!({"a": [1, 2]}), json!({"a": [1, 2, 3]}), json!({"a": "none"})];
    let findings = found(&answers, 0, None);
    assert_eq!(findings.consensus, Some(json!({"a": [1, 2]})));
    let kinds: Vec<_> = findings.disagreements.iter().map(|d| (d.pointer.as_str(), d.kind)).collect();
    assert!(kinds.contains(&("/a", DisagreementKind::Type)) && kinds.contains(&("/a", DisagreementKind::Length)));
    let clash = findings.disagreements.iter().find(|d| d.kind == DisagreementKind::Type).unwrap();
    assert_eq!(clash.candidates[0].value, "array");
    assert_eq!(clash.candidates[0].support, 2.0 / 3.0);
}

#[test]
fn close_numbers_are_one_value_and_the_median_is_one_that_occurred() {
    let answers = [json!({"x": 1.000_000_2}), json!({"x": 1.0}), json!({"x": 1.000_000_1}), json!({"x": 7.0})];
    let findings = found(&answers, 0, None);
    assert_eq!(findings.consensus, Some(json!({"x": 1.000_000_1})));
    let field = &findings.distributions["/x"];
    assert_eq!((field.n, field.distinct, field.support), (4, 2, 0.75));
    assert_eq!(field.numbers.unwrap().max, 7.0);
}

#[test]
fn an_epsilon_of_the_caller_holds_for_every_field() {
    let answers = [json!({"x": 100, "t": "one two three four"}), json!({"x": 109, "t": "one two three five"})];
    assert_eq!(found(&answers, 0, Some(0.25)).consensus, Some(json!({"x": 100, "t": "one two three four"})));
    assert_eq!(found(&answers, 0, Some(0.05)).consensus, Some(json!({})));
}

#[test]
fn keys_with_slashes_and_tildes_are_escaped_in_pointers() {
    let findings = found(&[json!({"a/b~c": 1}), json!({"a/b~c": 2})], 0, None);
    assert_eq!(findings.disagreements[0].pointer, "/a~1b~0c");
}

#[test]
fn the_default_epsilon_follows_the_kind_of_content() {
    let epsilon = |answers: &[Value]| {
        let trees: Vec<Tree> = answers.iter().map(|answer| Tree::new(answer, &TokenLevenshtein)).collect();
        default_epsilon(trees.iter())
    };
    assert_eq!(epsilon(&[json!("short"), json!("one two three four five six seven eight")]), 0.0);
    assert_eq!(epsilon(&[json!("short"), json!("one two three four five six seven eight nine")]), 0.2);
    assert_eq!(epsilon(&[json!({"a": 1}), json!({"a": 2})]), 0.02);
    assert_eq!(epsilon(&[json!(1), json!(true), Value::Null]), 0.0);
}

fn record() -> impl Strategy<Value = Value> {
    ("[ab]", 0..3, prop::option::of("[xy]")).prop_map(|(a, b, c)| match c {
        Some(c) => json!({"a": a, "b": {"n": b}, "c": {"d": c}}),
        None => json!({"a": a, "b": {"n": b}}),
    })
}

proptest! {
    #[test]
    fn the_consensus_of_equal_answers_is_the_answer(answer in record(), k in 1_usize..6) {
        let findings = found(&vec![answer.clone(); k], 0, None);
        prop_assert_eq!(findings.consensus, Some(answer));
        prop_assert!(findings.disagreements.is_empty());
    }

    #[test]
    fn the_order_of_the_replicates_does_not_change_the_consensus_of_objects(
        answers in prop::collection::vec(record(), 1..7),
        turn in 0_usize..7,
    ) {
        let mut turned = answers.clone();
        turned.rotate_left(turn % answers.len());
        prop_assert_eq!(consensus(&answers), consensus(&turned));
    }

    #[test]
    fn supports_of_a_disagreement_add_up_to_one(answers in prop::collection::vec(record(), 1..7)) {
        for disagreement in found(&answers, 0, None).disagreements {
            let all: f64 = disagreement.candidates.iter().map(|candidate| candidate.support).sum();
            prop_assert!((all - 1.0).abs() < 1e-12);
            prop_assert!(disagreement.entropy > 0.0);
            prop_assert!(disagreement.candidates.windows(2).all(|pair| pair[0].weight >= pair[1].weight));
        }
    }
}
