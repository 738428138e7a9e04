//! The rules for what is at the edge, each by its name.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use orch_core::{Content, Error, ErrorKind, Output};
use orch_evidence::stopping::Never;
use orch_evidence::{
    Bundle, BundleOptions, Bundler, ConsensusRules, Distance, Normaliser, NullPolicy, TextMetric, normalise,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn bundle(options: &BundleOptions, answers: &[Result<Value, Error>]) -> Result<Bundle, Error> {
    let bundler = Bundler::new(&options.clone().k(u32::try_from(answers.len()).unwrap()))?.with_stop(Never);
    bundler.replay(|index| answers[index as usize - 1].clone().map(Output::from))
}

fn of(answers: &[Value]) -> Bundle {
    let answers: Vec<Result<Value, Error>> = answers.iter().cloned().map(Ok).collect();
    bundle(&BundleOptions::new(), &answers).unwrap()
}

fn distance(a: &Value, b: &Value) -> f64 {
    let options = BundleOptions::new().allow_empty(true);
    bundle(&options, &[Ok(a.clone()), Ok(b.clone())]).unwrap().summary.pairwise_distance[0][1]
}

#[test]
fn k_of_zero_is_refused() {
    let error = Bundler::new(&BundleOptions::new().k(0)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::InvalidRequest { .. }), "{error}");
}

#[test]
fn all_failed_is_an_error_with_the_cause_of_each() {
    let error = bundle(&BundleOptions::new(), &[Err(Error::tool_execution("one")), Ok(json!(" "))]).unwrap_err();
    let ErrorKind::ReplicatesFailed { causes } = error.kind() else { panic!("{error}") };
    assert_eq!(causes.len(), 2);
    assert!(causes[0].to_string().contains("one") && causes[1].to_string().contains("empty"));
}

#[test]
fn one_replicate_has_a_matrix_of_zero_an_agreement_of_four_fifths_and_no_posterior() {
    let summary = of(&[json!("Rome")]).summary;
    assert_eq!(summary.pairwise_distance, [[0.0]]);
    assert_eq!(summary.agreement, 1.0 / 1.25);
    assert_eq!((summary.mode_posterior, summary.kernel_confidence), (None, None));
    let wilson = summary.statistics.wilson;
    assert!((wilson.low - 0.21).abs() < 0.005 && wilson.high == 1.0);
    assert_eq!((summary.statistics.pair_agreement, summary.statistics.von_neumann), (None, None));
}

#[test]
fn invalid_replicates_are_listed_and_not_counted() {
    let answers = [Ok(json!("Rome")), Ok(json!("")), Err(Error::tool_execution("broken")), Ok(json!("Rome"))];
    let found = bundle(&BundleOptions::new(), &answers).unwrap();
    assert_eq!(found.replicates.len(), 4);
    assert_eq!(found.replicates.iter().map(|r| r.quality.valid).collect::<Vec<_>>(), [true, false, false, true]);
    let statistics = &found.summary.statistics;
    assert_eq!((statistics.valid, statistics.invalid, statistics.failed), (2, 1, 1));
    assert_eq!(
        (found.summary.compared.as_slice(), found.summary.agreement),
        (&["r1".into(), "r4".into()][..], 2.0 / 2.25)
    );
}

#[test]
fn fewer_valid_answers_than_wanted_are_insufficient() {
    let answers = [Ok(json!("Rome")), Err(Error::tool_execution("broken"))];
    assert!(bundle(&BundleOptions::new().min_valid(2), &answers).unwrap().summary.insufficient);
    assert!(!bundle(&BundleOptions::new(), &answers).unwrap().summary.insufficient);
}

#[test]
fn empty_against_empty_is_zero_and_against_anything_is_one() {
    assert_eq!(distance(&json!(""), &json!("  ")), 0.0);
    assert_eq!(distance(&json!(""), &json!("Rome")), 1.0);
    assert_eq!(distance(&json!([]), &json!([1])), 1.0);
}

#[test]
fn empty_answers_are_valid_only_if_that_is_allowed() {
    let answers = [Ok(json!("")), Ok(json!(null)), Ok(json!("Rome"))];
    assert_eq!(bundle(&BundleOptions::new(), &answers).unwrap().summary.statistics.valid, 1);
    assert_eq!(bundle(&BundleOptions::new().allow_empty(true), &answers).unwrap().summary.statistics.valid, 3);
}

#[test]
fn the_normaliser_composes_folds_trims_and_strips_marks_but_not_inside_numbers() {
    assert_eq!(normalise("  CAFE\u{301}\t (Straße),  -3.5 %! "), "café strasse -3.5 %");
    assert_eq!(normalise("The answer"), "the answer");
    assert_eq!(Normaliser::new().strip_english_articles(true).apply("The answer"), "answer");
    assert_eq!(normalise("ﬁne"), "fine");
    assert_eq!(Normaliser::new().compatibility(true).apply("²"), "2");
}

#[test]
fn the_raw_text_is_kept_and_only_what_is_compared_is_normalised() {
    let found = of(&[json!("  ROME! "), json!("rome")]);
    assert_eq!(found.summary.consensus, Some(json!("  ROME! ")));
    assert_eq!(found.replicates[0].output, Some(Content::json("  ROME! ")));
    assert_eq!(found.summary.clusters.len(), 1);
}

#[test]
fn texts_are_compared_by_characters() {
    let (a, b) = (TextMetric::Levenshtein.prepare("日本"), TextMetric::Levenshtein.prepare("日光"));
    assert_eq!(TextMetric::Levenshtein.distance(&a, &b), 0.5);
}

#[test]
fn of_keys_that_come_twice_the_last_counts_with_a_warning() {
    let answers = [Ok(json!(r#"{"a": 1, "a": 2}"#)), Ok(json!("```json\n{\"a\": 2}\n```")), Ok(json!("It is 2."))];
    let found = bundle(&BundleOptions::new().parse_json(true), &answers).unwrap();
    assert_eq!(found.summary.consensus, Some(json!({"a": 2})));
    assert_eq!(found.summary.pairwise_distance[0][1], 0.0);
    assert!(found.replicates[0].quality.warnings[0].contains("`/a` comes twice"));
    assert!(found.replicates[1].quality.warnings.is_empty());
    assert!(found.replicates[2].quality.warnings[0].contains("not JSON"));
    assert_eq!(bundle(&BundleOptions::new(), &answers).unwrap().summary.clusters.len(), 3);
}

#[test]
fn null_differs_from_absent_by_half_a_leaf_unless_the_policy_says_otherwise() {
    assert_eq!(distance(&json!({"a": 1, "b": null}), &json!({"a": 1})), 0.25);
    let rules = ConsensusRules::new().nulls(NullPolicy::Equal);
    let answers = [Ok(json!({"a": 1, "b": null})), Ok(json!({"a": 1}))];
    let found = bundle(&BundleOptions::new().rules(rules), &answers).unwrap();
    assert_eq!(found.summary.pairwise_distance[0][1], 0.0);
}

#[test]
fn integers_beyond_the_floats_are_compared_as_integers() {
    assert!(distance(&json!(9_007_199_254_740_993_u64), &json!(9_007_199_254_740_992_u64)) > 0.0);
}

#[test]
fn the_depth_the_number_of_leaves_and_the_length_of_texts_are_capped_and_said_so() {
    let deep = |leaf: &str| (0..130).fold(json!(leaf), |inner, _| json!([inner]));
    let wide = |leaf: &str| Value::from((0..100_001).map(|_| json!(leaf)).collect::<Vec<_>>());
    let long = |last: &str| json!(format!("{}{last}", "word ".repeat(20_001)));
    for (a, b) in [(deep("x"), deep("y")), (wide("x"), wide("y")), (long("x"), long("y"))] {
        let found = of(&[a, b]);
        assert!(found.summary.approximate);
        assert!(found.metadata["warnings"].to_string().contains("approximate"));
    }
    let plain = of(&[json!("x"), json!("y")]);
    assert!(!plain.summary.approximate && !plain.metadata.contains_key("warnings"));
}

#[test]
fn of_equal_answers_the_first_wins() {
    let found = of(&[json!("Rome"), json!("Oslo"), json!("rome"), json!("oslo")]);
    assert_eq!((found.summary.consensus, found.summary.medoid.as_str()), (Some(json!("Rome")), "r1"));
}

#[test]
fn disagreements_are_sorted_by_entropy_and_pointer_and_cut_where_that_was_asked() {
    let answers: Vec<Result<Value, Error>> =
        [(1, 1, 1), (1, 2, 2), (1, 3, 1)].map(|(a, b, c)| Ok(json!({"a": a, "b": b, "c": c, "d": b}))).to_vec();
    let pointers = |bundle: &Bundle| -> Vec<String> {
        bundle.summary.disagreements.iter().map(|found| found.pointer.clone()).collect()
    };
    let all = bundle(&BundleOptions::new(), &answers).unwrap();
    assert_eq!((pointers(&all), all.summary.truncated), (vec!["/b".into(), "/d".into(), "/c".into()], false));
}

#[test]
fn equal_inputs_give_equal_bytes() {
    let answers = [json!({"a": [1, 2], "t": "one two"}), json!({"a": [2], "t": "one three"}), json!({"a": "x"})];
    let bytes = || serde_json::to_string(&of(&answers)).unwrap();
    assert_eq!(bytes(), bytes());
}

fn answer() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[ab]{1,2}( [ab]{1,2}){0,3}".prop_map(Value::from),
        (0_i64..4).prop_map(Value::from),
        ("[ab]", 0_i64..3, prop::collection::vec(0_i64..3, 0..4)).prop_map(|(a, b, c)| json!({"a": a, "b": b, "c": c})),
    ]
}

proptest! {
    #[test]
    fn a_permutation_of_the_answers_permutes_the_matrix_and_no_cluster_is_wider_than_epsilon(
        answers in prop::collection::vec(answer(), 1..7),
        turn in 0_usize..7,
        epsilon in prop::option::of(0.0..0.6_f64),
    ) {
        let n = answers.len();
        let place = |at: usize| (at + turn) % n;
        let turned: Vec<Value> = (0..n).map(|at| answers[place(at)].clone()).collect();
        let options = epsilon.map_or(BundleOptions::new(), |epsilon| BundleOptions::new().epsilon(epsilon));
        let run = |answers: &[Value]| bundle(&options, &answers.iter().cloned().map(Ok).collect::<Vec<_>>()).unwrap();
        let (one, other) = (run(&answers), run(&turned));
        for a in 0..n {
            for b in 0..n {
                let (here, there) = (one.summary.pairwise_distance[place(a)][place(b)], other.summary.pairwise_distance[a][b]);
                prop_assert_eq!(here.to_bits(), there.to_bits());
            }
        }
        let at = |id: &String| id[1..].parse::<usize>().unwrap() - 1;
        for cluster in &one.summary.clusters {
            for (a, b) in cluster.replicate_ids.iter().flat_map(|a| cluster.replicate_ids.iter().map(move |b| (a, b))) {
                prop_assert!(one.summary.pairwise_distance[at(a)][at(b)] <= one.meta.epsilon);
            }
        }
    }
}
