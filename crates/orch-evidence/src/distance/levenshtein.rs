use rapidfuzz::distance::levenshtein;

use super::{Distance, Prepared, allowed_edits, part};

/// How many characters must be put in, left out or exchanged to make one text the other, as a part of the longer one.
///
/// Spelling counts and meaning does not: for answers of more than a few words [`TokenLevenshtein`](super::TokenLevenshtein)
/// ranks better and is a hundred times faster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Levenshtein;

impl Distance for Levenshtein {
    fn name(&self) -> &'static str {
        "levenshtein"
    }

    fn distance(&self, a: &Prepared, b: &Prepared) -> f64 {
        if a.same(b) {
            return 0.0;
        }
        // Bytes of plain text are its characters, and cheaper.
        let edits = if a.text().is_ascii() && b.text().is_ascii() {
            levenshtein::distance(a.text().bytes(), b.text().bytes())
        } else {
            levenshtein::distance(a.text().chars(), b.text().chars())
        };
        part(edits, a.chars().max(b.chars()))
    }

    fn longest_chars(&self) -> usize {
        100_000
    }

    fn bounded(&self, a: &Prepared, b: &Prepared, cutoff: f64) -> Option<f64> {
        if a.same(b) {
            return (cutoff >= 0.0).then_some(0.0);
        }
        let longer = a.chars().max(b.chars());
        let args = levenshtein::Args::default().score_cutoff(allowed_edits(longer, cutoff)?);
        let edits = if a.text().is_ascii() && b.text().is_ascii() {
            levenshtein::distance_with_args(a.text().bytes(), b.text().bytes(), &args)
        } else {
            levenshtein::distance_with_args(a.text().chars(), b.text().chars(), &args)
        };
        edits.map(|edits| part(edits, longer))
    }
}
