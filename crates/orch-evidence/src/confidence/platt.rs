use orch_core::Error;
use serde::{Deserialize, Serialize};

use super::curve::{Label, targets};

/// A logistic curve over the logit of the score (Platt 1999).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Platt {
    slope: f64,
    intercept: f64,
}

impl Platt {
    /// The curve of the highest likelihood, by Newton's method. A higher score never means a lower chance: where the
    /// labels say so, the curve is flat.
    pub(super) fn fit(labels: &[Label]) -> Self {
        let (hit, miss) = targets(labels);
        let points: Vec<(f64, f64, f64)> =
            labels.iter().map(|label| (logit(label.score), if label.hit { hit } else { miss }, label.weight)).collect();
        let rising = newton(&points);
        if rising.slope > 0.0 && rising.slope.is_finite() && rising.intercept.is_finite() {
            return rising;
        }
        let all: f64 = points.iter().map(|(_, _, weight)| weight).sum();
        let mean = points.iter().map(|(_, target, weight)| target * weight).sum::<f64>() / all;
        Self { slope: 0.0, intercept: logit(mean) }
    }

    pub(super) fn at(self, x: f64) -> f64 {
        logistic(self.slope * x + self.intercept)
    }

    pub(super) fn check(self) -> Result<(), Error> {
        if self.slope.is_finite() && self.slope >= 0.0 && self.intercept.is_finite() {
            return Ok(());
        }
        let reason = format!("a slope of {} and an intercept of {}", self.slope, self.intercept);
        Err(Error::invalid("/slope", format!("{reason}: both must be finite and the slope not negative")))
    }
}

/// The logarithm of the odds, of at least one in a million.
pub(super) fn logit(chance: f64) -> f64 {
    let chance = chance.clamp(1e-6, 1.0 - 1e-6);
    (chance / (1.0 - chance)).ln()
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Newton's steps, halved while they make the fit worse, over points of (x, target, weight).
fn newton(points: &[(f64, f64, f64)]) -> Platt {
    let mut now = Platt { slope: 1.0, intercept: 0.0 };
    let mut loss = cross_entropy(points, now);
    for _ in 0..100 {
        let (mut slope, mut intercept, mut xx, mut x1, mut one) = (0.0, 0.0, 1e-9, 0.0, 1e-9);
        for (x, target, weight) in points {
            let p = now.at(*x);
            let (error, spread) = (weight * (p - target), weight * p * (1.0 - p));
            slope += error * x;
            intercept += error;
            xx += spread * x * x;
            x1 += spread * x;
            one += spread;
        }
        let determinant = xx * one - x1 * x1;
        let step = ((one * slope - x1 * intercept) / determinant, (xx * intercept - x1 * slope) / determinant);
        let mut part = 1.0;
        let better = std::iter::repeat_with(|| {
            let next = Platt { slope: now.slope - part * step.0, intercept: now.intercept - part * step.1 };
            part /= 2.0;
            (next, cross_entropy(points, next))
        })
        .take(30)
        .find(|(_, next)| *next < loss);
        let Some((next, lower)) = better else { break };
        let gained = loss - lower;
        (now, loss) = (next, lower);
        if gained < 1e-12 * (1.0 + loss.abs()) {
            break;
        }
    }
    now
}

/// What the curve leaves unexplained, in nats.
fn cross_entropy(points: &[(f64, f64, f64)], curve: Platt) -> f64 {
    let loss = |(x, target, weight): &(f64, f64, f64)| {
        let z = curve.slope * x + curve.intercept;
        // ln(1 + e^z) without overflow.
        let softplus = z.max(0.0) + (-z.abs()).exp().ln_1p();
        weight * (softplus - target * z)
    };
    points.iter().map(loss).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(of: impl IntoIterator<Item = (f64, bool)>) -> Vec<Label> {
        of.into_iter().map(|(score, hit)| Label { score, hit, weight: 1.0 }).collect()
    }

    #[test]
    fn two_scores_get_the_shares_of_their_labels() {
        // 40 of 80 right at one score, 72 of 80 at the other: two parameters fit both shares.
        let low = (0..80).map(|at| (0.3, at % 2 == 0));
        let high = (0..80).map(|at| (0.9, at % 10 != 0));
        let all = labels(low.chain(high));
        let (hit, miss) = targets(&all);
        let curve = Platt::fit(&all);
        for (score, share) in [(0.3, 0.5), (0.9, 0.9)] {
            let expected = share * hit + (1.0 - share) * miss;
            assert!((curve.at(logit(score)) - expected).abs() < 1e-6, "{score}");
        }
    }

    #[test]
    fn labels_that_fall_with_the_score_make_a_flat_curve() {
        let curve = Platt::fit(&labels((0..20).map(|at| (f64::from(at) / 20.0, at < 10))));
        assert_eq!(curve.slope, 0.0);
        assert!((curve.at(logit(0.1)) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn labels_of_one_kind_are_not_taken_for_certain() {
        let chance = Platt::fit(&labels((0..20).map(|at| (0.5 + f64::from(at) / 50.0, true)))).at(logit(0.9));
        assert!(chance > 0.9 && chance < 1.0, "{chance}");
    }

    #[test]
    fn a_perfect_division_stays_finite() {
        let curve = Platt::fit(&labels((0..50).map(|at| (f64::from(at) / 50.0, at >= 25))));
        assert!(curve.check().is_ok(), "{curve:?}");
        assert!(curve.at(logit(0.0)) < 0.05 && curve.at(logit(1.0)) > 0.95);
    }
}
