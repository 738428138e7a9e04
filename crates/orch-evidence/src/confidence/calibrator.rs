use orch_core::Error;
use serde::{Deserialize, Serialize};

use super::CalibrationKey;
use super::curve::{Curve, Label};

/// With fewer labels than these a calibrator says that it is not to be relied on.
const FEW: u32 = 30;

/// Makes the chance to be right of an agreement, by what turned out to be right before.
///
/// Platt's logistic curve over the logit of the agreement below 100 labels, isotonic regression from there on. An
/// agreement beside all that it was fitted on counts as the nearest of them. It holds for exactly one
/// [`CalibrationKey`], and refuses every other. To save and load it, use serde: a file of another version, or one with
/// numbers that no fit gives, is refused.
///
/// ```
/// use orch_evidence::confidence::{CalibrationKey, Calibrator};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let key = CalibrationKey::new("capital", "token_levenshtein", 5);
/// // The agreement of each bundle, and whether its consensus turned out to be right.
/// let labels = (0..60).map(|i| if i % 2 == 0 { (0.95, i % 10 != 0) } else { (0.57, i % 3 == 0) });
/// let calibrator = Calibrator::fit(key.clone(), labels)?;
///
/// let stored = serde_json::to_string(&calibrator)?;
/// let calibrator: Calibrator = serde_json::from_str(&stored)?;
/// assert!((calibrator.p_correct(&key, 0.95)? - 0.8).abs() < 0.02);
/// assert!(calibrator.p_correct(&CalibrationKey::new("capital", "token_levenshtein", 3), 0.95).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Calibrator {
    version: u32,
    key: CalibrationKey,
    labels: u32,
    right: u32,
    lowest: f64,
    highest: f64,
    curve: Curve,
}

impl Calibrator {
    /// The version of the stored form.
    pub const VERSION: u32 = 1;

    /// Fits a curve to agreements (0 to 1) and whether the consensus was right.
    ///
    /// # Errors
    /// `InvalidRequest` without labels, and for an agreement outside 0 to 1, which it names.
    pub fn fit(key: CalibrationKey, labelled: impl IntoIterator<Item = (f64, bool)>) -> Result<Self, Error> {
        let labels = labelled.into_iter().map(|(score, hit)| Label { score, hit, weight: 1.0 });
        Self::fit_weighted(key, &labels.collect::<Vec<_>>())
    }

    pub(super) fn fit_weighted(key: CalibrationKey, labels: &[Label]) -> Result<Self, Error> {
        let curve = Curve::fit(labels)?;
        let sum = |hits_alone: bool| {
            let counted = labels.iter().filter(|label| label.hit || !hits_alone);
            whole(counted.map(|label| label.weight).sum())
        };
        let scores = || labels.iter().map(|label| label.score);
        Ok(Self {
            version: Self::VERSION,
            key,
            labels: sum(false),
            right: sum(true),
            lowest: scores().fold(f64::INFINITY, f64::min),
            highest: scores().fold(f64::NEG_INFINITY, f64::max),
            curve,
        })
    }

    /// The chance that a consensus with this agreement is right.
    ///
    /// # Errors
    /// `InvalidRequest` for another key than it was fitted for, naming both, and for an agreement that is not a number.
    pub fn p_correct(&self, key: &CalibrationKey, agreement: f64) -> Result<f64, Error> {
        if *key != self.key {
            let reason = format!("a calibrator for {} says nothing about {key}", self.key);
            return Err(Error::invalid("/calibrator/key", reason));
        }
        if agreement.is_nan() {
            return Err(Error::invalid("/agreement", "NaN is no agreement"));
        }
        Ok(self.curve.at(agreement.clamp(self.lowest, self.highest)))
    }

    /// What it was fitted for.
    #[must_use]
    pub fn key(&self) -> &CalibrationKey {
        &self.key
    }

    /// On how many labels it was fitted, and how many of them were right.
    #[must_use]
    pub fn labels(&self) -> (u32, u32) {
        (self.labels, self.right)
    }

    /// Why it is not to be relied on: fewer than 30 labels.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let Self { labels, key, .. } = self;
        (*labels < FEW).then(|| format!("the calibrator for {key} was fitted on {labels} labels, fewer than {FEW}"))
    }
}

/// The stored form before it is checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    key: CalibrationKey,
    labels: u32,
    right: u32,
    lowest: f64,
    highest: f64,
    curve: Curve,
}

impl TryFrom<Stored> for Calibrator {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self, Error> {
        let Stored { version, key, labels, right, lowest, highest, curve } = stored;
        if version != Self::VERSION {
            let reason = format!("{version}: only version {} can be read", Self::VERSION);
            return Err(Error::invalid("/version", reason));
        }
        if !(0.0 <= lowest && lowest <= highest && highest <= 1.0) {
            return Err(Error::invalid("/lowest", format!("{lowest} to {highest} is no range within 0 and 1")));
        }
        if right > labels {
            return Err(Error::invalid("/right", format!("{right} of {labels} labels")));
        }
        curve.check()?;
        Ok(Self { version, key, labels, right, lowest, highest, curve })
    }
}

/// Weights sum to a number of labels but for rounding.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rounded, and no more than there are labels"
)]
fn whole(sum: f64) -> u32 {
    sum.round().max(0.0) as u32
}
