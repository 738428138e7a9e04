//! The words of a document, counted once; ranked for each question over the sentences that take part.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::bm25::Collection;
use super::document::words;

/// A sentence that matches a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Passage {
    /// Which sentence of the document it is, counted from 0.
    pub index: usize,
    /// The sentence.
    pub text: String,
    /// Its BM25 score, above zero. Scores of two questions or two samples cannot be compared.
    pub score: f64,
}

#[derive(Debug)]
pub(super) struct Index {
    sentences: Vec<String>,
    /// The number of words of each sentence.
    lengths: Vec<u32>,
    /// For each word the sentences that have it, in order, and how often.
    postings: HashMap<String, Vec<(usize, u32)>>,
}

impl Index {
    pub(super) fn new(sentences: Vec<String>) -> Self {
        let mut postings: HashMap<String, Vec<(usize, u32)>> = HashMap::new();
        let mut lengths = vec![0; sentences.len()];
        for (index, sentence) in sentences.iter().enumerate() {
            for word in words(sentence) {
                lengths[index] += 1;
                let places = postings.entry(word).or_default();
                match places.last_mut() {
                    Some((place, times)) if *place == index => *times += 1,
                    _ => places.push((index, 1)),
                }
            }
        }
        Self { sentences, lengths, postings }
    }

    pub(super) fn len(&self) -> usize {
        self.sentences.len()
    }

    pub(super) fn longest(&self) -> u32 {
        self.lengths.iter().copied().max().unwrap_or(0)
    }

    /// The best `count` sentences for a question, best first, equal ones in the order of the document. `taking_part`
    /// says for each sentence whether it does; counts and lengths of words are those of the sentences that do.
    pub(super) fn rank(&self, question: &str, taking_part: &[bool], count: usize) -> Vec<Passage> {
        let collection = self.collection(taking_part);
        let mut scores: HashMap<usize, f64> = HashMap::new();
        for word in distinct(words(question)) {
            let places = self.postings.get(&word).map_or(&[][..], Vec::as_slice);
            let places = places.iter().filter(|(index, _)| taking_part[*index]);
            let rarity = collection.rarity(places.clone().count());
            for (index, times) in places {
                *scores.entry(*index).or_default() += collection.gain(rarity, *times, self.lengths[*index]);
            }
        }
        let mut ranked: Vec<(usize, f64)> = scores.into_iter().collect();
        ranked.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        ranked.truncate(count);
        ranked.into_iter().map(|(index, score)| Passage { index, text: self.sentences[index].clone(), score }).collect()
    }

    fn collection(&self, taking_part: &[bool]) -> Collection {
        let lengths = self.lengths.iter().zip(taking_part).filter(|(_, takes_part)| **takes_part);
        let (sentences, words) = lengths.fold((0, 0_u64), |(n, sum), (length, _)| (n + 1, sum + u64::from(*length)));
        Collection { sentences, mean_words: words as f64 / sentences.max(1) as f64 }
    }
}

/// In the order of their first occurrence, so that scores add up in the same order every time.
fn distinct(words: impl Iterator<Item = String>) -> impl Iterator<Item = String> {
    let mut seen = HashSet::new();
    words.filter(move |word| seen.insert(word.clone()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The formula as it is printed, sentence by sentence.
    fn naive(sentences: &[String], taking_part: &[bool], question: &str) -> Vec<(usize, f64)> {
        let taken: Vec<(usize, Vec<String>)> =
            (0..sentences.len()).filter(|i| taking_part[*i]).map(|i| (i, words(&sentences[i]).collect())).collect();
        let mean = taken.iter().map(|(_, words)| words.len()).sum::<usize>() as f64 / taken.len() as f64;
        let mut terms: Vec<String> = words(question).collect();
        terms.sort();
        terms.dedup();
        let mut scores = Vec::new();
        for (index, words) in &taken {
            let mut score = 0.0;
            for term in &terms {
                let n = taken.iter().filter(|(_, words)| words.contains(term)).count() as f64;
                let idf = (1.0 + (taken.len() as f64 - n + 0.5) / (n + 0.5)).ln();
                let tf = words.iter().filter(|word| *word == term).count() as f64;
                score += idf * (tf * 2.2) / (tf + 1.2 * (0.25 + 0.75 * words.len() as f64 / mean));
            }
            if score > 0.0 {
                scores.push((*index, score));
            }
        }
        scores
    }

    prop_compose! {
        fn a_document()(sentences in prop::collection::vec(prop::collection::vec("[abcde]", 1..8), 1..12))
            (part in prop::collection::vec(any::<bool>(), sentences.len()), sentences in Just(sentences))
            -> (Vec<String>, Vec<bool>) {
            (sentences.iter().map(|words| words.join(" ")).collect(), part)
        }
    }

    proptest! {
        #[test]
        fn scores_are_those_of_the_printed_formula((sentences, part) in a_document(), question in "[abcdef]( [abcdef]){0,4}") {
            let expected = naive(&sentences, &part, &question);
            let ranked = Index::new(sentences).rank(&question, &part, usize::MAX);
            prop_assert_eq!(ranked.len(), expected.len());
            for (index, score) in expected {
                let ours = ranked.iter().find(|passage| passage.index == index).unwrap();
                prop_assert!((ours.score - score).abs() < 1e-9, "{} and {}", ours.score, score);
            }
            prop_assert!(ranked.windows(2).all(|pair| pair[0].score >= pair[1].score));
        }
    }

    #[test]
    fn equal_sentences_keep_the_order_of_the_document() {
        let index = Index::new(vec!["no".into(), "same words".into(), "same words".into(), "same words".into()]);
        let ranked = index.rank("words", &[true; 4], 10);
        assert_eq!(ranked.iter().map(|passage| passage.index).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(index.rank("words", &[true, false, true, true], 1)[0].index, 2);
    }

    #[test]
    fn a_rare_word_counts_more_than_a_common_one_and_case_does_not_count() {
        let index = Index::new(vec!["the cat".into(), "the dog".into(), "the bird".into()]);
        assert_eq!(index.rank("THE Dog", &[true; 3], 1)[0].index, 1);
    }
}
