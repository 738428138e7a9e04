//! The agreement against its own meaning: does a fresh replicate join the consensus (evidence: number 5)?

use orch_evidence::confidence::{AgreementCalibrator, CalibrationKey, withheld};

use crate::figures::{brier, ece};
use crate::recorded::{recorded, splits};

/// For each question the agreements of three replicates and whether one that was withheld joined them.
fn history(set: &str, turn: u64) -> Option<Vec<Vec<(f64, bool)>>> {
    let questions = recorded(set)?;
    let question = |(at, question): (usize, &crate::recorded::Question)| {
        let order = question.draw(question.answers.len(), turn, at);
        withheld(&question.bundle(&order).0.summary.pairwise_distance, 3, 0.0)
    };
    Some(questions.iter().enumerate().map(question).collect())
}

#[test]
fn agreement_of_three_dates_is_the_chance_of_a_fourth_to_join() {
    let Some(plain) = mended("date_gpt35_k10").map(|[mended, plain, ..]| {
        assert!(mended <= 0.031, "{mended}");
        plain
    }) else {
        return;
    };
    assert!(plain <= 0.045, "{plain}");
}

#[test]
fn a_calibrator_without_labels_mends_the_agreement_of_trivia_answers() {
    let Some([mended, plain, mended_brier, plain_brier]) = mended("triviaqa_llama13b_k20") else { return };
    assert!(mended <= 0.05 && mended < plain && mended_brier < plain_brier, "{mended} {plain}");
}

/// ECE mended and plain, Brier mended and plain: fitted on the history of 200 questions, tried on the others.
fn mended(set: &str) -> Option<[f64; 4]> {
    let key = CalibrationKey::new("recorded", "token_levenshtein", 3);
    let mut sums = [0.0; 4];
    for turn in 0..5 {
        let found = splits(&history(set, turn)?, 200, 20, |fit, tried| {
            let calibrator = AgreementCalibrator::fit(key.clone(), fit.iter().cloned()).unwrap();
            let plain = tried.concat();
            let mended: Vec<(f64, bool)> =
                plain.iter().map(|(score, joined)| (calibrator.agreement(&key, *score).unwrap(), *joined)).collect();
            [ece(&mended), ece(&plain), brier(&mended), brier(&plain)]
        });
        sums.iter_mut().zip(found).for_each(|(sum, found)| *sum += found / 5.0);
    }
    let [mended, plain, mended_brier, plain_brier] = sums;
    println!(
        "{set} (3): mended agreement ECE {mended:.4}, Brier {mended_brier:.4}; plain {plain:.4}, {plain_brier:.4}"
    );
    Some(sums)
}
