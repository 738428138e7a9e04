//! Curves that make a chance of a score, fitted on what became of it.

use orch_core::Error;
use serde::{Deserialize, Serialize};

use super::isotonic::isotonic;
use super::platt::{Platt, logit};

/// From this many labels on a curve of any rising shape is fitted; with fewer, one of two parameters.
pub(super) const ISOTONIC_FROM: f64 = 100.0;

/// A score, and whether what it was given for came true.
#[derive(Clone, Copy, Debug)]
pub(super) struct Label {
    pub(super) score: f64,
    pub(super) hit: bool,
    /// How many labels it counts for: less than 1 when several belong to one question.
    pub(super) weight: f64,
}

/// A rising curve from score to chance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub(super) enum Curve {
    Platt(Platt),
    /// Points in the order of their scores, joined by straight lines.
    Isotonic {
        points: Vec<(f64, f64)>,
    },
}

impl Curve {
    /// Fits by Platt's method below 100 labels, by isotonic regression from there on.
    pub(super) fn fit(labels: &[Label]) -> Result<Self, Error> {
        if labels.is_empty() {
            return Err(Error::invalid("/labels", "0 labels: a curve is fitted on at least 1"));
        }
        if let Some(label) = labels.iter().find(|label| !(0.0..=1.0).contains(&label.score)) {
            return Err(Error::invalid("/labels", format!("a score of {}: it must lie within 0 and 1", label.score)));
        }
        let all: f64 = labels.iter().map(|label| label.weight).sum();
        Ok(if all < ISOTONIC_FROM {
            Self::Platt(Platt::fit(labels))
        } else {
            Self::Isotonic { points: isotonic(labels) }
        })
    }

    /// The chance that belongs to a score.
    pub(super) fn at(&self, score: f64) -> f64 {
        match self {
            Self::Platt(platt) => platt.at(logit(score)),
            Self::Isotonic { points } => between(points, score),
        }
    }

    /// Refuses what no fit gives, as in a file that was changed.
    pub(super) fn check(&self) -> Result<(), Error> {
        match self {
            Self::Platt(platt) => platt.check(),
            Self::Isotonic { points } => {
                let within = |x: f64| (0.0..=1.0).contains(&x);
                let rise = |pair: &[(f64, f64)]| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1;
                if points.is_empty() || !points.iter().all(|(x, y)| within(*x) && within(*y)) {
                    return Err(Error::invalid("/points", "points must lie within 0 and 1, and there must be one"));
                }
                match points.windows(2).position(|pair| !rise(pair)) {
                    Some(at) => Err(Error::invalid(format!("/points/{}", at + 1), "points must rise")),
                    None => Ok(()),
                }
            }
        }
    }
}

/// Chances that a fit takes for certain would be refuted by one error: so a hit counts as slightly less than 1 and a
/// miss as slightly more than 0 (Platt 1999).
pub(super) fn targets(labels: &[Label]) -> (f64, f64) {
    let hits: f64 = labels.iter().filter(|label| label.hit).map(|label| label.weight).sum();
    let misses: f64 = labels.iter().filter(|label| !label.hit).map(|label| label.weight).sum();
    ((hits + 1.0) / (hits + 2.0), 1.0 / (misses + 2.0))
}

/// On the straight lines between points; beside them as at the nearer end.
fn between(points: &[(f64, f64)], x: f64) -> f64 {
    let after = points.partition_point(|(at, _)| *at < x);
    match (after.checked_sub(1).and_then(|before| points.get(before)), points.get(after)) {
        (Some((x0, y0)), Some((x1, y1))) => y0 + (y1 - y0) * (x - x0) / (x1 - x0),
        (Some((_, y)), None) | (None, Some((_, y))) => *y,
        (None, None) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_between_points_lie_on_the_line_and_those_beside_them_at_the_end() {
        let points = [(0.2, 0.1), (0.6, 0.5)];
        for (x, y) in [(0.0, 0.1), (0.2, 0.1), (0.4, 0.3), (0.6, 0.5), (1.0, 0.5)] {
            assert!((between(&points, x) - y).abs() < 1e-12, "{x}");
        }
    }

    #[test]
    fn no_labels_and_scores_that_are_none_are_refused() {
        assert!(Curve::fit(&[]).is_err());
        let error = Curve::fit(&[Label { score: 1.5, hit: true, weight: 1.0 }]).unwrap_err();
        assert!(error.to_string().contains("1.5"), "{error}");
        assert!(Curve::fit(&[Label { score: f64::NAN, hit: true, weight: 1.0 }]).is_err());
    }
}
