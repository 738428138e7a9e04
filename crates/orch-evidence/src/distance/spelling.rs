//! Metrics of short texts, such as names and codes, over their characters. They take quadratic time with
//! large factors, so texts of more than [`SHORT`] words or [`SHORT_CHARS`] characters are compared by shingles.

use super::{Distance, Prepared, part};

/// The number of words up to which these metrics are used.
const SHORT: usize = 2_000;

/// The number of characters up to which these metrics are used: some tenths of a second.
const SHORT_CHARS: usize = 10_000;

/// Like [`Levenshtein`](super::Levenshtein), and two neighbours that change places are one edit (optimal string alignment: no
/// part of a text is edited twice).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Osa;

/// Like [`Levenshtein`](super::Levenshtein), and two neighbours that change places are one edit, whatever else is edited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DamerauLevenshtein;

/// One minus the Jaro-Winkler similarity, for names: a common beginning counts more. Not for answers of more than a
/// few words, of which nearly all look alike to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JaroWinkler;

/// One minus the Sørensen-Dice coefficient of pairs of neighbouring characters; spaces do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SorensenDice;

impl Distance for Osa {
    fn name(&self) -> &'static str {
        "osa"
    }

    fn distance(&self, a: &Prepared, b: &Prepared) -> f64 {
        in_order(a, b, |a, b| part(strsim::osa_distance(a.text(), b.text()), a.chars().max(b.chars())))
    }

    fn longest(&self) -> usize {
        SHORT
    }

    fn longest_chars(&self) -> usize {
        SHORT_CHARS
    }
}

impl Distance for DamerauLevenshtein {
    fn name(&self) -> &'static str {
        "damerau_levenshtein"
    }

    fn distance(&self, a: &Prepared, b: &Prepared) -> f64 {
        in_order(a, b, |a, b| part(strsim::damerau_levenshtein(a.text(), b.text()), a.chars().max(b.chars())))
    }

    fn longest(&self) -> usize {
        SHORT
    }

    fn longest_chars(&self) -> usize {
        SHORT_CHARS
    }
}

impl Distance for JaroWinkler {
    fn name(&self) -> &'static str {
        "jaro_winkler"
    }

    fn distance(&self, a: &Prepared, b: &Prepared) -> f64 {
        in_order(a, b, |a, b| (1.0 - strsim::jaro_winkler(a.text(), b.text())).clamp(0.0, 1.0))
    }

    fn longest(&self) -> usize {
        SHORT
    }

    fn longest_chars(&self) -> usize {
        SHORT_CHARS
    }
}

impl Distance for SorensenDice {
    fn name(&self) -> &'static str {
        "sorensen_dice"
    }

    fn distance(&self, a: &Prepared, b: &Prepared) -> f64 {
        in_order(a, b, |a, b| (1.0 - strsim::sorensen_dice(a.text(), b.text())).clamp(0.0, 1.0))
    }

    fn longest(&self) -> usize {
        SHORT
    }

    fn longest_chars(&self) -> usize {
        SHORT_CHARS
    }
}

/// Jaro's matching is greedy, so it depends on which text comes first: always the lesser one.
fn in_order(a: &Prepared, b: &Prepared, distance: impl FnOnce(&Prepared, &Prepared) -> f64) -> f64 {
    if a.same(b) {
        0.0
    } else if a.text() <= b.text() {
        distance(a, b)
    } else {
        distance(b, a)
    }
}
