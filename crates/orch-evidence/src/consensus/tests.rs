use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::bundle::DisagreementKind;
use crate::tree::Comparer;
use crate::{Compare, ConsensusRules, TokenLevenshtein};

fn found(answers: &[Value], medoid: usize, epsilon: Option<f64>) -> Findings {
    by_rules(&ConsensusRules::new(), answers, medoid, epsilon)
}

fn by_rules(rules: &ConsensusRules, answers: &[Value], medoid: usize, epsilon: Option<f64>) -> Findings {
    weighted(rules, answers, &vec![1.0; answers.len()], medoid, epsilon)
}

fn weighted(
    rules: &ConsensusRules,
    answers: &[Value],
    weights: &[f64],
    medoid: usize,
    epsilon: Option<f64>,
) -> Findings {
    let comparer = Comparer::new(Arc::new(TokenLevenshtein), rules);
    let trees: Vec<Tree> = answers.iter().map(|answer| Tree::new(answer, &comparer)).collect();
    let voice = |(index, (value, tree))| Voice { index, weight: weights[index], model: None, tree, value };
    let voices: Vec<Voice<'_>> = answers.iter().zip(&trees).enumerate().map(voice).collect();
    by_field(&voices, medoid, &comparer, epsilon, None)
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
    let nine = || json!("one two three four five six seven eight nine");
    assert_eq!(default_of(&[json!("short"), json!("one two three four five six seven eight")]), 0.0);
    assert_eq!(default_of(&[nine(), nine()]), 0.2);
    assert_eq!(default_of(&[json!({"a": 1}), json!({"a": 2})]), 0.02);
    assert_eq!(default_of(&[json!(1), json!(true), Value::Null]), 0.0);
    assert_eq!(default_of(&[]), 0.0);
}

#[test]
fn the_default_epsilon_is_that_of_the_median_answer_in_whatever_order() {
    let (long, short) = (json!("one two three four five six seven eight nine"), json!("short"));
    let mut answers = [long.clone(), short.clone(), short.clone(), long.clone(), long.clone()];
    for (most, expected) in [(1, 0.2), (2, 0.0), (3, 0.0), (4, 0.0), (5, 0.2)] {
        assert_eq!(default_of(&answers[..most]), expected, "the first {most}");
    }
    for _ in 0..answers.len() {
        answers.rotate_left(1);
        assert_eq!(default_of(&answers), 0.2);
    }
    assert_eq!(default_of(&[long, short.clone(), short]), 0.0, "one long answer among short ones");
}

fn default_of(answers: &[Value]) -> f64 {
    let comparer = Comparer::new(Arc::new(TokenLevenshtein), &ConsensusRules::new());
    let trees: Vec<Tree> = answers.iter().map(|answer| Tree::new(answer, &comparer)).collect();
    default_epsilon(trees.iter())
}

fn kinds(findings: &Findings) -> Vec<(String, DisagreementKind)> {
    findings.disagreements.iter().map(|found| (found.pointer.clone(), found.kind)).collect()
}

#[test]
fn heavier_replicates_outvote_more_of_them() {
    let answers = [json!({"a": "x"}), json!({"a": "y"}), json!({"a": "y", "b": 1})];
    let findings = weighted(&ConsensusRules::new(), &answers, &[2.5, 1.0, 0.5], 0, None);
    assert_eq!(findings.consensus, Some(json!({"a": "x"})));
    assert_eq!(findings.distributions["/a"].support, 2.5 / 4.0);
    let findings = weighted(&ConsensusRules::new(), &answers, &[1.0, 0.5, 2.5], 0, None);
    assert_eq!(findings.consensus, Some(json!({"a": "y", "b": 1})));
}

#[test]
fn arrays_of_unequal_length_are_voted_item_by_item_where_they_are_aligned() {
    let answers = [json!(["a", "b", "c"]), json!(["b", "c"]), json!(["x", "b", "c", "d"]), json!(["a", "b", "c"])];
    let findings = found(&answers, 0, None);
    assert_eq!(findings.consensus, Some(json!(["a", "b", "c"])));
    let kinds = kinds(&findings);
    assert!(kinds.contains(&("/0".into(), DisagreementKind::Missing)), "{kinds:?}");
    assert!(kinds.contains(&("/0".into(), DisagreementKind::Value)), "{kinds:?}");
    // What one alone has stands after what is in the consensus.
    assert!(kinds.contains(&("/3".into(), DisagreementKind::Missing)), "{kinds:?}");
    assert!(kinds.contains(&(String::new(), DisagreementKind::Length)), "{kinds:?}");
    let length = findings.disagreements.iter().find(|found| found.kind == DisagreementKind::Length).unwrap();
    assert_eq!(length.consensus, Some(json!(3)));
}

#[test]
fn items_that_most_have_are_put_in_where_they_belong() {
    let answers = [json!(["a", "d"]), json!(["a", "b", "c", "d"]), json!(["a", "b", "c", "d"])];
    assert_eq!(found(&answers, 0, None).consensus, Some(json!(["a", "b", "c", "d"])));
}

#[test]
fn items_of_a_keyed_array_are_voted_by_key() {
    let rules = ConsensusRules::new().field("/items", Compare::Keyed("id".into()));
    let answers = [
        json!({"items": [{"id": "a", "n": 1}, {"id": "b", "n": 2}]}),
        json!({"items": [{"id": "b", "n": 2}, {"id": "a", "n": 5}]}),
        json!({"items": [{"id": "c", "n": 9}, {"id": "b", "n": 2}, {"id": "a", "n": 1}]}),
    ];
    let findings = by_rules(&rules, &answers, 0, None);
    assert_eq!(findings.consensus, Some(json!({"items": [{"id": "a", "n": 1}, {"id": "b", "n": 2}]})));
    assert_eq!(findings.distributions["/items/0/n"].support, 2.0 / 3.0);
    assert!(kinds(&findings).contains(&("/items/2".into(), DisagreementKind::Missing)));
}

#[test]
fn items_of_a_set_are_voted_whatever_their_order_and_strangers_are_no_partners() {
    let rules = ConsensusRules::new().field("", Compare::Set);
    let answers = [json!(["red", "green"]), json!(["green", "blue"]), json!(["black", "green", "Red"])];
    let findings = by_rules(&rules, &answers, 0, None);
    assert_eq!(findings.consensus, Some(json!(["red", "green"])));
    assert!(!kinds(&findings).iter().any(|(_, kind)| *kind == DisagreementKind::Value), "{:?}", kinds(&findings));
}

#[test]
fn the_same_scalars_in_another_order_are_one_soft_disagreement() {
    let answers = [json!({"l": ["a", "b", "c"]}), json!({"l": ["b", "a", "c"]}), json!({"l": ["b", "A.", "c"]})];
    let findings = found(&answers, 0, None);
    assert_eq!(findings.consensus, Some(json!({"l": ["b", "a", "c"]})));
    let [only] = findings.disagreements.as_slice() else { panic!("{:?}", findings.disagreements) };
    assert_eq!((only.pointer.as_str(), only.kind), ("/l", DisagreementKind::Order));
    assert_eq!(only.candidates.iter().map(|c| c.support).collect::<Vec<_>>(), [2.0 / 3.0, 1.0 / 3.0]);
    let tied = found(&answers[..2], 1, None);
    assert_eq!(tied.consensus, Some(json!({"l": ["b", "a", "c"]})), "the tie goes to the medoid");
}

#[test]
fn what_is_ignored_comes_from_the_medoid() {
    let rules = ConsensusRules::new().field("/at", Compare::Ignore);
    let answers = [json!({"a": 1, "at": "10:00"}), json!({"a": 1, "at": "10:01"}), json!({"a": 2, "at": "10:02"})];
    let findings = by_rules(&rules, &answers, 1, None);
    assert_eq!(findings.consensus, Some(json!({"a": 1, "at": "10:01"})));
    assert_eq!(kinds(&findings), [("/a".into(), DisagreementKind::Value)]);
}

#[test]
fn a_value_that_is_not_listed_wins_only_where_no_listed_one_was_said() {
    let rules = ConsensusRules::new().field("/v", Compare::OneOf(vec![json!("low"), json!("high")]));
    let says = |values: &[&str]| -> Vec<Value> { values.iter().map(|value| json!({ "v": value })).collect() };
    let consensus = |values: &[&str]| by_rules(&rules, &says(values), 0, None).consensus.unwrap();
    assert_eq!(consensus(&["unsure", "unsure", "High."]), json!({"v": "high"}));
    assert_eq!(consensus(&["unsure", "Unsure"]), json!({"v": "unsure"}));
    assert_eq!(consensus(&["LOW", "low", "high"]), json!({"v": "low"}));
    let numbers = ConsensusRules::new().field("/v", Compare::OneOf(vec![json!(1), json!(2)]));
    let answers = [json!({"v": 1.0}), json!({"v": 1.0}), json!({"v": 2})];
    assert_eq!(by_rules(&numbers, &answers, 0, None).consensus, Some(json!({"v": 1})));
}

#[test]
fn dates_are_one_value_however_they_are_written() {
    let rules = ConsensusRules::new().field("/d", Compare::Date);
    let answers = [json!({"d": "2024-03-25"}), json!({"d": "25 March 2024"}), json!({"d": "2024-03-26"})];
    let findings = by_rules(&rules, &answers, 0, None);
    assert_eq!(findings.consensus, Some(json!({"d": "2024-03-25"})));
    assert_eq!(findings.distributions["/d"].support, 2.0 / 3.0);
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
    fn arrays_of_equal_answers_have_them_for_their_consensus(
        items in prop::collection::vec(record(), 0..5),
        k in 1_usize..5,
        method in prop::sample::select(vec![Compare::Ordered, Compare::Set, Compare::Keyed("a".into())]),
    ) {
        let rules = ConsensusRules::new().field("", method);
        let findings = by_rules(&rules, &vec![json!(items); k], 0, None);
        prop_assert_eq!(findings.consensus, Some(json!(items)));
        prop_assert!(findings.disagreements.is_empty());
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
