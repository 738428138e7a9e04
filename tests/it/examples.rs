//! Programs in `examples/` whose output is a promise.

use std::path::Path;
use std::process::{Command, Stdio};

/// What an example prints.
pub(crate) fn run(example: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let output = Command::new(env!("CARGO"))
        .current_dir(root)
        .args(["run", "--quiet", "--package", "orch-examples", "--example", example])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn of_100_calls_with_money_for_10_check_then_record_dispatches_100_and_ours_10() {
    let text = run("overspend");
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[1].starts_with("check") && lines[1].contains("100 dispatched,  0 refused"), "{text}");
    assert!(
        lines[2].starts_with("reserve") && lines[2].contains(" 10 dispatched, 90 refused before dispatch"),
        "{text}"
    );
    assert!(lines[1].contains("$1") && lines[2].contains("$0.1"), "{text}");
}

#[test]
fn the_layers_work_alone_around_a_request_and_an_error_of_ones_own() {
    assert_eq!(run("alone"), "rain in Bergen, at attempt 2\nno station in Atlantis (permanent, 1 attempt)\n");
}

#[test]
fn the_layers_work_around_reqwest_with_plain_tower_layers_in_between() {
    assert_eq!(run("around_reqwest"), "attempt 1: repeated\nattempt 2: succeeded\nanswer\n");
}
