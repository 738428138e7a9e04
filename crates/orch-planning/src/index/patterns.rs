use regex::{RegexSet, RegexSetBuilder};

/// How many regular expressions are searched for at once, and how large they may be together, in bytes.
const TOGETHER: usize = 32;
const SIZE: usize = 32 << 20;

/// Rules by the regular expression that must match an attribute.
#[derive(Clone, Debug, Default)]
pub(super) struct Patterns {
    open: Vec<(u32, Box<str>)>,
    sets: Vec<(RegexSet, Vec<u32>)>,
}

impl Patterns {
    pub(super) fn add(&mut self, id: u32, pattern: &str) {
        self.open.push((id, pattern.into()));
    }

    /// Makes the sets; gives the rules for which none could be made.
    pub(super) fn finish(&mut self) -> Vec<u32> {
        let mut failed = Vec::new();
        for chunk in std::mem::take(&mut self.open).chunks(TOGETHER) {
            let ids: Vec<_> = chunk.iter().map(|(id, _)| *id).collect();
            match RegexSetBuilder::new(chunk.iter().map(|(_, pattern)| &**pattern)).size_limit(SIZE).build() {
                Ok(set) => self.sets.push((set, ids)),
                Err(_) => failed.extend(ids),
            }
        }
        failed
    }

    pub(super) fn find(&self, text: &str, found: &mut Vec<u32>) {
        for (set, ids) in &self.sets {
            found.extend(set.matches(text).into_iter().map(|n| ids[n]));
        }
    }
}
