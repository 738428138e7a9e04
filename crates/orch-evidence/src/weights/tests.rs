use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Sources with given accuracies; the wrong answers of each are drawn from `ways`. A source with a leader gives its answer.
fn answers(questions: u64, sources: &[(f64, Option<usize>)], ways: u64, seed: u64) -> Vec<Vec<Option<u32>>> {
    let mut state = seed | 1;
    let mut draw = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state >> 11
    };
    let mut row = || {
        let mut row: Vec<Option<u32>> = Vec::new();
        for (accuracy, leader) in sources {
            let right = (draw() as f64) < accuracy * (1_u64 << 53) as f64;
            let wrong = 1 + u32::try_from(draw() % ways).unwrap();
            row.push(leader.map_or(Some(if right { 0 } else { wrong }), |leader| row[leader]));
        }
        row
    };
    (0..questions).map(|_| row()).collect()
}

fn alone(accuracies: &[f64]) -> Vec<(f64, Option<usize>)> {
    accuracies.iter().map(|accuracy| (*accuracy, None)).collect()
}

#[test]
fn accuracies_of_independent_sources_are_found_without_labels() {
    let truth = [0.9, 0.8, 0.7, 0.65, 0.4];
    let learnt = LabelFree::fit(&answers(2000, &alone(&truth), 12, 7)).unwrap();
    for (found, truth) in learnt.accuracies().iter().zip(truth) {
        assert!((found - truth).abs() < 0.05, "{:?}", learnt.accuracies());
    }
    let weights = learnt.weights().unwrap_or_else(|| panic!("{:?} {:?}", learnt.refusal(), learnt.accuracies()));
    assert!(weights.is_sorted_by(|a, b| a > b), "{weights:?}");
    assert!((weights.iter().sum::<f64>() - 5.0).abs() < 1e-9);
}

#[test]
fn one_good_source_among_copies_of_a_bad_one_is_not_silenced_but_weights_refused() {
    // As seen in recorded data: the copies agree with each other, so they look right.
    let sources = [(0.75, None), (0.45, None), (0.45, Some(1)), (0.45, Some(1)), (0.4, None)];
    let learnt = LabelFree::fit(&answers(1000, &sources, 3, 11)).unwrap();
    assert_eq!(learnt.weights(), None);
    assert!(learnt.refusal().is_some());
}

#[test]
fn sources_that_repeat_each_others_errors_do_not_count_as_many() {
    let sources = [(0.8, None), (0.7, None), (0.7, Some(1)), (0.7, Some(1)), (0.7, Some(1))];
    let learnt = LabelFree::fit(&answers(1000, &sources, 5, 3)).unwrap();
    assert!(learnt.refusal().unwrap().contains("repeat each other's errors"), "{:?}", learnt.refusal());
}

#[test]
fn replicates_of_one_model_need_no_weights() {
    let learnt = LabelFree::fit(&answers(500, &alone(&[0.75; 6]), 5, 5)).unwrap();
    assert!(learnt.refusal().unwrap().contains("equally often"), "{:?}", learnt.refusal());
}

#[test]
fn few_questions_and_sources_that_are_mostly_wrong_are_refused() {
    let few = LabelFree::fit(&answers(49, &alone(&[0.9, 0.8, 0.7, 0.6]), 4, 9)).unwrap();
    assert!(few.refusal().unwrap().contains("49 questions"), "{:?}", few.refusal());
    let wrong = LabelFree::fit(&answers(500, &alone(&[0.9, 0.8, 0.4, 0.3, 0.3]), 9, 9)).unwrap();
    assert!(wrong.refusal().unwrap().contains("2 of 5 sources"), "{:?}", wrong.refusal());
}

#[test]
fn rows_of_different_lengths_and_nothing_at_all_are_refused_by_name() {
    let named = |questions: &[Vec<Option<u32>>]| LabelFree::fit(questions).unwrap_err().to_string();
    assert!(named(&[]).contains("0 questions to 0 sources"));
    assert!(named(&[vec![Some(1)]]).contains("1 sources"));
    assert!(named(&[vec![Some(1), None], vec![None]]).contains("/questions/1"));
}

#[test]
fn saved_weights_have_a_version_and_spoilt_ones_are_refused() {
    let learnt = LabelFree::fit(&answers(300, &alone(&[0.9, 0.8, 0.7, 0.6]), 4, 13)).unwrap();
    let stored = serde_json::to_value(&learnt).unwrap();
    assert_eq!(serde_json::from_value::<LabelFree>(stored.clone()).unwrap(), learnt);
    for (at, value, named) in [
        ("/version", json!(2), "only version 1"),
        ("/weights/1", json!(-1.0), "-1"),
        ("/weights", json!([1.0]), "1 weights of 4"),
        ("/accuracies/0", json!(1.5), "1.5"),
    ] {
        let mut stored = stored.clone();
        *stored.pointer_mut(at).unwrap() = value;
        let error = serde_json::from_value::<LabelFree>(stored).unwrap_err().to_string();
        assert!(error.contains(named), "{at}: {error}");
    }
}

#[test]
fn questions_that_nobody_answered_change_nothing() {
    let mut questions = answers(300, &alone(&[0.9, 0.8, 0.7, 0.6]), 4, 13);
    let before = LabelFree::fit(&questions).unwrap();
    questions.push(vec![None; 4]);
    let after = LabelFree::fit(&questions).unwrap();
    assert_eq!(before.accuracies(), after.accuracies());
}

proptest! {
    #[test]
    fn whatever_is_answered_weights_are_finite_and_above_zero(
        questions in prop::collection::vec(prop::collection::vec(prop::option::of(0_u32..4), 4), 1..80),
    ) {
        let learnt = LabelFree::fit(&questions).unwrap();
        prop_assert!(learnt.accuracies().iter().all(|p| *p > 0.0 && *p < 1.0));
        if let Some(weights) = learnt.weights() {
            prop_assert!(weights.iter().all(|weight| weight.is_finite() && *weight > 0.0));
        }
    }

    #[test]
    fn the_names_of_answers_do_not_matter(seed in 1_u64..1000) {
        let questions = answers(100, &alone(&[0.9, 0.8, 0.7, 0.6]), 4, seed);
        let renamed: Vec<Vec<Option<u32>>> =
            questions.iter().map(|row| row.iter().map(|answer| answer.map(|answer| 99 - answer)).collect()).collect();
        prop_assert_eq!(LabelFree::fit(&questions).unwrap(), LabelFree::fit(&renamed).unwrap());
    }
}
