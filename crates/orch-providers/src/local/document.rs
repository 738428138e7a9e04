//! A document as sentences, and a sentence as words, by the Unicode rules of UAX #29.

use unicode_segmentation::UnicodeSegmentation;

/// The sentences of a document that have a word in them, in order.
///
/// A line break inside a paragraph is only a space: documents are often wrapped by hand. A paragraph ends at a blank
/// line and before a list item, a quotation or a table row. Headings and fenced code of Markdown are not sentences.
pub(super) fn sentences(document: &str) -> Vec<String> {
    let paragraphs = paragraphs(document);
    let sentences = paragraphs.iter().flat_map(|paragraph| paragraph.unicode_sentences());
    sentences.map(|sentence| sentence.trim().to_owned()).filter(|sentence| words(sentence).next().is_some()).collect()
}

fn paragraphs(document: &str) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    let mut in_code = false;
    for line in document.lines().map(str::trim) {
        let fence = line.starts_with("```") || line.starts_with("~~~");
        in_code ^= fence;
        let (mark, text) = split_mark(line);
        if in_code || fence || line.is_empty() || mark != Mark::None {
            paragraphs.push(String::new());
        }
        if in_code || fence || mark == Mark::Heading {
            continue;
        }
        let open = paragraphs.last_mut().expect("there is one from the beginning");
        if !open.is_empty() {
            open.push(' ');
        }
        open.push_str(text);
    }
    paragraphs
}

/// What a line begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    None,
    Heading,
    Item,
}

/// A line's mark and the text behind it; a number and a table's bar are part of the text.
fn split_mark(line: &str) -> (Mark, &str) {
    let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
    let number = first.strip_suffix(['.', ')']).unwrap_or_default();
    match first {
        "-" | "*" | "+" | ">" => (Mark::Item, rest),
        _ if !first.is_empty() && first.bytes().all(|byte| byte == b'#') => (Mark::Heading, rest),
        _ if line.starts_with('|') || (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())) => {
            (Mark::Item, line)
        }
        _ => (Mark::None, line),
    }
}

/// The words of a text in lower case.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.unicode_words().map(str::to_lowercase)
}

/// A text as the pieces it is streamed in: each word with what follows it up to the next.
pub(super) fn pieces(text: &str) -> Vec<&str> {
    let mut starts: Vec<usize> = text.unicode_word_indices().map(|(start, _)| start).collect();
    if let Some(first) = starts.first_mut() {
        *first = 0;
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().zip(ends).map(|(start, end)| &text[*start..end]).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hand_wrapped_lines_are_one_sentence_and_blocks_are_several() {
        let document = "A sentence that\nis wrapped. Another one!\n- first item\n* second item\n2. third\n> said\n| a | b |\n\nLast";
        let expected = [
            "A sentence that is wrapped.",
            "Another one!",
            "first item",
            "second item",
            "2. third",
            "said",
            "| a | b |",
            "Last",
        ];
        assert_eq!(sentences(document), expected);
    }

    #[test]
    fn headings_and_fenced_code_are_not_sentences() {
        let document = "# Title\nBefore\n```rust\nlet a = 1;\n\n# not a heading\n```\nafter.\n\n#tag stays\n### End";
        assert_eq!(sentences(document), ["Before", "after.", "#tag stays"]);
    }

    #[test]
    fn pieces_are_words_with_what_follows() {
        assert_eq!(pieces("(Yes, it is.)"), ["(Yes, ", "it ", "is.)"]);
        assert_eq!(pieces("北京。"), ["北", "京。"]);
        assert!(pieces("…").is_empty());
    }

    proptest! {
        #[test]
        fn any_text_becomes_sentences_with_words_and_pieces_that_add_up(document in "(?s).{0,200}") {
            for sentence in sentences(&document) {
                prop_assert!(words(&sentence).next().is_some());
                prop_assert_eq!(pieces(&sentence).concat(), sentence);
            }
        }
    }
}
