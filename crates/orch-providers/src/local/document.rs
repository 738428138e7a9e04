//! A document as sentences, and a sentence as words, by the Unicode rules of UAX #29.

use unicode_segmentation::UnicodeSegmentation;

/// The sentences of a document that have a word in them, in order.
///
/// A line break inside a paragraph is only a space: documents are often wrapped by hand. A paragraph ends at a blank
/// line and before a line that begins like a heading, a list item or a table row.
pub(super) fn sentences(document: &str) -> Vec<String> {
    let paragraphs = paragraphs(document);
    let sentences = paragraphs.iter().flat_map(|paragraph| paragraph.unicode_sentences());
    sentences.map(|sentence| sentence.trim().to_owned()).filter(|sentence| words(sentence).next().is_some()).collect()
}

fn paragraphs(document: &str) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    for line in document.lines().map(str::trim) {
        if line.is_empty() || begins_a_block(line) {
            paragraphs.push(String::new());
        }
        let open = paragraphs.last_mut().expect("there is one from the beginning");
        if !open.is_empty() {
            open.push(' ');
        }
        open.push_str(line);
        if line.starts_with('#') {
            paragraphs.push(String::new());
        }
    }
    paragraphs
}

fn begins_a_block(line: &str) -> bool {
    let marker = line.split(' ').next().unwrap_or_default();
    let numbered =
        marker.strip_suffix(['.', ')']).is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    numbered || matches!(marker, "-" | "*" | "+" | ">") || line.starts_with(['#', '|'])
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
        let document =
            "# Title\nA sentence that\nis wrapped. Another one!\n- first item\n- second item\n2. third\n\nLast";
        let expected = [
            "# Title",
            "A sentence that is wrapped.",
            "Another one!",
            "- first item",
            "- second item",
            "2. third",
            "Last",
        ];
        assert_eq!(sentences(document), expected);
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
