//! How well recorded answers vote, and what stop rules save of them.

use orch_evidence::stopping::{Lock, Never};
use orch_evidence::{Bundle, normalise};
use serde_json::Value;

use crate::recorded::{Question, bundle, medoid, recorded, rows};

fn same(a: &Bundle, b: &Bundle) -> bool {
    let text = |bundle: &Bundle| normalise(bundle.summary.consensus.as_ref().unwrap().as_str().unwrap());
    text(a) == text(b)
}

fn share(hits: usize, of: usize) -> f64 {
    hits as f64 / of as f64
}

/// Accuracy of the plurality of all; mean samples of a rule and the share of questions with the same answer.
///
/// Every question is seen in several orders: the recorded one and rotations of it.
fn stopping(questions: &[Question], k: usize, rule: impl Fn() -> Box<dyn Fn(&[Value]) -> Bundle>) -> (f64, f64, f64) {
    let (mut right, mut samples, mut equal, mut runs) = (0, 0, 0, 0);
    let rule = rule();
    for question in questions {
        for turn in [0, 3, 6] {
            let mut order: Vec<usize> = (0..question.answers.len()).collect();
            order.rotate_left(turn);
            let answers: Vec<Value> = order[..k].iter().map(|at| question.answers[*at].clone()).collect();
            let all = bundle(&answers, Never);
            let some = rule(&answers);
            right += usize::from(question.right[order[medoid(&all)]]);
            samples += some.meta.k_started as usize;
            equal += usize::from(same(&all, &some));
            runs += 1;
        }
    }
    (share(right, runs), share(samples, runs), share(equal, runs))
}

#[test]
fn ten_dates_vote_as_well_as_they_should_and_the_default_rule_needs_six_of_them() {
    let Some(questions) = recorded("date_gpt35_k10") else { return };
    let rule = || Box::new(|answers: &[Value]| bundle(answers, orch_evidence::stopping::adaptive())) as Box<_>;
    let (accuracy, samples, equal) = stopping(&questions, 10, rule);
    println!("date (10): accuracy {accuracy:.4}, samples {samples:.2}, same answers {equal:.4}");
    assert!((accuracy - 0.70).abs() < 0.012, "{accuracy}");
    assert!(samples <= 5.97, "{samples}");
    assert!(equal >= 0.998, "{equal}");
}

#[test]
fn five_dates_and_the_lock_are_exactly_lossless() {
    let Some(questions) = recorded("date_gpt35_k10") else { return };
    let rule = || Box::new(|answers: &[Value]| bundle(answers, Lock)) as Box<_>;
    let (_, samples, equal) = stopping(&questions, 5, rule);
    println!("date (5), lock: samples {samples:.2}, same answers {equal:.4}");
    assert!(samples <= 3.7, "{samples}");
    assert_eq!(equal, 1.0);
}

#[test]
fn trivia_answers_vote_as_well_as_they_should_and_the_default_rule_saves_a_third_of_twenty() {
    let Some(questions) = recorded("triviaqa_llama13b_k20") else { return };
    let rule = || Box::new(|answers: &[Value]| bundle(answers, orch_evidence::stopping::adaptive())) as Box<_>;
    let (accuracy, samples, equal) = stopping(&questions, 20, rule);
    println!("trivia (20): accuracy {accuracy:.4}, samples {samples:.2}, same answers {equal:.4}");
    assert!((accuracy - 0.72).abs() < 0.012, "{accuracy}");
    assert!(samples <= 13.5, "{samples}");
    assert!(equal >= 0.998, "{equal}");
}

#[test]
fn crosswords_are_better_letter_by_letter_than_one_by_one() {
    let Some(rows) = rows("crosswords_json_gpt4cot_k10") else { return };
    let (mut single, mut voted, mut letters) = (0.0, 0.0, 0.0);
    for row in rows {
        let answers = row["a"].as_array().unwrap();
        let hits = |answer: &Value| {
            let fields = row["gold"].as_object().unwrap().iter();
            let pairs = fields.flat_map(|(key, gold)| {
                gold.as_array().unwrap().iter().enumerate().map(move |(at, letter)| (key, at, letter))
            });
            pairs.filter(|(key, at, letter)| answer[key.as_str()].get(at).is_some_and(|found| found == *letter)).count()
        };
        letters += 25.0;
        single += answers.iter().map(hits).sum::<usize>() as f64 / answers.len() as f64;
        voted += hits(bundle(answers, Never).summary.consensus.as_ref().unwrap()) as f64;
    }
    let (single, voted) = (single / letters, voted / letters);
    println!("crosswords: letters right, single {single:.4}, voted {voted:.4}");
    assert!((single - 0.409).abs() < 0.01, "{single}");
    assert!(voted >= 0.45, "{voted}");
}
