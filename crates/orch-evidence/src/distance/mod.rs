//! How different two answers are.

mod checked;
mod exact;
mod prepared;
mod token_jaccard;
mod token_levenshtein;
pub(crate) mod tree;

pub(crate) use self::checked::Checked;
pub use self::exact::Exact;
pub use self::prepared::Prepared;
pub use self::token_jaccard::TokenJaccard;
pub use self::token_levenshtein::TokenLevenshtein;

/// How different two texts are: 0 for the same, 1 for nothing in common.
///
/// An implementation is symmetric, and 0 for equal texts. A value that is not a number counts as 1 and
/// one outside 0 to 1 as the nearer end; the bundle's `metadata.warnings` says so. Answers that are JSON are
/// compared field by field, and their texts by this.
///
/// ```
/// use orch_evidence::{Distance, Prepared, TokenLevenshtein};
///
/// /// 0 if both start with the same word.
/// struct FirstWord;
///
/// impl Distance for FirstWord {
///     fn name(&self) -> &'static str {
///         "first_word"
///     }
///
///     fn distance(&self, a: &Prepared, b: &Prepared) -> f64 {
///         if a.tokens().first() == b.tokens().first() { 0.0 } else { 1.0 }
///     }
/// }
///
/// let (yes, also) = (FirstWord.prepare("Yes, it is."), FirstWord.prepare("yes"));
/// assert_eq!(FirstWord.distance(&yes, &also), 0.0);
/// assert_eq!(TokenLevenshtein.distance(&yes, &also), 2.0 / 3.0);
/// ```
pub trait Distance: Send + Sync {
    /// Its name, as it stands in a bundle.
    fn name(&self) -> &'static str;

    /// A text made ready to be compared many times; normalised and cut into words unless overridden.
    fn prepare(&self, text: &str) -> Prepared {
        Prepared::new(text)
    }

    /// The distance, 0 to 1.
    fn distance(&self, a: &Prepared, b: &Prepared) -> f64;

    /// The distance if it is at most `cutoff`. Override it when that is cheaper to find out.
    fn bounded(&self, a: &Prepared, b: &Prepared, cutoff: f64) -> Option<f64> {
        Some(self.distance(a, b)).filter(|distance| *distance <= cutoff)
    }
}

#[cfg(test)]
mod tests;
