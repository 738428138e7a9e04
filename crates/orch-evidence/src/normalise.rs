//! The form in which texts are compared.

use std::cell::OnceCell;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// A text as it is compared: composed (NFC), case-folded, with single spaces and without marks that carry no meaning.
///
/// Case is folded by Unicode's mapping to upper case and back (`ß` is `ss`, `ς` is `σ`); the dotless `ı` stays itself.
/// Apostrophes disappear (`don't`: `dont`); quotes, sentence marks and dashes become spaces. What belongs to
/// a number stays: sign, decimal point, separators between digits, per cent and currency signs. Brackets
/// and operators stay where numbers are calculated with, so that `(6-4)*5` and `6-(4*5)` differ. A text of
/// marks alone is kept as it is. The same as [`Normaliser::new`]`().apply(text)`.
///
/// ```
/// use orch_evidence::normalise;
///
/// assert_eq!(normalise("  The answer is: “Paris”. "), "the answer is paris");
/// assert_eq!(normalise("-3.5 %, or 1,000."), "-3.5 % or 1,000");
/// assert_ne!(normalise("(6-4)*5"), normalise("6-(4*5)"));
/// ```
#[must_use]
pub fn normalise(text: &str) -> String {
    Normaliser::DEFAULT.apply(text)
}

/// How texts are brought into the form in which they are compared; see [`normalise()`](crate::normalise()) for what
/// is always done.
///
/// ```
/// use orch_evidence::Normaliser;
///
/// let english = Normaliser::new().strip_english_articles(true);
/// assert_eq!(english.apply("The Beatles."), "beatles");
/// assert_eq!(Normaliser::new().apply("The Beatles."), "the beatles");
/// assert_eq!(Normaliser::new().compatibility(true).apply("ﬁve ½"), "five 1⁄2");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[must_use]
pub struct Normaliser {
    strip_english_articles: bool,
    compatibility: bool,
}

impl Normaliser {
    pub(crate) const DEFAULT: Self = Self { strip_english_articles: false, compatibility: false };

    /// What [`normalise()`](crate::normalise()) does.
    pub const fn new() -> Self {
        Self::DEFAULT
    }

    /// Whether `a`, `an` and `the` are left out; a text of nothing else keeps them. Only for answers in English: in
    /// other languages these are other words. Default: no.
    pub const fn strip_english_articles(mut self, strip: bool) -> Self {
        self.strip_english_articles = strip;
        self
    }

    /// Whether compatibility forms are made the same (NFKC): ligatures, full-width letters, raised digits. It makes
    /// `x²` and `x2` the same. Default: no.
    pub const fn compatibility(mut self, compose: bool) -> Self {
        self.compatibility = compose;
        self
    }

    /// The text in the form in which it is compared.
    #[must_use]
    pub fn apply(self, text: &str) -> String {
        let normal = if text.is_ascii() {
            plain_text(text)
        } else if self.compatibility {
            composed(text.nfkc().collect::<String>().as_str())
        } else {
            composed(text)
        };
        if self.strip_english_articles { without_articles(normal) } else { normal }
    }
}

/// The short way for a text of plain characters: nothing to compose, and words are copied as they are.
fn plain_text(text: &str) -> String {
    let mut folded = text.to_ascii_lowercase();
    if folded.contains('\'') || folded.contains('`') {
        folded.retain(|c| !matches!(c, '\'' | '`'));
    }
    let (bytes, sums) = (folded.as_bytes(), OnceCell::new());
    let mut normal = String::with_capacity(folded.len());
    let (mut at, mut gap) = (0, false);
    while at < bytes.len() {
        let run = plain_run(&bytes[at..]);
        let end = at + run.max(1);
        let c = char::from(bytes[at]);
        if run > 0 || (!c.is_whitespace() && stays(bytes, at, c, &sums)) {
            if std::mem::take(&mut gap) && !normal.is_empty() {
                normal.push(' ');
            }
            normal.push_str(&folded[at..end]);
        } else {
            gap = true;
        }
        at = end;
    }
    if normal.is_empty() { spaced(text.chars()) } else { normal }
}

/// How long the text goes on with words and single spaces between them, which are copied as they are.
fn plain_run(text: &[u8]) -> usize {
    let is_letter = |at: usize| text.get(at).is_some_and(|c| LETTERS[usize::from(*c)]);
    let mut end = 0;
    loop {
        while is_letter(end) {
            end += 1;
        }
        if end == 0 || text.get(end) != Some(&b' ') || !is_letter(end + 1) {
            return end;
        }
        end += 1;
    }
}

/// The plain characters that are neither marks nor white space.
const LETTERS: [bool; 256] = {
    let mut letters = [false; 256];
    let mut c = 0_u8;
    while c < 128 {
        let symbol = matches!(c, b'$' | b'+' | b'<' | b'=' | b'>' | b'^' | b'|' | b'~');
        letters[c as usize] = (symbol || !c.is_ascii_punctuation()) && !matches!(c, b'\t'..=b'\r' | b' ');
        c += 1;
    }
    letters
};

fn composed(text: &str) -> String {
    let folded: Vec<char> = text.nfc().flat_map(fold).map(plain).filter(|c| !matches!(c, '\'' | '`')).collect();
    // Folding takes letters apart that have no composed capital.
    meaningful(&folded)
        .map_or_else(|| spaced(text.nfc()), |text| if text.is_ascii() { text } else { text.nfc().collect() })
}

/// Case folding. The dotless `ı` has the capital of `i`.
fn fold(c: char) -> impl Iterator<Item = char> {
    let upper = (c != 'ı').then(|| c.to_uppercase().flat_map(char::to_lowercase));
    upper.into_iter().flatten().chain((c == 'ı').then_some(c))
}

/// The text without its meaningless marks; `None` if it consists of them.
fn meaningful<C: Copy + Into<char>>(folded: &[C]) -> Option<String> {
    let sums = OnceCell::new();
    let kept = folded.iter().enumerate().map(|(at, c)| {
        let c = (*c).into();
        if stays(folded, at, c, &sums) { c } else { ' ' }
    });
    Some(spaced(kept)).filter(|text| !text.is_empty())
}

fn without_articles(text: String) -> String {
    let words = text.split(' ').filter(|word| !matches!(*word, "a" | "an" | "the"));
    let left = words.collect::<Vec<_>>().join(" ");
    if left.is_empty() { text } else { left }
}

/// The plain form of typographic signs.
fn plain(c: char) -> char {
    match c {
        '\u{2018}' | '\u{2019}' | '\u{02bc}' => '\'',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{00d7}' => '*',
        '\u{00f7}' => '/',
        _ => c,
    }
}

fn spaced(text: impl Iterator<Item = char>) -> String {
    let mut words = String::new();
    let mut gap = false;
    for c in text {
        if c.is_whitespace() {
            gap = !words.is_empty();
        } else {
            if std::mem::take(&mut gap) {
                words.push(' ');
            }
            words.push(c);
        }
    }
    words
}

/// Whether the text calculates: an operator between two operands.
fn has_sums<C: Copy + Into<char>>(text: &[C]) -> bool {
    (0..text.len()).any(|at| is_operator(text[at].into()) && between_operands(text, at))
}

fn is_operator(c: char) -> bool {
    matches!(c, '+' | '-' | '*' | '/' | '^' | '=')
}

/// The nearest characters on both sides that are no white space. Over a whole text every stretch of white space is
/// looked at twice at most, from its two ends.
fn between_operands<C: Copy + Into<char>>(text: &[C], at: usize) -> bool {
    let before = last_word(&text[..at]);
    let after = text[at + 1..].iter().map(|c| (*c).into()).find(|c| !c.is_whitespace());
    before.is_some_and(|c| c.is_numeric() || c == ')') && after.is_some_and(|c| c.is_numeric() || c == '(')
}

fn last_word<C: Copy + Into<char>>(text: &[C]) -> Option<char> {
    text.iter().rev().map(|c| (*c).into()).find(|c: &char| !c.is_whitespace())
}

/// Whether the character at this place carries meaning.
fn stays<C: Copy + Into<char>>(text: &[C], at: usize, c: char, sums: &OnceCell<bool>) -> bool {
    if c.is_ascii_alphanumeric() || c == ' ' || !is_mark(c) {
        return true;
    }
    let before = at.checked_sub(1).map(|at| text[at].into());
    let after = text.get(at + 1).map(|c| (*c).into());
    let digit = |c: Option<char>| c.is_some_and(char::is_numeric);
    match c {
        _ if digit(before) && digit(after) => true,
        '%' => digit(before) || digit(last_word(&text[..at])),
        '-' | '.' if digit(after) && !before.is_some_and(char::is_alphanumeric) => true,
        '(' | ')' => {
            let number = match c {
                '(' => after.is_some_and(|c| c.is_numeric() || matches!(c, '(' | '-' | '.')),
                _ => before.is_some_and(|c| c.is_numeric() || c == ')'),
            };
            number && *sums.get_or_init(|| has_sums(text))
        }
        '#' => before.is_some_and(char::is_alphanumeric),
        _ => is_operator(c) && between_operands(text, at),
    }
}

/// Punctuation. Symbols (`+`, `=`, `$`, `€`, emoji) are not: they mean something.
fn is_mark(c: char) -> bool {
    match c {
        '$' | '+' | '<' | '=' | '>' | '^' | '|' | '~' => false,
        '\u{a1}' | '\u{a7}' | '\u{ab}' | '\u{b6}' | '\u{b7}' | '\u{bb}' | '\u{bf}' => true,
        '\u{2016}'..='\u{2027}' | '\u{2030}'..='\u{205e}' => true,
        '\u{060c}' | '\u{061b}' | '\u{061f}' | '\u{06d4}' | '\u{0964}' | '\u{0965}' => true,
        '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}' | '\u{3014}'..='\u{301f}' | '\u{30fb}' => true,
        '\u{ff01}' | '\u{ff08}' | '\u{ff09}' | '\u{ff0c}' | '\u{ff0e}' | '\u{ff1a}' | '\u{ff1b}' | '\u{ff1f}' => true,
        c => c.is_ascii_punctuation(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn case_space_and_sentence_marks_do_not_matter() {
        for same in ["The   Kalahari", "the kalahari.", " “The Kalahari!”\n", "The, Kalahari?", "THE-KALAHARI"] {
            assert_eq!(normalise(same), "the kalahari", "{same}");
        }
    }

    #[test]
    fn composed_and_decomposed_letters_are_the_same() {
        assert_eq!(normalise("Caf\u{e9}"), normalise("CAFE\u{301}"));
    }

    #[test]
    fn what_belongs_to_a_number_stays() {
        for number in ["-5", "3.5", ".5", "1,000", "11/22/2001", "10:30", "50%", "$5", "2001-2003"] {
            assert_eq!(normalise(&format!("{number}.")), number);
        }
        assert_eq!(normalise("\u{2212}5"), "-5");
    }

    #[test]
    fn different_calculations_stay_different() {
        let all = ["(6-4)*5", "6-(4*5)", "(6 - 4) * 5", "6 - (4 * 5)", "(6+4)*5", "(6-4)/5", "6-4-5", "6 4 5"];
        for (i, a) in all.iter().enumerate() {
            for b in &all[i + 1..] {
                assert_ne!(normalise(a), normalise(b), "{a} and {b}");
            }
        }
    }

    #[test]
    fn brackets_in_prose_are_marks() {
        assert_eq!(normalise("born (in 1970), in Rome"), "born in 1970 in rome");
    }

    #[test]
    fn apostrophes_join_and_names_of_languages_keep_their_signs() {
        assert_eq!(normalise("don\u{2019}t"), normalise("dont"));
        assert_eq!(normalise("C++, C#"), "c++ c#");
        assert_ne!(normalise("C++"), normalise("C"));
    }

    #[test]
    fn case_is_folded_and_not_only_lowered() {
        assert_eq!(normalise("STRASSE"), normalise("Straße"));
        assert_eq!(normalise("ΟΔΟΣ"), normalise("οδος"));
        assert_ne!(normalise("ı"), normalise("i"));
    }

    #[test]
    fn articles_are_left_out_only_when_that_is_asked_for() {
        let english = Normaliser::new().strip_english_articles(true);
        assert_eq!(english.apply("An apple a day keeps the doctor away"), "apple day keeps doctor away");
        assert_eq!(english.apply("The"), "the");
        assert_eq!(normalise("The Beatles"), "the beatles");
    }

    #[test]
    fn compatibility_forms_are_the_same_only_when_that_is_asked_for() {
        let compatible = Normaliser::new().compatibility(true);
        assert_eq!(compatible.apply("Ｐａｒｉｓ"), "paris");
        assert_ne!(normalise("Ｐａｒｉｓ"), "paris");
    }

    #[test]
    fn a_text_of_marks_alone_is_kept() {
        assert_eq!(normalise(" ?! "), "?!");
        assert_ne!(normalise("?"), normalise("!"));
        assert_eq!(normalise("  \n"), "");
    }

    #[test]
    fn combining_marks_of_other_scripts_stay_in_their_words() {
        assert_eq!(normalise("क्या").split(' ').count(), 1);
    }

    #[test]
    fn long_runs_of_marks_and_spaces_take_linear_time() {
        // Quadratic work over a million characters would take many minutes.
        for hostile in ["1 - ".repeat(250_000), "(".repeat(1_000_000), format!("1{}%", " %".repeat(500_000))] {
            assert!(normalise(&hostile).len() <= hostile.len());
        }
        assert_eq!(normalise(&format!("1-{}2", " ".repeat(1_000_000))), "1- 2");
    }

    proptest! {
        #[test]
        fn plain_texts_take_the_short_way_and_arrive_at_the_same(text in "[ -~\\t\\n]{0,60}") {
            let folded: Vec<char> =
                text.chars().map(|c| c.to_ascii_lowercase()).filter(|c| !matches!(c, '\'' | '`')).collect();
            let expected = meaningful(&folded).unwrap_or_else(|| spaced(text.chars()));
            prop_assert_eq!(normalise(&text), expected);
        }

        #[test]
        fn there_are_only_single_spaces_inside(text in "\\PC{0,40}") {
            let normal = normalise(&text);
            prop_assert!(!normal.contains("  ") && normal.trim() == normal);
        }

        #[test]
        fn nothing_but_blank_becomes_empty(text in "[ a-z0-9?!.,-]{0,12}") {
            prop_assert_eq!(normalise(&text).is_empty(), text.trim().is_empty());
        }
    }
}
