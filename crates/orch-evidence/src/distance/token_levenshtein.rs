use rapidfuzz::distance::levenshtein;

use super::{Distance, Prepared};

/// How many words must be put in, left out or exchanged to make one text the other, as a part of the longer one.
///
/// The default: it sees the order of words, and takes about as long for 10,000 characters as a
/// comparison of their characters takes for 500.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenLevenshtein;

impl Distance for TokenLevenshtein {
    fn name(&self) -> &'static str {
        "token_levenshtein"
    }

    fn distance(&self, a: &Prepared, b: &Prepared) -> f64 {
        if a.same(b) {
            return 0.0;
        }
        let edits = levenshtein::distance(a.tokens().iter().copied(), b.tokens().iter().copied());
        part(edits, longer(a, b))
    }

    fn bounded(&self, a: &Prepared, b: &Prepared, cutoff: f64) -> Option<f64> {
        if a.same(b) {
            return (cutoff >= 0.0).then_some(0.0);
        }
        let longer = longer(a, b);
        // The last number of edits that is still within: found by the same division as the distance.
        let allowed = (0..=longer).rev().find(|edits| part(*edits, longer) <= cutoff)?;
        let args = levenshtein::Args::default().score_cutoff(allowed);
        let (a, b) = (a.tokens().iter().copied(), b.tokens().iter().copied());
        levenshtein::distance_with_args(a, b, &args).map(|edits| part(edits, longer))
    }
}

fn longer(a: &Prepared, b: &Prepared) -> usize {
    a.tokens().len().max(b.tokens().len())
}

fn part(edits: usize, of: usize) -> f64 {
    if of == 0 { 0.0 } else { edits as f64 / of as f64 }
}
