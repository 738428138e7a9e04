use std::collections::BTreeSet;

use super::{Distance, Prepared};

/// The part of all different words that only one of the texts has.
///
/// It does not see the order of words, so it takes `dog bites man` and `man bites dog` for the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenJaccard;

impl Distance for TokenJaccard {
    fn name(&self) -> &'static str {
        "token_jaccard"
    }

    fn distance(&self, a: &Prepared, b: &Prepared) -> f64 {
        if a.same(b) {
            return 0.0;
        }
        let (a, b): (BTreeSet<u64>, BTreeSet<u64>) =
            (a.tokens().iter().copied().collect(), b.tokens().iter().copied().collect());
        let shared = a.intersection(&b).count();
        let all = a.len() + b.len() - shared;
        if all == 0 { 0.0 } else { 1.0 - shared as f64 / all as f64 }
    }
}
