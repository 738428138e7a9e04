use rapidfuzz::distance::lcs_seq;

use super::{Distance, Prepared};

/// One minus ROUGE-L (F1): how many words, in their order but with others in between, both texts share, as a part
/// of the mean length of both (Lin 2004).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RougeL;

impl Distance for RougeL {
    fn name(&self) -> &'static str {
        "rouge_l"
    }

    fn distance(&self, a: &Prepared, b: &Prepared) -> f64 {
        let all = a.tokens().len() + b.tokens().len();
        if a.same(b) || all == 0 {
            return 0.0;
        }
        let shared = lcs_seq::similarity(a.tokens().iter().copied(), b.tokens().iter().copied());
        1.0 - (2 * shared) as f64 / all as f64
    }
}
