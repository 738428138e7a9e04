use super::curve::{Label, targets};

/// The rising curve of the least squared error, as the two ends of each of its levels.
///
/// Pool adjacent violators: neighbours whose means fall are joined until none do (Ayer et al. 1955). Within a level the
/// curve is flat, since agreements come in few values and most labels share them; straight lines lead from one
/// level to the next.
pub(super) fn isotonic(labels: &[Label]) -> Vec<(f64, f64)> {
    let (hit, miss) = targets(labels);
    let mut sorted: Vec<&Label> = labels.iter().collect();
    sorted.sort_by(|a, b| a.score.total_cmp(&b.score));
    let mut levels: Vec<Level> = Vec::new();
    for label in sorted {
        let (weight, target) = (label.weight, if label.hit { hit } else { miss });
        let next = Level { weight, targets: weight * target, first: label.score, last: label.score };
        match levels.last_mut() {
            // Equal scores have one level in any case.
            Some(level) if level.last == label.score => level.join(&next),
            _ => levels.push(next),
        }
    }
    let mut pooled: Vec<Level> = Vec::new();
    for level in levels {
        pooled.push(level);
        while let [.., before, last] = pooled.as_mut_slice()
            && before.mean() >= last.mean()
        {
            before.join(last);
            pooled.pop();
        }
    }
    let ends = |level: &Level| [(level.first, level.mean()), (level.last, level.mean())];
    let mut points: Vec<(f64, f64)> = pooled.iter().flat_map(ends).collect();
    points.dedup();
    points
}

/// Labels next to each other that share one chance.
struct Level {
    weight: f64,
    /// The sum over the labels, weighted.
    targets: f64,
    /// The lowest and the highest score.
    first: f64,
    last: f64,
}

impl Level {
    fn mean(&self) -> f64 {
        self.targets / self.weight
    }

    fn join(&mut self, next: &Self) {
        self.weight += next.weight;
        self.targets += next.targets;
        self.last = next.last;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(of: &[(u8, bool)]) -> Vec<Label> {
        of.iter().map(|(score, hit)| Label { score: f64::from(*score) / 20.0, hit: *hit, weight: 1.0 }).collect()
    }

    #[test]
    fn neighbours_that_fall_share_their_mean() {
        let points = isotonic(&labels(&[(1, false), (2, true), (3, false), (4, true)]));
        let (hit, miss) = (3.0 / 4.0, 1.0 / 4.0);
        let middle = f64::midpoint(hit, miss);
        assert_eq!(points, [(0.05, miss), (0.1, middle), (0.15, middle), (0.2, hit)]);
    }

    #[test]
    fn labels_of_one_score_make_one_point() {
        assert_eq!(isotonic(&labels(&[(5, false), (5, true), (5, true), (5, true)])).len(), 1);
    }

    /// The level of each label by the max-min formula: the largest over starts of the least mean up to an end.
    fn by_max_min(labels: &[Label]) -> Vec<f64> {
        let (hit, miss) = targets(labels);
        let mut scores: Vec<f64> = labels.iter().map(|label| label.score).collect();
        scores.sort_by(f64::total_cmp);
        scores.dedup();
        let mean = |from: usize, to: usize| {
            let inside = labels.iter().filter(|label| label.score >= scores[from] && label.score <= scores[to]);
            let targets: Vec<f64> = inside.map(|label| if label.hit { hit } else { miss }).collect();
            targets.iter().sum::<f64>() / targets.len() as f64
        };
        let least = |from: usize, at: usize| (at..scores.len()).map(|to| mean(from, to)).fold(f64::INFINITY, f64::min);
        (0..scores.len()).map(|at| (0..=at).map(|from| least(from, at)).fold(0.0, f64::max)).collect()
    }

    proptest! {
        #[test]
        fn levels_are_those_of_the_max_min_formula(of in prop::collection::vec((0_u8..20, any::<bool>()), 1..40)) {
            let labels = labels(&of);
            let points = isotonic(&labels);
            prop_assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1));
            let mut expected = by_max_min(&labels);
            let mut found: Vec<f64> = points.iter().map(|(_, chance)| *chance).collect();
            // Means that are equal may differ in their last bit.
            expected.dedup_by(|a, b| (*a - *b).abs() < 1e-12);
            found.dedup_by(|a, b| (*a - *b).abs() < 1e-12);
            prop_assert_eq!(found.len(), expected.len());
            prop_assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-9), "{:?} {:?}", found, expected);
        }
    }
}
