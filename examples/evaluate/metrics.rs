//! How well a score from 0 to 1 tells right from wrong.

/// A score and whether what it was given to is right.
pub(crate) type Scored = (f64, bool);

/// The chance that a right one has the higher score than a wrong one, a tie counting half (Mann and Whitney's U).
/// `None` unless there are both.
pub(crate) fn auroc(scored: &[Scored]) -> Option<f64> {
    let mut sorted = scored.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut wins, mut wrong_below) = (0.0, 0.0);
    for tied in sorted.chunk_by(|a, b| a.0 == b.0) {
        let right = tied.iter().filter(|scored| scored.1).count() as f64;
        let wrong = tied.len() as f64 - right;
        wins += right * (wrong_below + wrong / 2.0);
        wrong_below += wrong;
    }
    let pairs = wrong_below * (scored.len() as f64 - wrong_below);
    (pairs > 0.0).then(|| wins / pairs)
}

/// How far the share of right ones is from the mean score, over 10 bins of equal width by their sizes;
/// a score of 1 is in the last bin. `None` of nothing.
pub(crate) fn ece(scored: &[Scored]) -> Option<f64> {
    const BINS: usize = 10;
    let mut bins = [0.0; BINS];
    for (score, right) in scored {
        let at = (1..BINS).filter(|edge| *score >= *edge as f64 / BINS as f64).count();
        bins[at] += score - f64::from(u8::from(*right));
    }
    (!scored.is_empty()).then(|| bins.iter().map(|gap: &f64| gap.abs()).sum::<f64>() / scored.len() as f64)
}

/// The mean squared difference of score and truth (Brier 1950). `None` of nothing.
pub(crate) fn brier(scored: &[Scored]) -> Option<f64> {
    mean(scored.iter().map(|(score, right)| (score - f64::from(u8::from(*right))).powi(2)))
}

/// The share of right ones. `None` of nothing.
pub(crate) fn share(right: impl Iterator<Item = bool>) -> Option<f64> {
    mean(right.map(|right| f64::from(u8::from(right))))
}

/// `None` of nothing.
pub(crate) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values.fold((0.0, 0_u32), |(sum, n), value| (sum + value, n + 1));
    (n > 0).then(|| sum / f64::from(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auroc_is_the_share_of_pairs_in_the_right_order() {
        assert_eq!(auroc(&[(0.9, true), (0.1, false)]), Some(1.0));
        assert_eq!(auroc(&[(0.5, true), (0.5, false)]), Some(0.5));
        let scored = [(0.3, true), (0.7, false), (0.7, true), (0.2, false), (0.9, true), (0.3, false)];
        let pairs = scored.iter().filter(|a| a.1).flat_map(|a| scored.iter().filter(|b| !b.1).map(move |b| (a.0, b.0)));
        let wins: Vec<f64> = pairs
            .map(|(a, b)| {
                if a > b {
                    1.0
                } else if a == b {
                    0.5
                } else {
                    0.0
                }
            })
            .collect();
        assert_eq!(auroc(&scored), Some(wins.iter().sum::<f64>() / wins.len() as f64));
        assert_eq!(auroc(&[(0.5, true)]), None);
    }

    #[test]
    fn ece_weighs_the_gaps_of_ten_bins() {
        assert_eq!(ece(&[(1.0, true), (0.0, false)]), Some(0.0));
        assert_eq!(ece(&[(0.75, true), (0.75, false)]), Some(0.25));
        assert_eq!(ece(&[(1.0, false), (0.95, true)]), Some(0.475));
        assert_eq!(ece(&[(0.1, false), (0.05, true)]), Some((0.1 + 0.95) / 2.0));
        assert_eq!(ece(&[]), None);
    }

    #[test]
    fn brier_is_the_mean_square() {
        assert_eq!(brier(&[(0.5, true), (1.0, false)]), Some(0.625));
        assert_eq!(share([true, false, true, true].into_iter()), Some(0.75));
        assert_eq!(mean(std::iter::empty()), None);
    }
}
