//! Every program and every file that a document shows is compiled or read by something.

use std::fs;

use crate::support::{documents, root};

/// The fenced blocks of a document: what stands behind the fence, and the text.
fn blocks(text: &str) -> Vec<(String, String)> {
    let (mut blocks, mut open) = (Vec::new(), None::<(String, String)>);
    for line in text.lines() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(language), None) => open = Some((language.to_owned(), String::new())),
            (None, Some((_, text))) => text.push_str(&format!("{line}\n")),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fence is not closed: {open:?}");
    blocks
}

#[test]
fn every_program_in_a_document_is_compiled() {
    let documentation_tests = fs::read_to_string(root().join("tests/snippets.rs")).unwrap();
    let mut shown = 0;
    for document in documents() {
        let (name, text) = (document.strip_prefix(root()).unwrap(), fs::read_to_string(&document).unwrap());
        let rust: Vec<_> = blocks(&text).into_iter().filter(|(language, _)| language.starts_with("rust")).collect();
        shown += rust.len();
        for (language, _) in &rust {
            assert!(["rust", "rust,no_run"].contains(&language.as_str()), "{}: {language}", name.display());
        }
        // The text of a crate is its documentation, and the program of the first page is an example (`readme.rs`).
        let compiled = name.starts_with("crates")
            || name.as_os_str() == "README.md"
            || documentation_tests.contains(&format!("\"../{}\"", name.display()));
        assert!(rust.is_empty() || compiled, "tests/snippets.rs does not name {}", name.display());
    }
    assert!(shown >= 10, "{shown} programs");
}

#[test]
fn every_file_of_settings_in_a_document_can_be_read() {
    for document in documents() {
        for (language, text) in blocks(&fs::read_to_string(&document).unwrap()) {
            let read = match language.as_str() {
                "toml" => toml::from_str::<toml::Table>(&text).map(drop).map_err(|error| error.to_string()),
                "json" => serde_json::from_str::<serde_json::Value>(&text).map(drop).map_err(|error| error.to_string()),
                _ => continue,
            };
            read.unwrap_or_else(|error| panic!("{}: {error}\n{text}", document.display()));
        }
    }
}
