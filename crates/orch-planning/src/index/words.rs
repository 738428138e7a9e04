use std::collections::{HashMap, HashSet};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind, PatternID};

use super::starts::Starts;
use crate::matching::stands_alone;

/// How many bytes of a text are looked at for every word in it; longer phrases are left to the automaton.
const PHRASE: usize = 128;

/// Rules by texts that must be part of an attribute, all found in one pass.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    /// Single words, which stand alone in a text exactly if they are one of its runs of letters and digits. An
    /// automaton could find them too, but takes quadratic time to be made of very many.
    single: HashMap<Box<str>, Vec<u32>>,
    /// Other ones that begin with a letter or digit, by their first word: they stand alone only where it does.
    phrases: HashMap<Box<str>, Starts>,
    /// How many of both there are.
    whole: usize,
    open: HashMap<Box<str>, Vec<u32>>,
    built: Option<Built>,
}

#[derive(Clone, Debug)]
struct Built {
    automaton: AhoCorasick,
    /// The rules of pattern n lie in `ids` from `starts[n]` to `starts[n + 1]`.
    starts: Box<[u32]>,
    ids: Box<[u32]>,
}

impl Words {
    pub(super) fn is_empty(&self) -> bool {
        self.built.is_none() && self.single.is_empty() && self.phrases.is_empty()
    }

    /// Adds a rule for a part of texts, which must not be empty.
    pub(super) fn add(&mut self, id: u32, part: &str) {
        insert(&mut self.open, id, part);
    }

    /// Adds a rule for a whole word, or several, which must not be empty.
    pub(super) fn add_whole(&mut self, id: u32, word: &str) {
        let first = first_word(word);
        if first.len() == word.len() {
            insert(&mut self.single, id, word);
        } else if first.is_empty() || word.len() > PHRASE {
            insert(&mut self.open, id, word);
        } else if let Some(phrases) = self.phrases.get_mut(first) {
            phrases.add(id, word);
        } else {
            self.phrases.entry(first.into()).or_default().add(id, word);
        }
    }

    /// Makes the automaton; gives the rules when none can be made, because it would be too large.
    pub(super) fn finish(&mut self) -> Vec<u32> {
        self.phrases.values_mut().for_each(Starts::finish);
        self.whole = self.single.len() + self.phrases.values().map(Starts::len).sum::<usize>();
        let mut words: Vec<_> = std::mem::take(&mut self.open).into_iter().collect();
        if words.is_empty() {
            return Vec::new();
        }
        words.sort_unstable();
        // One kind whatever the number of words, so that the cost of a search does not depend on it.
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(words.iter().map(|(word, _)| word.as_bytes()));
        let ids: Vec<u32> = words.iter().flat_map(|(_, ids)| ids).copied().collect();
        let ends = words.iter().scan(0, |end, (_, ids)| {
            *end += ids.len();
            u32::try_from(*end).ok()
        });
        let starts: Box<[u32]> = std::iter::once(0).chain(ends).collect();
        match automaton {
            Ok(automaton) if starts.len() == words.len() + 1 => {
                self.built = Some(Built { automaton, starts, ids: ids.into() });
                Vec::new()
            }
            _ => ids,
        }
    }

    /// Adds the rules that have a part of `text`.
    pub(super) fn find(&self, text: &str, found: &mut Vec<u32>) {
        self.find_where(text, |_, _| true, found);
    }

    /// Adds the rules that have a whole word of `text`.
    pub(super) fn find_whole(&self, text: &str, found: &mut Vec<u32>) {
        let mut seen = HashSet::new();
        for (place, word) in words_of(text) {
            if seen.len() == self.whole {
                break;
            }
            let single = self.single.get(word).map(|ids| (word.len(), &**ids));
            let phrases = self.phrases.get(word).into_iter().flat_map(|phrases| phrases.of(&text[place..]));
            for (length, ids) in single.into_iter().chain(phrases) {
                if stands_alone(text, place, place + length) && seen.insert(ids.as_ptr()) {
                    found.extend_from_slice(ids);
                }
            }
        }
        self.find_where(text, |start, end| stands_alone(text, start, end), found);
    }

    fn find_where(&self, text: &str, fits: impl Fn(usize, usize) -> bool, found: &mut Vec<u32>) {
        let Some(Built { automaton, starts, ids }) = &self.built else { return };
        let mut seen: HashSet<PatternID> = HashSet::new();
        for hit in automaton.find_overlapping_iter(text) {
            let n = hit.pattern().as_usize();
            if fits(hit.start(), hit.end()) && seen.insert(hit.pattern()) {
                found.extend_from_slice(&ids[starts[n] as usize..starts[n + 1] as usize]);
                if seen.len() + 1 == starts.len() {
                    break;
                }
            }
        }
    }
}

/// The letters and digits that `text` begins with.
fn first_word(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default()
}

/// The runs of letters and digits of `text`, empty ones included, and where each begins.
fn words_of(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let parts = text.split_inclusive(|c: char| !c.is_alphanumeric());
    parts.scan(0, |end, part| {
        let place = *end;
        *end += part.len();
        Some((place, part.strip_suffix(|c: char| !c.is_alphanumeric()).unwrap_or(part)))
    })
}

fn insert(rules: &mut HashMap<Box<str>, Vec<u32>>, id: u32, text: &str) {
    match rules.get_mut(text) {
        Some(ids) => ids.push(id),
        None => _ = rules.insert(text.into(), vec![id]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_search_ends_when_everything_is_found() {
        let mut words = Words::default();
        (1..=2_000).for_each(|n| words.add(n, &"a".repeat(n as usize)));
        assert!(words.finish().is_empty());
        let mut found = Vec::new();
        // Searching on would find the same two billion times.
        words.find(&"a".repeat(1 << 20), &mut found);
        found.sort_unstable();
        assert_eq!(found, (1..=2_000).collect::<Vec<_>>());
    }

    #[test]
    fn a_search_does_not_end_before_everything_is_found() {
        let mut words = Words::default();
        (0..).zip(["a", "b", "a b", "c+"]).for_each(|(id, word)| words.add_whole(id, word));
        assert!(words.finish().is_empty());
        let mut found = Vec::new();
        words.find_whole("a a c+ b c+ a b", &mut found);
        found.sort_unstable();
        assert_eq!(found, [0, 1, 2, 3]);
    }

    proptest! {
        #[test]
        fn words_and_phrases_are_found_where_asking_for_each_finds_them(
            words in prop::collection::vec("[ab\u{e9}][ab +.\u{e9}]{0,5}|[+. ]{1,2}[ab]{0,2}|(a b ){40,70}", 0..12),
            text in "[ab +.\u{e9}]{0,16}|(a b ){30,80}",
        ) {
            let mut index = Words::default();
            (0..).zip(&words).for_each(|(id, word)| index.add_whole(id, word));
            prop_assert!(index.finish().is_empty());
            let mut found = Vec::new();
            index.find_whole(&text, &mut found);
            found.sort_unstable();
            let stands = |word: &String| {
                text.char_indices().any(|(at, _)| text[at..].starts_with(&**word) && stands_alone(&text, at, at + word.len()))
            };
            let expected: Vec<u32> = (0..).zip(&words).filter(|(_, word)| stands(word)).map(|(id, _)| id).collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn very_many_phrases_are_made_ready_and_found() {
        let mut words = Words::default();
        (0..100_000).for_each(|n| words.add_whole(n, &format!("word {n}")));
        assert!(words.finish().is_empty());
        assert!(words.built.is_none(), "an automaton of so many takes quadratic time to be made");
        let mut found = Vec::new();
        words.find_whole("a word 7, a word 99999 and a word 100000", &mut found);
        assert_eq!(found, [7, 99_999]);
    }
}
