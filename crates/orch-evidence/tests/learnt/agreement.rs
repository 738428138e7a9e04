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
    let mut all = Vec::new();
    for turn in 0..20 {
        let Some(history) = history("date_gpt35_k10", turn) else { return };
        all.extend(history.concat());
    }
    println!("date (3): agreement ECE {:.4} (at most 0.031), Brier {:.4}", ece(&all), brier(&all));
}

#[test]
fn a_calibrator_without_labels_mends_the_agreement_of_trivia_answers() {
    let Some(history) = history("triviaqa_llama13b_k20", 0) else { return };
    let key = CalibrationKey::new("recorded", "token_levenshtein", 3);
    let [mended, plain, mended_brier, plain_brier] = splits(&history, 200, 20, |fit, tried| {
        let calibrator = AgreementCalibrator::fit(key.clone(), fit.iter().cloned()).unwrap();
        let plain = tried.concat();
        let mended: Vec<(f64, bool)> =
            plain.iter().map(|(score, joined)| (calibrator.agreement(&key, *score).unwrap(), *joined)).collect();
        [ece(&mended), ece(&plain), brier(&mended), brier(&plain)]
    });
    println!(
        "trivia (3): mended agreement ECE {mended:.4} (at most 0.05), Brier {mended_brier:.4}; plain {plain:.4}, {plain_brier:.4}"
    );
    assert!(mended <= 0.05 && mended_brier < plain_brier, "{mended}");
}
