use std::collections::BTreeMap;

/// Rules by texts that an attribute must start with.
///
/// However long the attribute is, no more of it is looked at than the longest of these texts has.
#[derive(Clone, Debug, Default)]
pub(super) struct Starts {
    open: BTreeMap<Box<str>, Vec<u32>>,
    /// In order of their texts: between a text and one that it begins with there are only texts that begin so too.
    sorted: Box<[Start]>,
}

#[derive(Clone, Debug)]
struct Start {
    text: Box<str>,
    ids: Box<[u32]>,
    /// The place of the longest other one that it begins with.
    shorter: Option<usize>,
}

impl Starts {
    /// Adds a rule for the start of texts.
    pub(super) fn add(&mut self, id: u32, start: &str) {
        match self.open.get_mut(start) {
            Some(ids) => ids.push(id),
            None => _ = self.open.insert(start.into(), vec![id]),
        }
    }

    /// How many texts there are, once they are ready to be searched.
    pub(super) fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Makes everything ready to be searched.
    pub(super) fn finish(&mut self) {
        let mut sorted: Vec<Start> = Vec::with_capacity(self.open.len());
        for (text, ids) in std::mem::take(&mut self.open) {
            let mut shorter = sorted.len().checked_sub(1);
            while let Some(place) = shorter
                && !text.starts_with(&*sorted[place].text)
            {
                shorter = sorted[place].shorter;
            }
            sorted.push(Start { text, ids: ids.into(), shorter });
        }
        self.sorted = sorted.into();
    }

    /// Adds the rules whose start `text` has.
    pub(super) fn find(&self, text: &str, found: &mut Vec<u32>) {
        self.of(text).for_each(|(_, ids)| found.extend_from_slice(ids));
    }

    /// The starts that `text` has, longest first: how many bytes each has, and its rules.
    pub(super) fn of(&self, text: &str) -> impl Iterator<Item = (usize, &[u32])> {
        // All that `text` begins with, the last text that is not after it begins with too.
        let last = self.sorted.partition_point(|start| &*start.text <= text).checked_sub(1);
        let last = last.map(|place| &self.sorted[place]);
        let common = |last: &Start| last.text.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
        let common = last.map_or(0, common);
        let chain = std::iter::successors(last, |start| start.shorter.map(|place| &self.sorted[place]));
        chain.filter(move |start| start.text.len() <= common).map(|start| (start.text.len(), &*start.ids))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(starts: &[String], text: &str) -> Vec<u32> {
        let mut index = Starts::default();
        (0..).zip(starts).for_each(|(id, start)| index.add(id, start));
        index.finish();
        let mut found = Vec::new();
        index.find(text, &mut found);
        found.sort_unstable();
        found
    }

    #[test]
    fn only_the_beginning_of_a_text_is_looked_at_however_long_it_is() {
        // Searching the whole text for each would find a hundred billion.
        let starts: Vec<_> = (1..=2_000).map(|n| "a".repeat(n)).collect();
        assert_eq!(found(&starts, &"a".repeat(64 << 20)).len(), 2_000);
    }

    proptest! {
        #[test]
        fn the_starts_of_a_text_are_those_that_it_starts_with(
            starts in prop::collection::vec("[ab\u{e9}\u{e8}]{0,4}", 0..12),
            text in "[ab\u{e9}\u{e8}]{0,6}",
        ) {
            let expected: Vec<u32> =
                (0..).zip(&starts).filter(|(_, start)| text.starts_with(&***start)).map(|(id, _)| id).collect();
            prop_assert_eq!(found(&starts, &text), expected);
        }
    }
}
