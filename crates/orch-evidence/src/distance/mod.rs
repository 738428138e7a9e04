//! How different two answers are.

mod bits;
mod checked;
mod combine;
mod containment;
mod cosine_tf;
mod counts;
mod exact;
mod levenshtein;
mod prepared;
mod rouge_l;
mod spelling;
mod text_metric;
mod token_jaccard;
mod token_levenshtein;

pub(crate) use self::checked::{checked, prepare};
pub use self::combine::{Max, Weighted};
pub use self::containment::Containment;
pub use self::cosine_tf::CosineTf;
pub use self::exact::Exact;
pub use self::levenshtein::Levenshtein;
pub use self::prepared::Prepared;
pub(crate) use self::prepared::{hash, mix};
pub use self::rouge_l::RougeL;
pub use self::spelling::{DamerauLevenshtein, JaroWinkler, Osa, SorensenDice};
pub use self::text_metric::TextMetric;
pub use self::token_jaccard::TokenJaccard;
pub use self::token_levenshtein::TokenLevenshtein;

/// How different two texts are: 0 for the same, 1 for nothing in common.
///
/// An implementation is symmetric, and 0 for equal texts. A value that is not a number or outside 0 to 1 is an error in
/// the implementation: with debug assertions it panics, without them it counts as 1 and the bundle's
/// `metadata.warnings` says so. Answers that are JSON are compared field by field, and their texts by this.
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

    /// How many words the longer text may have for this metric; longer ones are compared by runs of five words, and
    /// the bundle says that it is approximate. Default: 20,000; a metric that takes linear time gives `usize::MAX`.
    fn longest(&self) -> usize {
        20_000
    }

    /// How many characters the longer text may have for this metric, as [`longest`](Self::longest) says of words: a
    /// word may be of any length, and some languages do not part their words. Default: `usize::MAX`, for a metric that
    /// does not look into words.
    fn longest_chars(&self) -> usize {
        usize::MAX
    }
}

/// Edits as a part of the longer one's length.
fn part(edits: usize, of: usize) -> f64 {
    if of == 0 { 0.0 } else { edits as f64 / of as f64 }
}

/// The largest number of edits whose part is within the cutoff; found by the same division as the distance.
fn allowed_edits(of: usize, cutoff: f64) -> Option<usize> {
    if cutoff.is_nan() || cutoff < 0.0 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to a length")]
    let near = (cutoff.min(1.0) * of as f64) as usize;
    (near.saturating_sub(1)..=of.min(near + 1)).rev().find(|edits| part(*edits, of) <= cutoff)
}

#[cfg(test)]
mod tests;
