//! Weights of unequal sources, learnt without labels (evidence: number 8).

use orch_evidence::weights::LabelFree;

use crate::recorded::{Question, recorded};

/// Which cluster each source's answer to each question belongs to.
fn rows(questions: &[Question]) -> Vec<Vec<Option<u32>>> {
    let row = |question: &Question| {
        let all: Vec<usize> = (0..question.answers.len()).collect();
        LabelFree::row(&question.bundle(&all).0, u32::try_from(all.len()).unwrap())
    };
    questions.iter().map(row).collect()
}

/// How often the answer with the most weight is right; a tie goes to the one that was first given.
fn voted(questions: &[Question], rows: &[Vec<Option<u32>>], weights: &[f64]) -> f64 {
    let right = |(question, row): (&Question, &Vec<Option<u32>>)| {
        let weight_of = |label: &Option<u32>| {
            let same = row.iter().zip(weights).filter(|(other, _)| *other == label);
            same.map(|(_, weight)| weight).sum::<f64>()
        };
        let best = row
            .iter()
            .enumerate()
            .reduce(|best, next| if weight_of(next.1) > weight_of(best.1) + 1e-9 { next } else { best });
        question.right[best.unwrap().0]
    };
    questions.iter().zip(rows).map(right).filter(|right| *right).count() as f64 / questions.len() as f64
}

#[test]
fn weights_without_labels_lift_the_vote_of_an_ensemble_above_its_best_member() {
    let Some(questions) = recorded("gsm8k_ensemble_k14") else { return };
    let rows = rows(&questions);
    let learnt = LabelFree::fit(&rows).unwrap();
    let (plain, weighted) = (voted(&questions, &rows, &[1.0; 14]), voted(&questions, &rows, learnt.weights().unwrap()));
    println!("gsm (14): vote {plain:.4}, with weights {weighted:.4} (at least 0.952), best member 0.9424");
    assert!(weighted >= 0.952 && weighted >= plain + 0.005, "{plain} {weighted}");
}

#[test]
fn weights_learnt_on_half_of_the_questions_help_on_the_other_half() {
    let Some(questions) = recorded("gsm8k_ensemble_k14") else { return };
    let rows = rows(&questions);
    let half = rows.len() / 2;
    let learnt = LabelFree::fit(&rows[..half]).unwrap();
    let on_rest = |weights: &[f64]| voted(&questions[half..], &rows[half..], weights);
    let (plain, weighted) = (on_rest(&[1.0; 14]), on_rest(learnt.weights().unwrap()));
    println!("gsm (14), the other half: vote {plain:.4}, with weights {weighted:.4}");
    assert!(weighted >= plain + 0.005, "{plain} {weighted}");
}

#[test]
fn weights_are_refused_where_methods_share_errors_that_look_like_truth() {
    let Some(questions) = recorded("tatqa_json_5methods") else { return };
    let learnt = LabelFree::fit(&rows(&questions)).unwrap();
    println!("tatqa: {}", learnt.refusal().unwrap());
    assert_eq!(learnt.weights(), None);
}

#[test]
fn weights_are_refused_for_replicates_of_one_model() {
    for set in ["date_gpt35_k10", "triviaqa_llama13b_k20", "tau_airline_json_gpt4o_k4"] {
        let Some(questions) = recorded(set) else { return };
        let learnt = LabelFree::fit(&rows(&questions)).unwrap();
        println!("{set}: {:?}, weights {:?}", learnt.refusal(), learnt.weights());
        assert!(learnt.refusal().is_some(), "{set}");
    }
}

#[test]
fn where_weights_of_some_members_are_not_refused_they_do_little_harm() {
    let Some(questions) = recorded("gsm8k_ensemble_k14") else { return };
    let all = rows(&questions);
    let (mut enabled, mut worst, mut gained) = (0, 0.0_f64, 0.0);
    for turn in 0..60_usize {
        let mut members: Vec<usize> = (0..14).collect();
        crate::recorded::shuffle(&mut members, turn as u64);
        members.truncate(4 + turn % 7);
        let rows: Vec<Vec<Option<u32>>> = all.iter().map(|row| members.iter().map(|at| row[*at]).collect()).collect();
        let some: Vec<Question> = questions
            .iter()
            .map(|question| Question {
                answers: Vec::new(),
                right: members.iter().map(|at| question.right[*at]).collect(),
            })
            .collect();
        let learnt = LabelFree::fit(&rows).unwrap();
        if let Some(weights) = learnt.weights() {
            let change = voted(&some, &rows, weights) - voted(&some, &rows, &vec![1.0; members.len()]);
            if change < -0.005 {
                println!("{members:?} {change:.4}");
            }
            (enabled, worst, gained) = (enabled + 1, worst.min(change), gained + change);
        }
    }
    println!(
        "60 parts of gsm: weights for {enabled}, mean change {:.4}, worst {worst:.4}",
        gained / f64::from(enabled)
    );
}
