use super::counts::shared_counts;
use super::{Distance, Prepared};

/// The part of all different words that only one of the texts has.
///
/// It does not see the order of words, so it takes `dog bites man` and `man bites dog` for the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenJaccard {
    multiset: bool,
}

impl TokenJaccard {
    /// Over the sets of words: how often one occurs does not matter. The default.
    pub const SET: Self = Self { multiset: false };
    /// Over multisets: a word that one text has twice and the other once is half shared.
    pub const MULTISET: Self = Self { multiset: true };

    /// Shared words, and all.
    fn count(self, a: &Prepared, b: &Prepared) -> (u64, u64) {
        if self.multiset {
            let counts = shared_counts(a.sorted(), b.sorted());
            return counts.fold((0, 0), |(shared, all), (in_a, in_b)| (shared + in_a.min(in_b), all + in_a.max(in_b)));
        }
        let (a, b) = (a.words(), b.words());
        let shared = a.shared(b);
        (shared as u64, (a.different() + b.different() - shared) as u64)
    }
}

impl Distance for TokenJaccard {
    fn name(&self) -> &'static str {
        if self.multiset { "token_jaccard_multiset" } else { "token_jaccard" }
    }

    fn distance(&self, a: &Prepared, b: &Prepared) -> f64 {
        if a.same(b) {
            return 0.0;
        }
        let (shared, all) = self.count(a, b);
        if all == 0 { 0.0 } else { 1.0 - shared as f64 / all as f64 }
    }

    fn longest(&self) -> usize {
        usize::MAX
    }
}
