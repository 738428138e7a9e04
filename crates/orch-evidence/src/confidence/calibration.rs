use super::{AgreementCalibrator, CalibrationKey, Calibrator};
use crate::bundle::{ConfidenceKind, Summary};

/// The calibrators at hand, each for a key of its own. What they say stands in a bundle:
/// `p_correct` takes the confidence's place; else a corrected agreement does. A bundle whose key none of
/// them was fitted for keeps the plain agreement, and says so in `metadata.warnings`.
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use]
pub struct Calibration {
    right: Vec<Calibrator>,
    agreement: Vec<AgreementCalibrator>,
}

impl Calibration {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a calibrator; it takes the place of one with the same key.
    pub fn calibrator(mut self, calibrator: Calibrator) -> Self {
        self.right.retain(|other| other.key() != calibrator.key());
        self.right.push(calibrator);
        self
    }

    /// Adds a calibrator of the agreement; it takes the place of one with the same key.
    pub fn agreement_calibrator(mut self, calibrator: AgreementCalibrator) -> Self {
        self.agreement.retain(|other| other.key() != calibrator.key());
        self.agreement.push(calibrator);
        self
    }

    /// Puts what the calibrators for this key say into a summary; returns what people should know about that.
    pub(crate) fn apply(&self, key: &CalibrationKey, summary: &mut Summary) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(fitted) = self.agreement.iter().find(|calibrator| calibrator.key() == key) {
            match fitted.agreement(key, summary.agreement) {
                Ok(agreement) => summary.confidence = agreement,
                Err(error) => warnings.push(error.to_string()),
            }
            warnings.extend(fitted.warning());
        }
        if let Some(fitted) = self.right.iter().find(|calibrator| calibrator.key() == key) {
            match fitted.p_correct(key, summary.agreement) {
                Ok(chance) => {
                    summary.p_correct = Some(chance);
                    (summary.confidence, summary.confidence_kind) = (chance, ConfidenceKind::PCorrect);
                }
                Err(error) => warnings.push(error.to_string()),
            }
            warnings.extend(fitted.warning());
        } else if !self.right.is_empty() {
            warnings.push(format!("no calibrator was fitted for {key}: the chance to be right stays unknown"));
        }
        warnings
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.right.is_empty() && self.agreement.is_empty()
    }
}
