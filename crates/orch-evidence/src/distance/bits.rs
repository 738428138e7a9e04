//! Levenshtein's distance of two sequences of words, 64 cells of the table at a time (Myers 1999, in the
//! block form of Hyyrö 2003), and only those cells that may matter (Ukkonen 1985).
//!
//! Blocks are worked off one after the other over the columns of their band, so that a block's state stays in registers
//! and the memory is linear in the lengths. Words are numbered once for a text; a routine for any kind of
//! element looks up a hash for every block of every word.

use std::sync::OnceLock;

/// The words of a text, and their numbers, which are found when they are needed first.
#[derive(Clone, Copy)]
pub(super) struct Words<'t> {
    pub(super) words: &'t [u64],
    pub(super) numbered: &'t OnceLock<Numbered>,
}

impl<'t> Words<'t> {
    fn numbered(self) -> &'t Numbered {
        self.numbered.get_or_init(|| Numbered::new(self.words))
    }

    /// How many different words there are.
    pub(super) fn different(self) -> usize {
        self.numbered().numbers.different.len()
    }

    /// How many different words both have.
    pub(super) fn shared(self, other: Self) -> usize {
        let (a, b) = (&self.numbered().numbers, &other.numbered().numbers);
        let (fewer, more) = if a.different.len() <= b.different.len() { (a, b) } else { (b, a) };
        fewer.different.iter().filter(|word| more.find(**word) != UNKNOWN).count()
    }
}

/// The words of a text as numbers.
#[derive(Clone, Debug)]
pub(super) struct Numbered {
    numbers: Numbers,
    words: Vec<u32>,
}

impl Numbered {
    fn new(words: &[u64]) -> Self {
        let mut numbers = Numbers::new(words.len());
        let words = words.iter().map(|word| numbers.assign(*word)).collect();
        Self { numbers, words }
    }
}

/// How many words must be put in, left out or exchanged.
pub(super) fn levenshtein(a: Words<'_>, b: Words<'_>) -> usize {
    let (a, b) = if a.words.len() <= b.words.len() { (a, b) } else { (b, a) };
    let start = a.words.iter().zip(b.words).take_while(|(a, b)| a == b).count();
    let ends = a.words[start..].iter().rev().zip(b.words[start..].iter().rev());
    let end = ends.take_while(|(a, b)| a == b).count();
    let text = &b.words[start..b.words.len() - end];
    if start + end == a.words.len() {
        return text.len();
    }
    let Numbered { numbers, words } = a.numbered();
    let pattern = &words[start..words.len() - end];
    let most = at_most(&a.words[start..a.words.len() - end], text);
    let text: Vec<u32> = text.iter().map(|word| numbers.find(*word)).collect();
    // Of each word the places in the block where it stands; the first is for words that the pattern lacks.
    let places = vec![0_u64; numbers.different.len() + 1];
    let mut table = Table { pattern, text: &text, places, steps: vec![UP; text.len()] };
    // Where little may differ in long texts, though not word for word at the same places, a narrow band is tried first.
    let narrow = text.len() / 8;
    if narrow < 64 || most <= 2 * narrow {
        return table.edits(most);
    }
    match table.edits(narrow) {
        found if found <= narrow => found,
        found => table.edits(found.min(most)),
    }
}

/// At most so many edits are needed: those of words that face each other from the beginning, or from the end.
fn at_most(shorter: &[u64], longer: &[u64]) -> usize {
    let more = longer.len() - shorter.len();
    let differ = |longer: &[u64]| shorter.iter().zip(longer).filter(|(a, b)| a != b).count();
    let from_the_start = differ(longer);
    more + if more == 0 { from_the_start } else { from_the_start.min(differ(&longer[more..])) }
}

/// A step is how the value in the last row of a block changes from one word of the text to the next: bit 0 by one up,
/// bit 1 by one down.
const UP: u8 = 1;

/// The rows are words of the pattern, which is not longer than the text, the columns those of the text.
struct Table<'t> {
    pattern: &'t [u32],
    text: &'t [u32],
    places: Vec<u64>,
    steps: Vec<u8>,
}

impl Table<'_> {
    /// The number of edits if it is at most `most`; otherwise some number that is at least as large.
    ///
    /// A path of so few edits stays within a band around the diagonal: for each row that it gets ahead, and for each
    /// that it falls back again, it takes one. Outside of it every step is taken for one more edit, which is never too few.
    fn edits(&mut self, most: usize) -> usize {
        let (rows, columns) = (self.pattern.len(), self.text.len());
        let (more, most) = (columns - rows, most.min(columns));
        let (below, above) = (most.saturating_sub(more) / 2, most.midpoint(more));
        self.steps.fill(UP);
        // The value in the last row of a block, left of its first column.
        let (mut value, mut before) = (0_usize, 0);
        for (at, block) in self.pattern.chunks(64).enumerate() {
            let top = at * 64;
            let first = top.saturating_sub(below);
            let last = columns.min(top + block.len() + above);
            // From the end of the block above down to the one of this block.
            value = value.saturating_add_signed(sum(&self.steps[before..first])) + block.len();
            for (at, word) in block.iter().enumerate() {
                self.places[*word as usize] |= 1 << at;
            }
            let (text, steps) = (&self.text[first..last], &mut self.steps[first..last]);
            // The compiler knows the last row of a full block.
            match block.len() {
                64 => column(&self.places, text, steps, 63),
                rows => column(&self.places, text, steps, rows - 1),
            }
            for word in block {
                self.places[*word as usize] = 0;
            }
            before = first;
        }
        value.saturating_add_signed(sum(&self.steps[before..]))
    }
}

/// By how much steps change a value.
fn sum(steps: &[u8]) -> isize {
    let count = |step: u8| steps.iter().filter(|found| **found == step).count();
    count(UP).cast_signed() - count(UP << 1).cast_signed()
}

/// Works off one block of rows up to the `last`, which is at most the 64th.
#[inline(always)]
fn column(places: &[u64], text: &[u32], steps: &mut [u8], last: usize) {
    let (mut rises, mut falls) = (u64::MAX, 0_u64);
    for (word, step) in text.iter().zip(steps.iter_mut()) {
        let (up_in, down_in) = (u64::from(*step & 1), u64::from(*step >> 1));
        let here = places[*word as usize];
        let vertical = here | falls;
        let here = here | down_in;
        let equal = ((here & rises).wrapping_add(rises) ^ rises) | here;
        let (up, down) = (falls | !(equal | rises), rises & equal);
        #[expect(clippy::cast_possible_truncation, reason = "two bits")]
        let out = ((up >> last & 1) | (down >> last & 1) << 1) as u8;
        let (up, down) = (up << 1 | up_in, down << 1 | down_in);
        rises = down | !(vertical | up);
        falls = up & vertical;
        *step = out;
    }
}

/// The number of words that a text lacks.
const UNKNOWN: u32 = 0;

/// Numbers for words, from 1. The words are hashes already, and keyed, so their lower bits are as good as any.
#[derive(Clone, Debug)]
struct Numbers {
    slots: Vec<u32>,
    /// Each word once, in the order of the numbers.
    different: Vec<u64>,
}

impl Numbers {
    fn new(words: usize) -> Self {
        Self { slots: vec![UNKNOWN; (words * 2).next_power_of_two()], different: Vec::with_capacity(words) }
    }

    /// The slot of a word, or the free one where it belongs, and the number in it.
    fn slot(&self, word: u64) -> (usize, u32) {
        let mask = self.slots.len() - 1;
        #[expect(clippy::cast_possible_truncation, reason = "only the lower bits are wanted")]
        let mut at = word as usize & mask;
        loop {
            let number = self.slots[at];
            if number == UNKNOWN || self.different[number as usize - 1] == word {
                return (at, number);
            }
            at = (at + 1) & mask;
        }
    }

    fn assign(&mut self, word: u64) -> u32 {
        let (at, number) = self.slot(word);
        if number != UNKNOWN {
            return number;
        }
        self.different.push(word);
        self.slots[at] = crate::count(self.different.len());
        self.slots[at]
    }

    fn find(&self, word: u64) -> u32 {
        self.slot(word).1
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::OnceLock;

    use proptest::prelude::*;
    use rapidfuzz::distance::levenshtein as reference;

    use super::{Words, levenshtein as by_words};

    fn levenshtein(a: &[u64], b: &[u64]) -> usize {
        let numbered = [OnceLock::new(), OnceLock::new()];
        let (a, b) = (Words { words: a, numbered: &numbered[0] }, Words { words: b, numbered: &numbered[1] });
        let edits = by_words(a, b);
        assert_eq!(edits, by_words(a, b), "numbers that are there already");
        edits
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn it_is_the_distance_that_rapidfuzz_finds(
            a in prop::collection::vec(0_u64..6, 0..700),
            b in prop::collection::vec(0_u64..6, 0..700),
        ) {
            prop_assert_eq!(levenshtein(&a, &b), reference::distance(a.iter().copied(), b.iter().copied()));
        }

        #[test]
        fn shared_words_are_those_of_both_sets(
            a in prop::collection::vec(0_u64..40, 0..50),
            b in prop::collection::vec(0_u64..40, 0..50),
        ) {
            let numbered = [OnceLock::new(), OnceLock::new()];
            let words = [Words { words: &a, numbered: &numbered[0] }, Words { words: &b, numbered: &numbered[1] }];
            let sets = [&a, &b].map(|words| words.iter().copied().collect::<BTreeSet<u64>>());
            prop_assert_eq!(words[0].shared(words[1]), sets[0].intersection(&sets[1]).count());
            prop_assert_eq!(words[1].different(), sets[1].len());
        }

        #[test]
        fn edits_in_a_long_text_are_found_however_they_are_spread(
            a in prop::collection::vec(0_u64..2_000, 1..1_500),
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..3), 0..300),
        ) {
            let mut b = a.clone();
            for (at, kind) in edits {
                let at = at.index(b.len() + 1);
                match kind {
                    0 => b.insert(at, 7),
                    1 if at < b.len() => drop(b.remove(at)),
                    _ if at < b.len() => b[at] = 7,
                    _ => {}
                }
            }
            prop_assert_eq!(levenshtein(&a, &b), reference::distance(a.iter().copied(), b.iter().copied()));
        }
    }
}
