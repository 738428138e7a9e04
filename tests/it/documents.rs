//! A test that a document names is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The names of all functions in Rust files below a folder.
fn functions(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            functions(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let found = text.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
            names.extend(found.map(str::to_owned));
        }
    }
}

/// What stands in backticks and can only be the name of a test: a sentence of four words or more.
fn tests_named_in(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let is_name = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    quoted.filter(is_name).filter(|word| word.matches('_').count() >= 3).collect()
}

#[test]
fn every_test_that_a_document_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut names = BTreeSet::new();
    functions(&root.join("crates"), &mut names);
    functions(&root.join("tests"), &mut names);
    functions(&root.join("bridges"), &mut names);
    for (document, at_least) in [
        ("reliability.md", 90),
        ("budget-proof.md", 10),
        ("layer-order.md", 6),
        ("layer-contract.md", 15),
        ("providers.md", 60),
        ("evidence.md", 7),
    ] {
        let text = fs::read_to_string(root.join("docs").join(document)).unwrap();
        let named = tests_named_in(&text);
        assert!(named.len() >= at_least, "{document} names {} tests", named.len());
        let missing: Vec<_> = named.into_iter().filter(|name| !names.contains(*name)).collect();
        assert!(missing.is_empty(), "{document} names {missing:?}");
    }
}

#[test]
fn every_known_defect_and_every_row_of_a_state_table_has_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = fs::read_to_string(root.join("docs/reliability.md")).unwrap();
    let (tables, _) = text.split_once("\n## Figures").expect("the figures come last");
    // A table's head is the row above its rule.
    let lines: Vec<&str> = tables.lines().collect();
    let is_rule = |line: &str| line.starts_with("|---");
    let rows = lines.windows(2).filter(|pair| pair[0].starts_with('|') && !is_rule(pair[0]) && !is_rule(pair[1]));
    let rows: Vec<&str> = rows.map(|pair| pair[0]).collect();
    assert!(rows.len() >= 80, "{} rows", rows.len());
    let bare: Vec<_> = rows.into_iter().filter(|row| tests_named_in(row).is_empty()).collect();
    assert!(bare.is_empty(), "rows without a test: {bare:#?}");
}
