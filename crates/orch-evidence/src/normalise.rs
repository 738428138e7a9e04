//! The form in which texts are compared.

use unicode_normalization::UnicodeNormalization;

/// A text as it is compared: composed (NFC), in lower case, with single spaces and without marks that carry no meaning.
///
/// Lower case is Unicode's lower-case mapping, not its case folding: `ß` and `ss` stay different.
/// Apostrophes disappear (`don't`: `dont`); quotes, sentence marks and dashes become spaces. What belongs to
/// a number stays: sign, decimal point, separators between digits, per cent and currency signs. Brackets
/// and operators stay where numbers are calculated with, so that `(6-4)*5` and `6-(4*5)` differ. A text of
/// marks alone is kept as it is.
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
    let folded: Vec<char> =
        text.nfc().flat_map(char::to_lowercase).map(plain).filter(|c| !matches!(c, '\'' | '`')).collect();
    let sums = has_sums(&folded);
    let kept = (0..folded.len()).map(|at| if stays(&folded, at, sums) { folded[at] } else { ' ' });
    let kept = spaced(kept);
    if kept.is_empty() { spaced(text.nfc()) } else { kept }
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
fn has_sums(text: &[char]) -> bool {
    (0..text.len()).any(|at| is_operator(text[at]) && between_operands(text, at))
}

fn is_operator(c: char) -> bool {
    matches!(c, '+' | '-' | '*' | '/' | '^' | '=')
}

fn between_operands(text: &[char], at: usize) -> bool {
    let before = text[..at].iter().rev().find(|c| !c.is_whitespace());
    let after = text[at + 1..].iter().find(|c| !c.is_whitespace());
    before.is_some_and(|c| c.is_numeric() || *c == ')') && after.is_some_and(|c| c.is_numeric() || *c == '(')
}

/// Whether the character at this place carries meaning.
fn stays(text: &[char], at: usize, sums: bool) -> bool {
    let c = text[at];
    if !is_mark(c) {
        return true;
    }
    let before = at.checked_sub(1).map(|at| text[at]);
    let after = text.get(at + 1).copied();
    let digit = |c: Option<char>| c.is_some_and(char::is_numeric);
    match c {
        _ if digit(before) && digit(after) => true,
        '%' => digit(before) || digit(text[..at].iter().rev().find(|c| !c.is_whitespace()).copied()),
        '-' | '.' if digit(after) && !before.is_some_and(char::is_alphanumeric) => true,
        '(' => sums && after.is_some_and(|c| c.is_numeric() || matches!(c, '(' | '-' | '.')),
        ')' => sums && before.is_some_and(|c| c.is_numeric() || c == ')'),
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
    fn a_text_of_marks_alone_is_kept() {
        assert_eq!(normalise(" ?! "), "?!");
        assert_ne!(normalise("?"), normalise("!"));
        assert_eq!(normalise("  \n"), "");
    }

    #[test]
    fn combining_marks_of_other_scripts_stay_in_their_words() {
        assert_eq!(normalise("क्या").split(' ').count(), 1);
    }

    proptest! {
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
