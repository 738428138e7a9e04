use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::Path;

/// Words to look for, any of which is enough.
#[derive(Clone, Debug)]
pub(crate) struct Keywords {
    /// `None`: everywhere in the input.
    on: Option<Arc<Path>>,
    words: Box<[String]>,
    folded: Box<[String]>,
    /// How many letters may be wrong.
    typos: usize,
}

impl Keywords {
    /// The words; `None` when there are none, or one is blank.
    pub(crate) fn new(on: Option<Arc<Path>>, words: Vec<String>, typos: usize) -> Option<Self> {
        let folded: Box<[_]> = words.iter().map(|word| fold(word.trim())).collect();
        let usable = !folded.is_empty() && folded.iter().all(|word| !word.is_empty());
        usable.then_some(Self { on, words: words.into(), folded, typos })
    }

    /// Where they are looked for; `None`: everywhere in the input.
    pub(crate) fn on(&self) -> Option<&Arc<Path>> {
        self.on.as_ref()
    }

    /// The words as they are looked for in [folded](fold) texts.
    pub(crate) fn folded(&self) -> &[String] {
        &self.folded
    }

    /// Whether they are found only as they are written.
    pub(crate) fn exact(&self) -> bool {
        self.typos == 0
    }

    /// Whether one of them is in one of these [folded](fold) texts.
    pub(crate) fn found_in(&self, folded: &[String]) -> bool {
        let found = |word: &String| folded.iter().any(|text| has_word(text, word));
        self.folded.iter().any(found) || (self.typos > 0 && self.nearly_in(folded))
    }

    /// Whether one of them is in a text of `value`.
    pub(crate) fn found_in_value(&self, value: &Value) -> bool {
        self.found_in(&folded_texts(value))
    }

    /// Whether one of them is in one of these texts but for a few letters.
    fn nearly_in(&self, folded: &[String]) -> bool {
        self.folded.iter().any(|word| folded.iter().any(|text| near(text, word, self.typos)))
    }
}

/// What the attribute must do.
impl fmt::Display for Keywords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.on {
            Some(path) => write!(f, "{path} must have ")?,
            None => f.write_str("the input must have ")?,
        }
        f.write_str(if self.words.len() == 1 { "the word " } else { "one of the words " })?;
        for (n, word) in self.words.iter().enumerate() {
            write!(f, "{}{word:?}", if n > 0 { ", " } else { "" })?;
        }
        match self.typos {
            0 => Ok(()),
            1 => f.write_str(" (one typo is let pass)"),
            n => write!(f, " ({n} typos are let pass)"),
        }
    }
}

/// Every text in `value`, at any depth, folded. Walks without recursion, so that no input is too deep.
pub(super) fn folded_texts(value: &Value) -> Vec<String> {
    let mut texts = Vec::new();
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) => texts.push(fold(text)),
            Value::Array(items) => open.extend(items),
            Value::Object(fields) => open.extend(fields.values()),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    texts
}

/// `text` as keywords see it: without case (`ß` is `ss`), and each run of white space as one space.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut spaced = false;
    for c in text.chars() {
        let space = c.is_whitespace();
        match c {
            _ if space && spaced => {}
            _ if space => folded.push(' '),
            c if c.is_ascii() => folded.push(c.to_ascii_lowercase()),
            c => folded.extend(c.to_uppercase().flat_map(char::to_lowercase)),
        }
        spaced = space;
    }
    folded
}

/// Whether `word` stands in `text` as a whole.
fn has_word(text: &str, word: &str) -> bool {
    let mut from = 0;
    while let Some(found) = text[from..].find(word) {
        let start = from + found;
        if stands_alone(text, start, start + word.len()) {
            return true;
        }
        from = start + text[start..].chars().next().map_or(1, char::len_utf8);
    }
    false
}

/// Whether the part of `text` from `start` to `end` is whole: where it begins or ends with a letter or digit,
/// no other letter or digit touches it.
pub(crate) fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let joins = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let word = &text[start..end];
    let joined_before = joins(word.chars().next()) && joins(text[..start].chars().next_back());
    let joined_after = joins(word.chars().next_back()) && joins(text[end..].chars().next());
    !joined_before && !joined_after
}

/// Whether so many words of `text`, in a row, as `word` has are `word` but for `typos` letters that were left out,
/// put in, exchanged or swapped with their neighbour.
fn near(text: &str, word: &str, typos: usize) -> bool {
    let letters = |text: &str| text.chars().count();
    let (parts, length) = (word.split(' ').count(), letters(word));
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.windows(parts).any(|window| {
        // Cheap before dear: no distance is smaller than the difference of the lengths.
        let bytes: usize = window.iter().map(|word| word.len()).sum();
        bytes <= 4 * (length + typos) && {
            let candidate = window.join(" ");
            letters(&candidate).abs_diff(length) <= typos && strsim::osa_distance(&candidate, word) <= typos
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn found(text: &str, word: &str) -> bool {
        Keywords::new(None, vec![word.to_owned()], 0).unwrap().found_in(&folded_texts(&json!(text)))
    }

    #[test]
    fn keywords_are_whole_words_in_any_case() {
        for (text, word) in [
            ("a DEEP look", "deep"),
            ("deep", "Deep"),
            ("(deep)", "deep"),
            ("deep-dive", "deep"),
            ("dig deep\n\tdive in", "deep dive"),
            ("deep_dive", "deep"),
            ("ΒΑΘΥΣ", "βαθύς".replace('ύ', "υ").as_str()),
            ("STRASSE", "straße"),
            ("I write C++, mostly", "c++"),
            ("asp.net", ".net"),
            ("aa a a", "a a"),
            ("v2 is out", "v2"),
        ] {
            assert!(found(text, word), "{word:?} in {text:?}");
        }
        for (text, word) in [
            ("deeper", "deep"),
            ("knee-deepest", "deep"),
            ("undeep", "deep"),
            ("deep4", "deep"),
            ("deep, dive", "deep dive"),
            ("I write C, mostly", "c++"),
            (".networks", ".net"),
            ("éclair", "clair"),
            ("", "deep"),
        ] {
            assert!(!found(text, word), "{word:?} in {text:?}");
        }
    }

    #[test]
    fn texts_at_any_depth_are_looked_at_but_keys_are_not() {
        let input = json!({ "a": ["one", { "b": "two" }], "deep": 3 });
        let has = |word: &str| Keywords::new(None, vec![word.into()], 0).unwrap().found_in(&folded_texts(&input));
        assert!(has("one") && has("two"));
        assert!(!has("deep") && !has("3"));
    }

    #[test]
    fn fuzzy_keywords_let_as_many_typos_pass_as_they_say() {
        let near = |text: &str, word: &str, typos| {
            Keywords::new(None, vec![word.to_owned()], typos).unwrap().found_in(&folded_texts(&json!(text)))
        };
        for (text, word) in [
            ("a comprehensve report", "comprehensive"),
            ("a Compreehensive report", "comprehensive"),
            ("a comprehensixe report", "comprehensive"),
            ("a comprehenisve report", "comprehensive"),
            ("a comprehensive report", "comprehensive"),
            ("please, dep dive!", "deep dive"),
            ("c++", "c++"),
        ] {
            assert!(near(text, word, 1), "{word:?} in {text:?}");
        }
        assert!(!near("a comprehensve report", "comprehensive", 0));
        assert!(!near("a comprehnsve report", "comprehensive", 1));
        assert!(near("a comprehnsve report", "comprehensive", 2));
        assert!(!near("a report", "comprehensive", 2));
    }

    #[test]
    fn no_keywords_and_blank_ones_are_refused() {
        assert!(Keywords::new(None, vec![], 0).is_none());
        assert!(Keywords::new(None, vec!["a".into(), " \t".into()], 0).is_none());
    }

    proptest! {
        /// A word of letters stands in a text exactly if it is one of the text's words.
        #[test]
        fn single_words_agree_with_splitting_the_text(text in "[abAB é1.-]{0,16}", word in "[ab]{1,3}") {
            let words: Vec<_> = text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase).collect();
            prop_assert_eq!(found(&text, &word), words.contains(&word));
        }
    }
}
