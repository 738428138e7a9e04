//! Programs in `examples/` whose output is a promise.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// What an example prints.
pub(crate) fn run(example: &str) -> String {
    let output = ended(example, &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// How an example ends with these arguments.
fn ended(example: &str, args: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    Command::new(env!("CARGO"))
        .current_dir(root)
        .args(["run", "--quiet", "--package", "orch-examples", "--example", example, "--"])
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap()
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

#[test]
fn three_ways_to_make_a_tool() {
    let text = run("own_tool");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[..3], ["HELLO", "rain in Bergen for 2 days", "It rains"]);
    assert!(lines[3].starts_with("refused: ") && lines[3].contains("/city"), "{text}");
    assert!(lines[4].starts_with("refused: ") && lines[4].contains("tokens"), "{text}");
}

#[test]
fn a_batch_started_again_buys_nothing_twice() {
    let text = run("batch");
    assert!(text.contains("13: invalid request") && text.contains("19 of 20 runs succeeded for $0.019"), "{text}");
    assert!(text.ends_with("again: 19 replayed for $0.000\n"), "{text}");
}

#[test]
fn twenty_callers_with_one_key_pay_once() {
    let text = run("idempotency");
    assert!(text.starts_with("20 callers, 1 payment\nlater: replayed true, 1 payment\n"), "{text}");
    assert!(text.ends_with("refused, 1 payment\n"), "{text}");
}

#[test]
fn errors_are_told_apart_and_keep_what_was_paid_for() {
    let text = run("errors");
    for part in [
        "500 tokens of 100 tokens; paid for and kept: \"forty-two\"",
        "out of time",
        "connection refused at no_answer, after 3 attempts",
        "no tool `long_anser`, but perhaps `long_answer`",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn another_provider_answers_and_a_circuit_that_is_open_is_not_asked() {
    let text = run("fallback");
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[..3].iter().all(|line| line.contains("yes by good_model")), "{text}");
    assert!(lines[2].ends_with("[]") && lines[3] == "cheap-provider: circuit open", "{text}");
}

/// Capitals: of each question four answers, of which the first three agree in most.
fn made_set(dir: &Path) {
    let question = |at: u32| {
        let right = !at.is_multiple_of(4);
        let (most, other) = if right { ("Paris", "Lyon") } else { ("Rome", "Paris") };
        let said = [most, "The Paris.", other, most];
        let ok = said.map(|answer| u8::from(answer.contains("Paris")));
        json!({ "id": at, "a": said, "ok": ok }).to_string()
    };
    let lines: Vec<String> = (0..24).map(question).collect();
    std::fs::write(dir.join("capitals.jsonl"), lines.join("\n")).unwrap();
    let orders = json!({ "gold": { "n": 2 }, "a": [{ "n": 2 }, { "n": 2.0 }, { "n": 3 }] });
    std::fs::write(dir.join("orders.jsonl"), format!("{orders}\n{orders}\n")).unwrap();
}

#[test]
fn recorded_sets_are_evaluated_one_figure_a_line() {
    let dir = tempfile::tempdir().unwrap();
    made_set(dir.path());
    let output = ended("evaluate", &[dir.path().to_str().unwrap(), "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let value = |set: &str, k: u64, metric: &str| {
        let found = lines.iter().find(|line| line["set"] == set && line["k"] == k && line["metric"] == metric);
        found.unwrap_or_else(|| panic!("no {metric} of {set} at {k}: {text}"))["value"].as_f64().unwrap()
    };
    assert_eq!(value("capitals", 3, "n"), 24.0);
    // 18 questions with three right ones of four, 6 with two.
    assert_eq!(value("capitals", 4, "accuracy.single"), 66.0 / 96.0);
    assert!(value("capitals", 4, "accuracy.vote") > 0.75);
    assert_eq!(value("capitals", 4, "stop.lock.same_answer"), 1.0);
    assert!(value("capitals", 4, "stop.default.samples") < 4.0);
    for score in ["agreement", "mode_posterior", "kernel", "confidence"] {
        assert!((0.0..=1.0).contains(&value("capitals", 3, &format!("ece.{score}"))), "{score}");
        assert!(value("capitals", 4, &format!("auroc.{score}")) > 0.5, "{score}");
    }
    assert_eq!(value("orders", 3, "accuracy.field"), 1.0);
    assert_eq!(value("orders", 3, "accuracy.single"), 2.0 / 3.0);
}

#[test]
fn a_set_with_a_bad_line_is_refused_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    made_set(dir.path());
    std::fs::write(dir.path().join("bad.jsonl"), "{\"a\": [1, 2], \"ok\": [1, 0]}\n{\"a\": [1, 2], \"ok\": [1]}\n")
        .unwrap();
    let output = ended("evaluate", &[dir.path().to_str().unwrap(), "--set", "bad"]);
    let says = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{says}");
    assert!(says.contains("bad.jsonl:2: `ok` has 1 entries for 2 answers"), "{says}");
}

#[test]
fn five_readings_of_an_invoice_become_one_by_tolerance_key_and_check() {
    let expected = "\
issued 2024-03-01, total 100, remark Some(\"net 30 days\")
A-1: 40, which 100 % say
B-2: 60, which 50 % say
at /total: 100.0 (r1 r2), 106.0 (r3), 40.0 (r5)
at /items/1/price: 60.0 (r1 r2), 66.0 (r3)
at /items: 2 (r1 r2 r3), 1 (r5)
at /items/1: \"present\" (r1 r2 r3), \"absent\" (r5)
r4 does not count: unusable answer at ``: the items sum up to 100.00
no policy has decided on it
";
    assert_eq!(run("structured_consensus"), expected);
}

#[test]
fn rules_come_from_a_file_and_distances_from_the_user() {
    let text = run("rules_file");
    assert!(text.starts_with("at /issued: \"2024-03-01\" or \"2024-03-02\"\n"), "{text}");
    assert!(!text.contains("/total:") && !text.contains("/currency") && !text.contains("/remark"), "{text}");
    assert!(text.contains("`/fields/~1total`: `rel` is -0.5"), "{text}");
    let lengths = "r1 r2 r4 by \"lengths\"\nr3 by \"lengths\"\nSome(String(\"1.5 km\"))\n";
    assert_eq!(run("custom_distance"), lengths);
}
