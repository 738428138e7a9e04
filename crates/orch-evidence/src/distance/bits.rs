//! Levenshtein's distance of two sequences of words, 64 cells of the table at a time (Myers 1999, in the
//! block form of Hyyrö 2003).
//!
//! Blocks are worked off one after the other over the whole text, so that a block's state stays in registers
//! and the memory is linear in the lengths. Words are numbered once for a text; a routine for any kind of
//! element looks up a hash for every block of every word.

use std::sync::OnceLock;

/// The words of a text, and their numbers, which are found when they are needed first.
#[derive(Clone, Copy)]
pub(super) struct Words<'t> {
    pub(super) words: &'t [u64],
    pub(super) numbered: &'t OnceLock<Numbered>,
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
    let Numbered { numbers, words } = a.numbered.get_or_init(|| Numbered::new(a.words));
    let pattern = &words[start..words.len() - end];
    let text: Vec<u32> = text.iter().map(|word| numbers.find(*word)).collect();
    // Of each word the places in the block where it stands; the first is for words that the pattern lacks.
    let mut places = vec![0_u64; numbers.used as usize + 1];
    let mut steps = vec![UP; text.len()];
    let mut change = 0;
    for block in pattern.chunks(64) {
        for (at, word) in block.iter().enumerate() {
            places[*word as usize] |= 1 << at;
        }
        change = column(&places, &text, &mut steps, block.len());
        for word in block {
            places[*word as usize] = 0;
        }
    }
    pattern.len().saturating_add_signed(change)
}

/// A step is how the value in the last row of a block changes from one word of the text to the next: bit 0 by one up,
/// bit 1 by one down.
const UP: u8 = 1;

/// Works off one block of up to 64 rows; how much the value in its last row changes over the whole text.
fn column(places: &[u64], text: &[u32], steps: &mut [u8], rows: usize) -> isize {
    let last = rows - 1;
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
    let count = |step: u8| steps.iter().filter(|found| **found == step).count();
    count(UP).cast_signed() - count(UP << 1).cast_signed()
}

/// Numbers for words, from 1; 0 is for unknown ones. The words are hashes already, and keyed, so their lower
/// bits are as good as any.
#[derive(Clone, Debug)]
struct Numbers {
    slots: Vec<(u64, u32)>,
    used: u32,
}

impl Numbers {
    fn new(words: usize) -> Self {
        Self { slots: vec![(0, 0); (words * 2).next_power_of_two()], used: 0 }
    }

    /// The slot of a word, or the free one where it belongs.
    fn slot(&self, word: u64) -> usize {
        let mask = self.slots.len() - 1;
        #[expect(clippy::cast_possible_truncation, reason = "only the lower bits are wanted")]
        let mut at = word as usize & mask;
        while self.slots[at].1 != 0 && self.slots[at].0 != word {
            at = (at + 1) & mask;
        }
        at
    }

    fn assign(&mut self, word: u64) -> u32 {
        let at = self.slot(word);
        if self.slots[at].1 == 0 {
            self.used += 1;
            self.slots[at] = (word, self.used);
        }
        self.slots[at].1
    }

    fn find(&self, word: u64) -> u32 {
        self.slots[self.slot(word)].1
    }
}

#[cfg(test)]
mod tests {
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
        #[test]
        fn it_is_the_distance_that_rapidfuzz_finds(
            a in prop::collection::vec(0_u64..6, 0..200),
            b in prop::collection::vec(0_u64..6, 0..200),
        ) {
            prop_assert_eq!(levenshtein(&a, &b), reference::distance(a.iter().copied(), b.iter().copied()));
        }

        #[test]
        fn a_few_edits_in_a_long_text_are_found(
            a in prop::collection::vec(any::<u64>(), 1..300),
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..3), 0..8),
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
