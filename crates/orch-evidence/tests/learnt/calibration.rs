//! The chance to be right, fitted on 200 labels and tried on the others (evidence: numbers 3, 6 and 11).

use orch_evidence::ConfidenceKind;
use orch_evidence::confidence::{CalibrationKey, Calibrator};

use crate::figures::{auroc, brier, ece};
use crate::recorded::{recorded, splits};

/// The agreement on each question, and whether the consensus is right, for K of its answers in one order.
fn labels(set: &str, k: usize, turn: u64) -> Option<Vec<(f64, bool)>> {
    let questions = recorded(set)?;
    let label = |(at, question): (usize, &crate::recorded::Question)| {
        let (bundle, right) = question.bundle(&question.draw(k, turn, at));
        assert_eq!(bundle.summary.confidence_kind, ConfidenceKind::Agreement, "nothing was fitted");
        (bundle.summary.agreement, right)
    };
    Some(questions.iter().enumerate().map(label).collect())
}

fn fitted(fit: &[(f64, bool)], tried: &[(f64, bool)], k: u32) -> Vec<(f64, bool)> {
    let key = CalibrationKey::new("recorded", "token_levenshtein", k);
    let calibrator = Calibrator::fit(key.clone(), fit.iter().copied()).unwrap();
    tried.iter().map(|(score, right)| (calibrator.p_correct(&key, *score).unwrap(), *right)).collect()
}

#[test]
fn two_hundred_labels_make_an_agreement_of_five_a_chance_to_be_right() {
    for (set, most_ece, most_brier) in [
        ("date_gpt35_k10", 0.072, 0.186),
        ("triviaqa_llama13b_k20", 0.058, 0.139),
        ("gsm8k_ensemble_k14", 0.028, 0.075),
    ] {
        let mut sums = [0.0; 4];
        for turn in 0..3 {
            let Some(labels) = labels(set, 5, turn) else { return };
            let found = splits(&labels, 200, 20, |fit, tried| {
                let fitted = fitted(fit, tried, 5);
                [ece(&fitted), brier(&fitted), ece(tried), brier(tried)]
            });
            sums.iter_mut().zip(found).for_each(|(sum, found)| *sum += found / 3.0);
        }
        let [ece, brier, raw_ece, raw_brier] = sums;
        println!(
            "{set} (5): p_correct ECE {ece:.4}, Brier {brier:.4}; the agreement itself {raw_ece:.4}, {raw_brier:.4}"
        );
        assert!(ece <= most_ece && ece < raw_ece && brier <= most_brier, "{set}: {ece} {brier}");
    }
}

/// Mean AUROC, ECE and Brier of the agreement over six orders.
fn ranking(set: &str, k: usize) -> Option<[f64; 3]> {
    let mut sums = [0.0; 3];
    for turn in 0..6 {
        let labels = labels(set, k, turn)?;
        let found = [auroc(&labels), ece(&labels), brier(&labels)];
        sums.iter_mut().zip(found).for_each(|(sum, found)| *sum += found / 6.0);
    }
    let [auroc, ece, brier] = sums;
    println!("{set} ({k}): agreement AUROC {auroc:.3}, ECE {ece:.3}, Brier {brier:.3}");
    Some(sums)
}

#[test]
fn agreement_ranks_right_answers_above_wrong_ones() {
    for (set, k, least) in [
        ("triviaqa_llama13b_k20", 3, 0.875),
        ("triviaqa_llama13b_k20", 5, 0.890),
        ("gsm8k_ensemble_k14", 3, 0.87),
        ("gsm8k_ensemble_k14", 5, 0.87),
        ("date_gpt35_k10", 3, 0.70),
        ("date_gpt35_k10", 5, 0.70),
    ] {
        let Some([auroc, ..]) = ranking(set, k) else { return };
        assert!(auroc >= least, "{set} ({k}): {auroc}");
    }
}

#[test]
fn thirty_labels_are_enough_to_see_that_nothing_is_right() {
    let Some(labels) = labels("game24_gpt4cot_k100", 10, 0) else { return };
    let [fitted, raw] = splits(&labels, 30, 60, |fit, tried| [brier(&fitted(fit, tried, 10)), brier(tried)]);
    println!("game24 (10): Brier of 30 labels {fitted:.4} (at most 0.082), of the agreement {raw:.4}");
    assert!(fitted <= 0.082, "{fitted}");
}
