use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, LazyLock, OnceLock};

use unicode_segmentation::UnicodeSegmentation;

use super::bits::{Numbered, Words};
use crate::Normaliser;

/// A text made ready to be compared: normalised, cut into words, hashed.
#[derive(Clone, Debug)]
pub struct Prepared {
    text: String,
    tokens: Vec<u64>,
    hash: u64,
    chars: u32,
    /// How many of the words are of a script without spaces.
    unspaced: u32,
    unread: bool,
    /// As it was said, if a scorer may want to know.
    raw: Option<Arc<str>>,
    /// Made when a metric asks for them.
    sorted: OnceLock<Vec<u64>>,
    distinct: OnceLock<Vec<u64>>,
    shingles: OnceLock<Vec<u64>>,
    numbered: OnceLock<Numbered>,
}

impl Prepared {
    /// Normalises a text (see [`normalise`](crate::normalise())) and cuts it into words: at its spaces, and where a script
    /// has none (Chinese, Japanese, Thai, Lao, Khmer, Burmese, Tibetan) at the word boundaries of Unicode (UAX 29), which are
    /// between characters for most of those.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self::normalised(text, Normaliser::DEFAULT)
    }

    /// Normalises a text in a way of one's own and cuts it into words.
    #[must_use]
    pub fn normalised(text: &str, normaliser: Normaliser) -> Self {
        let text = normaliser.apply(text);
        let key = *KEY;
        if text.is_ascii() || !text.chars().any(is_unspaced) {
            let tokens = spaced_words(key, text.as_bytes());
            return Self::of(text, tokens);
        }
        let words: Vec<&str> = text.split(' ').flat_map(parts).filter(|word| !word.is_empty()).collect();
        let unspaced = crate::count(words.iter().filter(|word| word.starts_with(is_unspaced)).count());
        let tokens = words.iter().map(|word| hash_by(key, word.as_bytes())).collect();
        Self { unspaced, ..Self::of(text, tokens) }
    }

    /// Takes a text as it is and cuts it at white space.
    #[must_use]
    pub fn verbatim(text: String) -> Self {
        let tokens = text.split_whitespace().map(hash).collect();
        Self::of(text, tokens)
    }

    /// Takes a text as it is and does not look into it: it is the same as another one or it is not.
    pub(crate) fn unread(text: String) -> Self {
        Self { unread: true, ..Self::of(text, Vec::new()) }
    }

    fn of(text: String, tokens: Vec<u64>) -> Self {
        Self {
            hash: hash(&text),
            chars: crate::count(if text.is_ascii() { text.len() } else { text.chars().count() }),
            unspaced: 0,
            unread: false,
            raw: None,
            text,
            tokens,
            sorted: OnceLock::new(),
            distinct: OnceLock::new(),
            shingles: OnceLock::new(),
            numbered: OnceLock::new(),
        }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The hashes of its words, in order. They are comparable within one process only: their key is random,
    /// so that nobody can choose words whose hashes are the same.
    #[must_use]
    pub fn tokens(&self) -> &[u64] {
        &self.tokens
    }

    pub(super) fn words(&self) -> Words<'_> {
        Words { words: &self.tokens, numbered: &self.numbered }
    }

    /// The hashes of its words, sorted.
    #[must_use]
    pub fn sorted(&self) -> &[u64] {
        self.sorted.get_or_init(|| {
            let mut sorted = self.tokens.clone();
            sorted.sort_unstable();
            sorted
        })
    }

    /// The hashes of its words, sorted and each once.
    #[must_use]
    pub fn distinct(&self) -> &[u64] {
        self.distinct.get_or_init(|| {
            let mut distinct = self.tokens.clone();
            distinct.sort_unstable();
            distinct.dedup();
            distinct
        })
    }

    /// How many characters it has.
    #[must_use]
    pub fn chars(&self) -> usize {
        self.chars as usize
    }

    /// About how many words a person would count: of scripts without spaces two characters make one.
    pub(crate) fn length(&self) -> usize {
        self.tokens.len() - self.unspaced as usize / 2
    }

    /// Whether both are the same text; decided by hash first.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.hash == other.hash && self.text == other.text
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn with_raw(self, text: &str) -> Self {
        Self { raw: Some(text.into()), ..self }
    }

    /// As it was said, or at least as it is compared.
    pub(crate) fn raw(&self) -> Arc<str> {
        self.raw.clone().unwrap_or_else(|| self.text.as_str().into())
    }

    /// Whether it was too long to be looked into.
    pub(crate) fn is_unread(&self) -> bool {
        self.unread
    }

    /// The hashes of all runs of five words, sorted and each once; of a shorter text that of all its words.
    pub(crate) fn shingles(&self) -> &[u64] {
        const WORDS: usize = 5;
        self.shingles.get_or_init(|| {
            let runs = self.tokens.windows(WORDS.min(self.tokens.len()).max(1));
            let mut all: Vec<u64> = runs.map(|run| run.iter().fold(0, |state, word| mix(state, *word))).collect();
            all.sort_unstable();
            all.dedup();
            all
        })
    }
}

/// A word, or the words in it where its script does not part them.
fn parts(word: &str) -> impl Iterator<Item = &str> {
    let unspaced = word.contains(is_unspaced);
    let parts = unspaced.then(|| word.split_word_bounds());
    (!unspaced).then_some(word).into_iter().chain(parts.into_iter().flatten())
}

/// Whether it is a letter of a script that puts no spaces between words.
fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{0e00}'..='\u{0fff}' // Thai, Lao, Tibetan
        | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{1950}'..='\u{1aaf}' // Burmese, Khmer, Tai
        | '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{ff66}'..='\u{ff9f}' // kana
        | '\u{3005}'..='\u{3007}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' // Han
        | '\u{20000}'..='\u{3ffff}')
}

impl PartialEq for Prepared {
    fn eq(&self, other: &Self) -> bool {
        self.same(other) && self.tokens == other.tokens
    }
}

impl Eq for Prepared {}

static KEY: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one("orch-evidence") | 1);

/// A keyed hash, 8 bytes at a time by folded multiplication. Results never depend on the key, short of two words
/// with the same 64 bits.
pub(crate) fn hash(text: &str) -> u64 {
    hash_by(*KEY, text.as_bytes())
}

fn hash_by(key: u64, text: &[u8]) -> u64 {
    let (words, rest) = text.as_chunks::<8>();
    let mut state = text.len() as u64;
    for word in words {
        state = mix_by(key, state, u64::from_le_bytes(*word));
    }
    // What is left with what stands before it, if that makes eight; else all of it, some of it twice.
    let last = match (text.last_chunk::<8>(), text.first_chunk::<4>(), text.last_chunk::<4>()) {
        _ if rest.is_empty() => 0,
        (Some(last), ..) => u64::from_le_bytes(*last),
        (None, Some(first), Some(last)) => {
            u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
        }
        _ => rest.iter().fold(0, |last, byte| last << 8 | u64::from(*byte)),
    };
    mix_by(key, mix_by(key, state, last), 0)
}

/// The hashes of words with single spaces between them.
fn spaced_words(key: u64, text: &[u8]) -> Vec<u64> {
    // A word and its space are about six characters.
    let mut tokens = Vec::with_capacity(text.len() / 6 + 1);
    let mut start = 0;
    for (at, c) in text.iter().enumerate() {
        if *c == b' ' {
            tokens.push(hash_by(key, &text[start..at]));
            start = at + 1;
        }
    }
    if start < text.len() {
        tokens.push(hash_by(key, &text[start..]));
    }
    tokens
}

/// Takes one more word into a hash.
pub(crate) fn mix(state: u64, word: u64) -> u64 {
    mix_by(*KEY, state, word)
}

fn mix_by(key: u64, state: u64, word: u64) -> u64 {
    let product = u128::from(state ^ word ^ key) * u128::from(key.rotate_left(32) | 1);
    #[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
    let (low, high) = (product as u64, (product >> 64) as u64);
    // With the state, so that nothing is lost where the product is zero.
    (low ^ high).wrapping_add(state.rotate_left(23))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{Distance, TokenLevenshtein};

    #[test]
    fn words_that_differ_a_little_have_hashes_of_their_own_in_every_bit() {
        let words: Vec<String> = (0..50_000).map(|n| format!("w{n}")).collect();
        let hashes: BTreeSet<u64> = words.iter().map(|word| hash(word)).collect();
        assert_eq!(hashes.len(), words.len());
        let lower: BTreeSet<u64> = hashes.iter().map(|hash| hash & 0xffff).collect();
        // Of 65,536 lower halves chance leaves out e^(-50000/65536), 47 %: far fewer would be a bad hash.
        assert!(lower.len() > 33_000, "{}", lower.len());
        assert_ne!(hash("ab"), hash("ab\0"));
    }

    #[test]
    fn scripts_without_spaces_are_cut_into_words_too() {
        let words = |text: &str| Prepared::new(text).tokens().len();
        for (text, expected) in [
            ("東京は日本の首都です。", 10),
            ("iPhone 15を買った", 6),
            ("コンピューター", 1),
            ("ภาษาไทย", 7),
            ("한국의 수도는 서울이다", 3),
            ("Straße, naïve", 2),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
        let apart = |a: &str, b: &str| TokenLevenshtein.distance(&Prepared::new(a), &Prepared::new(b));
        assert_eq!(apart("首都は東京です", "首都は京都です"), 2.0 / 7.0, "no longer all or nothing");
        assert_eq!(apart("首都は東京です。", "首都は東京です"), 0.0);
        // Ten characters are about five words, and short.
        assert_eq!(Prepared::new("東京は日本の首都です").length(), 5);
    }

    #[test]
    fn a_text_without_five_words_is_one_shingle() {
        assert_eq!(Prepared::new("one two").shingles().len(), 1);
        assert_eq!(Prepared::new("").shingles().len(), 0);
        assert_eq!(Prepared::new("a b c d e f").shingles().len(), 2);
        assert_ne!(Prepared::new("one two").shingles(), Prepared::new("two one").shingles());
    }
}
