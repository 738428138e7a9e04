//! What the README says that its commands print is what they print.

use crate::quickstart::quickstart;

/// The first fenced block after a marker.
fn block_after<'a>(text: &'a str, marker: &str) -> &'a str {
    let after = &text[text.find(marker).unwrap_or_else(|| panic!("no `{marker}` in the README")) + marker.len()..];
    let start = after.find("```text\n").expect("a block follows the marker") + "```text\n".len();
    let length = after[start..].find("```").expect("the block ends");
    &after[start..start + length]
}

/// Times differ from run to run, and the README is read by people: numbers with a unit of time become `_`.
fn without_times(text: &str) -> String {
    let is_time = |word: &str| {
        let digits = word.trim_end_matches([',', ';', '.']);
        digits.contains('.') && digits.parse::<f64>().is_ok()
    };
    let words = |line: &str| -> Vec<String> {
        let mut words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        for index in 1..words.len() {
            let unit = words[index].trim_end_matches([',', ';', '.', ')']);
            if ["s", "ms"].contains(&unit) && is_time(&words[index - 1]) {
                words[index - 1] = "_".to_owned();
            }
        }
        words
    };
    text.lines().map(|line| words(line).join(" ")).collect::<Vec<_>>().join("\n").trim().to_owned()
}

#[test]
fn the_screen_in_the_readme_is_the_screen_of_the_quickstart() {
    let readme = include_str!("../../README.md");
    let shown = block_after(readme, "<!-- quickstart -->");
    let printed = String::from_utf8(quickstart(&[]).stdout).unwrap();
    assert_eq!(without_times(shown), without_times(&printed));
}

#[test]
fn the_program_in_the_readme_is_the_example_of_that_name() {
    let readme = include_str!("../../README.md");
    let program = include_str!("../../examples/ten_lines.rs");
    let body = program.split_once("// begin\n").and_then(|(_, rest)| rest.split_once("// end")).unwrap().0;
    let body: String = body.lines().map(|line| format!("{}\n", line.strip_prefix("    ").unwrap_or(line))).collect();
    assert!(readme.contains(body.trim_end()), "the README does not show examples/ten_lines.rs:\n{body}");
}
