//! What is said to somebody who gave something wrong: each input with the exact text of the error that it gets. A text
//! names the field and the value, and says what would be right. Wrong configurations have a table of their own,
//! `configuration/bad.rs`.

mod build;
mod bundles;
mod data;
mod providers;
mod rules;
mod runs;

use std::fmt::Display;

/// What was given, and the error that it got.
struct Row {
    given: &'static str,
    says: String,
    expected: &'static str,
}

/// One row of a table. What gets no error fails where it stands.
fn row<T, E: Display>(given: &'static str, result: Result<T, E>, expected: &'static str) -> Row {
    match result {
        Ok(_) => Row { given, says: "no error".to_owned(), expected },
        Err(error) => Row { given, says: error.to_string(), expected },
    }
}

fn check(rows: &[Row]) {
    let other = rows.iter().filter(|row| row.says != row.expected);
    let other: Vec<String> =
        other.map(|row| format!("{}\n  says     {}\n  expected {}", row.given, row.says, row.expected)).collect();
    assert!(other.is_empty(), "{} of {} rows\n{}", other.len(), rows.len(), other.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn every_wrong_input_gets_its_text() {
    let mut rows = build::rows();
    rows.extend(rules::rows());
    rows.extend(providers::rows());
    rows.extend(data::rows());
    rows.extend(bundles::rows().await);
    rows.extend(runs::rows().await);
    assert!(rows.len() >= 100, "{} rows", rows.len());
    check(&rows);
    // Plain fragments: no `Debug` of a type of ours, no panic, no end of a sentence.
    for row in &rows {
        let plain = !row.says.contains("Some(") && !row.says.contains("Err(") && !row.says.ends_with('.');
        assert!(plain && row.says.len() >= 12, "{}: {}", row.given, row.says);
    }
}
