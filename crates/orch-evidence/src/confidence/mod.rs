//! How sure one may be, with a stated meaning.

mod agreement_calibrator;
mod calibration;
mod calibrator;
mod curve;
mod eigen;
mod gamma;
mod isotonic;
mod kernel;
mod key;
mod mode;
mod platt;
mod quadrature;

pub use self::agreement_calibrator::{AgreementCalibrator, withheld};
pub use self::calibration::Calibration;
pub use self::calibrator::Calibrator;
pub(crate) use self::gamma::{gamma_cdf, ln_gamma};
pub use self::kernel::{TAU, kernel_confidence, snne, von_neumann_entropy};
pub(crate) use self::kernel::{confidence_by, entropy_of};
pub use self::key::CalibrationKey;
pub(crate) use self::mode::{chance_to_lead, leads};
pub use self::mode::{mode_posterior, mode_posterior_with_unseen};

/// The theta of [`agreement`]: how much unseen answers are expected, as a number of replicates.
pub const THETA: f64 = 0.25;

/// The prior of [`mode_posterior`]: Jeffreys'.
pub const PRIOR: f64 = 0.5;

/// The chance that one more replicate joins the consensus: `S / (K + theta)`.
///
/// `similar` is `S`: 1 for the consensus itself plus the similarity (1 - distance) of each other
/// replicate to it. With similarities of 0 and 1 it is the size of the leading cluster, and the formula the
/// predictive rule of Ewens' sampling formula (the "Chinese restaurant"), in which a new answer has the chance
/// `theta / (K + theta)`. Of no replicates it is 0.
///
/// ```
/// use orch_evidence::confidence::{THETA, agreement};
///
/// assert_eq!(agreement(1.0, 1, THETA), 0.8);
/// assert_eq!(agreement(3.0, 3, THETA), 3.0 / 3.25);
/// ```
#[must_use]
pub fn agreement(similar: f64, k: u32, theta: f64) -> f64 {
    if k == 0 { 0.0 } else { similar / (f64::from(k) + theta) }
}

/// The 95 % Wilson interval of a proportion, low and high end (Wilson 1927); 0 and 1 of nothing.
///
/// ```
/// use orch_evidence::confidence::wilson;
///
/// let (low, high) = wilson(1.0, 1.0);
/// assert!((low - 0.2065).abs() < 1e-4 && high == 1.0);
/// ```
#[must_use]
pub fn wilson(hits: f64, of: f64) -> (f64, f64) {
    const Z: f64 = 1.959_963_984_540_054;
    if of <= 0.0 {
        return (0.0, 1.0);
    }
    let (p, z2) = (hits / of, Z * Z);
    let middle = p + z2 / (2.0 * of);
    let half = Z * (p * (1.0 - p) / of + z2 / (4.0 * of * of)).max(0.0).sqrt();
    let scale = 1.0 + z2 / of;
    // Rounding must not leave the ends that the formula reaches exactly.
    let low = if hits <= 0.0 { 0.0 } else { ((middle - half) / scale).max(0.0) };
    let high = if hits >= of { 1.0 } else { ((middle + half) / scale).min(1.0) };
    (low, high)
}

#[cfg(test)]
mod calibration_tests;
#[cfg(test)]
mod tests;
