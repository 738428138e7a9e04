//! Figures of merit of a score that claims to be a chance.

/// The expected calibration error in ten bins of equal width, over (chance, came true).
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "chances lie within 0 and 1")]
pub(crate) fn ece(of: &[(f64, bool)]) -> f64 {
    let mut bins = [(0.0, 0.0); 10];
    for (chance, hit) in of {
        let bin = ((chance * 10.0) as usize).min(9);
        bins[bin].0 += chance;
        bins[bin].1 += f64::from(u8::from(*hit));
    }
    bins.iter().map(|(chances, hits)| f64::abs(chances - hits)).sum::<f64>() / of.len() as f64
}

/// The mean squared error of the chance.
pub(crate) fn brier(of: &[(f64, bool)]) -> f64 {
    of.iter().map(|(chance, hit)| (chance - f64::from(u8::from(*hit))).powi(2)).sum::<f64>() / of.len() as f64
}

/// The chance that one that came true has a higher score than one that did not; ties count half.
pub(crate) fn auroc(of: &[(f64, bool)]) -> f64 {
    let scores = |wanted: bool| of.iter().filter(move |(_, hit)| *hit == wanted).map(|(score, _)| *score);
    let wins: f64 = scores(true)
        .map(|high| {
            scores(false)
                .map(|low| f64::from(u8::from(high > low)) + f64::from(u8::from(high == low)) / 2.0)
                .sum::<f64>()
        })
        .sum();
    wins / (scores(true).count() * scores(false).count()) as f64
}

#[test]
fn figures_of_merit_are_those_of_small_examples() {
    let of = [(0.95, true), (0.95, false), (0.15, false), (0.15, false)];
    assert!((ece(&of) - (0.9 + 0.3) / 4.0).abs() < 1e-12);
    assert!((brier(&of) - (0.0025 + 0.9025 + 2.0 * 0.0225) / 4.0).abs() < 1e-12);
    assert!((auroc(&of) - 5.0 / 6.0).abs() < 1e-12);
}
