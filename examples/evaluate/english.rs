//! Texts compared as English ones.

use std::sync::Arc;

use orch_evidence::{Distance, Normaliser, Prepared, TokenLevenshtein};

/// The distance of texts: the default one, of English texts without their articles.
///
/// `the Beatles` and `Beatles` are one answer to every grader of English questions since the days of `SQuAD`; in other languages
/// these words mean something, so it has to be asked for.
pub(crate) fn distance(english: bool) -> Arc<dyn Distance> {
    if english { Arc::new(EnglishTokens) } else { Arc::new(TokenLevenshtein) }
}

#[derive(Clone, Copy, Debug)]
struct EnglishTokens;

impl Distance for EnglishTokens {
    fn name(&self) -> &'static str {
        "english_token_levenshtein"
    }

    fn prepare(&self, text: &str) -> Prepared {
        Prepared::normalised(text, Normaliser::new().strip_english_articles(true))
    }

    fn distance(&self, a: &Prepared, b: &Prepared) -> f64 {
        TokenLevenshtein.distance(a, b)
    }

    fn bounded(&self, a: &Prepared, b: &Prepared, cutoff: f64) -> Option<f64> {
        TokenLevenshtein.bounded(a, b, cutoff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn articles_count_only_where_texts_are_not_english() {
        let apart = |english| {
            let metric = distance(english);
            metric.distance(&metric.prepare("The Beatles."), &metric.prepare("beatles"))
        };
        assert_eq!((apart(true), apart(false)), (0.0, 0.5));
        assert_eq!(distance(true).prepare("The").text(), "the");
    }
}
