//! Levenshtein's distance of two sequences of words, 64 cells of the table at a time (Myers 1999, in the
//! block form of Hyyrö 2003).
//!
//! Blocks are worked off one after the other over the whole text, so that a block's state stays in registers
//! and the memory is linear in the lengths. Words are numbered once for a pair; a routine for any kind of
//! element looks up a hash for every block of every word.

/// How many words must be put in, left out or exchanged.
pub(super) fn levenshtein(a: &[u64], b: &[u64]) -> usize {
    let (a, b) = without_common_ends(a, b);
    let (pattern, text) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if pattern.is_empty() {
        return text.len();
    }
    let mut numbers = Numbers::new(pattern.len());
    let pattern: Vec<u32> = pattern.iter().map(|word| numbers.assign(*word)).collect();
    let text: Vec<u32> = text.iter().map(|word| numbers.find(*word)).collect();
    // Of each word the places in the block where it stands; the first is for words that the pattern lacks.
    let mut places = vec![0_u64; numbers.used as usize + 1];
    let mut steps = vec![Step::UP; text.len()];
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

fn without_common_ends<'t>(a: &'t [u64], b: &'t [u64]) -> (&'t [u64], &'t [u64]) {
    let start = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[start..], &b[start..]);
    let end = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    (&a[..a.len() - end], &b[..b.len() - end])
}

/// How the value in the last row of a block changes from one word of the text to the next: by 1 up, by 1 down, or not.
#[derive(Clone, Copy)]
struct Step(u8);

impl Step {
    const UP: Self = Self(1);

    fn new(up: u64, down: u64) -> Self {
        Self(u8::from(up != 0) | (u8::from(down != 0) << 1))
    }

    fn up(self) -> u64 {
        u64::from(self.0 & 1)
    }

    fn down(self) -> u64 {
        u64::from(self.0 >> 1)
    }
}

/// Works off one block of up to 64 rows; how much the value in its last row changes over the whole text.
fn column(places: &[u64], text: &[u32], steps: &mut [Step], rows: usize) -> isize {
    let last = rows - 1;
    let (mut rises, mut falls) = (u64::MAX, 0_u64);
    let mut change = 0;
    for (word, step) in text.iter().zip(steps) {
        let here = places[*word as usize];
        let vertical = here | falls;
        let here = here | step.down();
        let equal = ((here & rises).wrapping_add(rises) ^ rises) | here;
        let (up, down) = (falls | !(equal | rises), rises & equal);
        let out = ((up >> last) & 1, (down >> last) & 1);
        let (up, down) = ((up << 1) | step.up(), (down << 1) | step.down());
        rises = down | !(vertical | up);
        falls = up & vertical;
        *step = Step::new(out.0, out.1);
        change += isize::from(out.0 != 0) - isize::from(out.1 != 0);
    }
    change
}

/// Numbers for words, from 1; 0 is for unknown ones. The words are hashes already, and keyed, so their lower
/// bits are as good as any.
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
    use proptest::prelude::*;
    use rapidfuzz::distance::levenshtein as reference;

    use super::*;

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
