//! The mode posterior against its own meaning: is the plurality the most probable answer (evidence: number 4)?

use orch_evidence::confidence::{PRIOR, mode_posterior, mode_posterior_with_unseen};
use orch_evidence::normalise;

use crate::figures::{brier, ece};
use crate::recorded::recorded;

/// How often each answer comes, the most frequent first; of equals the one that came first.
fn counts<T: PartialEq + Clone>(answers: &[T]) -> Vec<(T, u32)> {
    let mut counts: Vec<(T, u32)> = Vec::new();
    for answer in answers {
        match counts.iter_mut().find(|(other, _)| other == answer) {
            Some((_, count)) => *count += 1,
            None => counts.push((answer.clone(), 1)),
        }
    }
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

fn sizes<T>(counts: &[(T, u32)]) -> Vec<u32> {
    counts.iter().map(|(_, count)| *count).collect()
}

#[test]
fn the_plurality_of_five_dates_is_the_mode_of_the_others_as_often_as_it_says() {
    let Some(questions) = recorded("date_gpt35_k10") else { return };
    let mut of = Vec::new();
    for (at, question) in questions.iter().enumerate() {
        let texts: Vec<String> =
            question.answers.iter().map(|answer| normalise(answer.as_str().unwrap_or_default())).collect();
        for turn in 0..10 {
            let order = question.draw(texts.len(), turn, at);
            let drawn: Vec<&String> = order.iter().map(|at| &texts[*at]).collect();
            let (seen, others) = (counts(&drawn[..5]), counts(&drawn[5..]));
            let chance = mode_posterior(&sizes(&seen), PRIOR).unwrap();
            of.push((chance, seen[0].0 == others[0].0));
        }
    }
    println!("date (5): mode posterior ECE {:.4} (at most 0.02), Brier {:.4}", ece(&of), brier(&of));
    assert!(ece(&of) <= 0.02, "{}", ece(&of));
}

#[test]
fn on_made_questions_an_unseen_answer_makes_the_posterior_honest() {
    // Answers with probabilities 1, r, r^2, .. for a ratio of the question's own.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let (mut with, mut without, mut beta) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..20_000 {
        let ratio = uniform();
        let weights: Vec<f64> = (0..8).map(|at| f64::powi(ratio, at)).collect();
        let all: f64 = weights.iter().sum();
        let drawn: Vec<usize> = (0..5)
            .map(|_| {
                let mut left = uniform() * all;
                weights
                    .iter()
                    .position(|weight| {
                        left -= weight;
                        left <= 0.0
                    })
                    .unwrap_or(7)
            })
            .collect();
        let found = counts(&drawn);
        let is_mode = found[0].0 == 0;
        with.push((mode_posterior_with_unseen(&sizes(&found), PRIOR).unwrap(), is_mode));
        without.push((mode_posterior(&sizes(&found), PRIOR).unwrap(), is_mode));
        let two: Vec<u32> = sizes(&found).into_iter().take(2).collect();
        beta.push((mode_posterior(&two, 1.0).unwrap(), is_mode));
    }
    for (name, of) in [("one unseen", &with), ("none", &without), ("Beta of two", &beta)] {
        println!("made questions (5): {name}: ECE {:.4}, Brier {:.4}", ece(of), brier(of));
    }
    assert!(ece(&with) < ece(&without) && ece(&without) < ece(&beta));
    assert!(brier(&with) < brier(&beta));
}
