use std::fmt;

use serde_json::Value;

use super::Path;

/// Words to look for, any of which is enough.
#[derive(Clone, Debug)]
pub(crate) struct Keywords {
    /// `None`: everywhere in the input.
    on: Option<Path>,
    words: Vec<String>,
    folded: Vec<String>,
}

impl Keywords {
    /// The words; `None` when there are none, or one is blank.
    pub(crate) fn new(on: Option<Path>, words: Vec<String>) -> Option<Self> {
        let folded: Vec<_> = words.iter().map(|word| fold(word.trim())).collect();
        let usable = !folded.is_empty() && folded.iter().all(|word| !word.is_empty());
        usable.then_some(Self { on, words, folded })
    }

    /// Where they are looked for; `None`: everywhere in the input.
    pub(crate) fn on(&self) -> Option<&Path> {
        self.on.as_ref()
    }

    /// Whether one of them is in one of these [folded](fold) texts.
    pub(crate) fn found_in(&self, folded: &[String]) -> bool {
        self.folded.iter().any(|word| folded.iter().any(|text| has_word(text, word)))
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
        Ok(())
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
        if c.is_whitespace() {
            if !spaced {
                folded.push(' ');
            }
        } else {
            folded.extend(c.to_uppercase().flat_map(char::to_lowercase));
        }
        spaced = c.is_whitespace();
    }
    folded
}

/// Whether `word` stands in `text` as a whole: where it begins or ends with a letter or digit,
/// no other letter or digit touches it.
fn has_word(text: &str, word: &str) -> bool {
    let joins = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let open_start = !joins(word.chars().next());
    let open_end = !joins(word.chars().next_back());
    let mut from = 0;
    while let Some(found) = text[from..].find(word) {
        let start = from + found;
        let end = start + word.len();
        let before = open_start || !joins(text[..start].chars().next_back());
        let after = open_end || !joins(text[end..].chars().next());
        if before && after {
            return true;
        }
        from = start + text[start..].chars().next().map_or(1, char::len_utf8);
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn found(text: &str, word: &str) -> bool {
        Keywords::new(None, vec![word.to_owned()]).unwrap().found_in(&folded_texts(&json!(text)))
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
        let has = |word: &str| Keywords::new(None, vec![word.into()]).unwrap().found_in(&folded_texts(&input));
        assert!(has("one") && has("two"));
        assert!(!has("deep") && !has("3"));
    }

    #[test]
    fn no_keywords_and_blank_ones_are_refused() {
        assert!(Keywords::new(None, vec![]).is_none());
        assert!(Keywords::new(None, vec!["a".into(), " \t".into()]).is_none());
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
