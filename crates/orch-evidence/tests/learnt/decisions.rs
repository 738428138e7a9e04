//! What a policy with a target of one error in ten and a risk of one in ten accepts, fitted on 200 labels.

use std::time::Duration;

use orch_evidence::decision::{Policy, Verdict};

use crate::recorded::{recorded, splits};

const NOW: Duration = Duration::from_secs(1_790_000_000);

/// Refused splits, accepted share, error of the accepted, and splits with more than the target wrong.
fn tried(set: &str, k: usize, labels: usize) -> Option<[f64; 4]> {
    let questions = recorded(set)?;
    let label = |(at, question): (usize, &crate::recorded::Question)| {
        let (bundle, right) = question.bundle(&question.draw(k, 0, at));
        (bundle.summary.agreement, right)
    };
    let all: Vec<(f64, bool)> = questions.iter().enumerate().map(label).collect();
    let found = splits(&all, labels, 60, |fit, tried| {
        let mut policy = Policy::target_error(0.10).with_risk(0.10);
        for (at, (score, right)) in fit.iter().enumerate() {
            policy.learn(format!("run-{at}"), *score, Verdict::from(*right), NOW).unwrap();
        }
        let promise = policy.promise(NOW);
        let Some(accept) = promise.accept_from else {
            assert!(promise.reason.starts_with("cannot promise"), "{}", promise.reason);
            return [1.0, 0.0, 0.0, 0.0];
        };
        let accepted: Vec<bool> =
            tried.iter().filter(|(score, _)| *score >= accept.score).map(|(_, right)| *right).collect();
        let wrong = accepted.iter().filter(|right| !**right).count() as f64 / accepted.len().max(1) as f64;
        [0.0, accepted.len() as f64 / tried.len() as f64, wrong, f64::from(u8::from(wrong > 0.10))]
    });
    let [refused, share, wrong, broken] = found;
    let wrong = if refused < 1.0 { wrong / (1.0 - refused) } else { 0.0 };
    println!(
        "{set} ({k}): refused {refused:.3}, accepted {share:.3}, of those wrong {wrong:.4}, more than a tenth wrong {broken:.3}"
    );
    Some([refused, share, wrong, broken])
}

#[test]
fn nothing_can_be_promised_of_puzzles_that_are_hardly_ever_right() {
    let Some([refused, ..]) = tried("game24_gpt4cot_k100", 10, 60) else { return };
    assert!(refused > 0.999, "{refused}");
}

#[test]
fn nothing_can_be_promised_of_dates_whose_errors_are_shared() {
    for k in [5, 10] {
        let Some([refused, ..]) = tried("date_gpt35_k10", k, 200) else { return };
        assert!(refused > 0.95, "{refused}");
    }
}

#[test]
fn most_sums_are_accepted_and_the_promise_is_kept() {
    for k in [5, 10, 14] {
        let Some([refused, share, wrong, broken]) = tried("gsm8k_ensemble_k14", k, 200) else { return };
        assert!(
            refused <= 0.1 && share >= 0.5 && wrong <= 0.10 && broken <= 0.10,
            "{refused} {share} {wrong} {broken}"
        );
    }
}

#[test]
fn of_trivia_answers_those_that_are_accepted_keep_the_promise() {
    for k in [5, 10] {
        let Some([refused, share, wrong, broken]) = tried("triviaqa_llama13b_k20", k, 200) else { return };
        assert!(wrong <= 0.10 && broken <= 0.10, "{refused} {share} {wrong} {broken}");
    }
}
