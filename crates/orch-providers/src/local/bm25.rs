//! The ranking function BM25: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond",
//! Foundations and Trends in Information Retrieval 3(4), 2009, equation 3.15. The inverse document frequency has
//! 1 added under its logarithm, as search engines do, so that a word in most sentences is never worth less than nothing.

const K1: f64 = 1.2;
const B: f64 = 0.75;

/// What the weight of a word needs to know of all sentences that take part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Collection {
    /// How many sentences there are.
    pub(super) sentences: usize,
    /// Their mean number of words.
    pub(super) mean_words: f64,
}

impl Collection {
    /// The weight of a word that is in `containing` sentences.
    pub(super) fn rarity(&self, containing: usize) -> f64 {
        let (all, containing) = (self.sentences as f64, containing as f64);
        (1.0 + (all - containing + 0.5) / (containing + 0.5)).ln()
    }

    /// What a word of this rarity adds to a sentence of `words` words that has it `times` times.
    pub(super) fn gain(&self, rarity: f64, times: u32, words: u32) -> f64 {
        let times = f64::from(times);
        let length = 1.0 - B + B * f64::from(words) / self.mean_words;
        rarity * times * (K1 + 1.0) / (times + K1 * length)
    }
}
