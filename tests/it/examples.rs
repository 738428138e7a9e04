//! Programs in `examples/` whose output is a promise.

use std::io::Read;
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
    command(example, args).output().unwrap()
}

/// An example with these arguments.
fn command(example: &str, args: &[&str]) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut command = Command::new(env!("CARGO"));
    command
        .current_dir(root)
        .args(["run", "--quiet", "--package", "orch-examples", "--example", example, "--"])
        .args(args)
        .stdin(Stdio::null());
    command
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
fn a_provider_on_another_wire_answers_and_a_circuit_that_is_open_is_not_asked() {
    let text = run("fallback");
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[..3].iter().all(|line| line.starts_with("yes by good_model for $0.000138 ")), "{text}");
    assert!(lines[0].contains("[cheap-provider: repeated, cheap-provider: stopped: no attempts left]"), "{text}");
    let end = [
        "yes by good_model for $0.000138 []",
        "cheap-provider: circuit open",
        "cheap: asked 3 times at /v1/chat/completions",
        "good: asked 3 times at /v1/messages",
    ];
    assert_eq!(lines[2..], end, "{text}");
}

#[test]
fn a_bundle_tool_of_ones_own_asks_its_sources_and_gets_the_evidence() {
    let text = run("own_bundle_tool");
    let (told, rest) = text.split_at(text.find("Some(").unwrap());
    let mut told: Vec<_> = told.lines().map(str::trim_end).collect();
    told.sort_unstable();
    assert_eq!(told, ["r1 Valid", "r2 Valid", "r3 Valid", "r4 Failed 503"], "sources end in any order");
    let expected = "\
Some(String(\"built in 1887\")) with confidence 0.82
\"built in 1887\" by r1 r2
\"built in 1889\" by r3
r2 attempt 1: repeated
r2 attempt 2: succeeded
r4 attempt 1: repeated
r4 attempt 2: stopped: no attempts left
$0.006 in all
";
    assert_eq!(rest, expected);
}

#[test]
fn each_of_the_three_limits_has_a_kind_and_keeps_what_was_paid_for() {
    let text = run("budgets");
    let time = text.lines().find(|line| line.starts_with("  time: ")).unwrap();
    assert!(time.ends_with(" of 20ms; cancelled"), "{text}");
    let expected = "\
hard, by its estimate:
  tokens: 500 tokens of 499 tokens; nothing was spent
  cost: $0.0100 of $0.0090; nothing was spent
  an answer for 500 tokens and $0.01
soft, found out afterwards:
  tokens: 500 tokens of 499 tokens; paid for and kept: forty-two
  cost: $0.0100 of $0.0090; paid for and kept: forty-two
time, whatever the tool does:
money for three replicates of five:
  3 instead of 5: the budget allows 3 of 5 replicates
  Some(String(\"forty-two\")) for $0.03
";
    assert_eq!(text.replace(&format!("{time}\n"), ""), expected);
}

#[test]
fn a_story_is_streamed_to_a_file_without_the_notes_and_a_reader_that_leaves_is_no_failure() {
    let output = ended("stream_terminal", &[]);
    let (answer, notes) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(answer.starts_with("Twice a day the sea") && answer.ends_with("lag behind.\n"), "{answer}");
    let notes: Vec<_> = notes.lines().filter(|line| !line.starts_with("again in ")).collect();
    let expected =
        ["asking storyteller", "failed (transient): the storyteller is busy", "asking storyteller", "done, 0 tokens"];
    assert_eq!(notes, expected);

    let mut child = command("stream_terminal", &[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut beginning = [0; 5];
    child.stdout.take().unwrap().read_exact(&mut beginning).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(&beginning, b"Twice");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("done"), "nobody read on, so the run was ended");
}

#[test]
fn the_events_of_a_run_are_served_and_one_who_leaves_has_its_run_cancelled_and_booked() {
    let text = run("sse_axum");
    let frames = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let events: Vec<Value> = frames.map(|json| serde_json::from_str(json).unwrap()).collect();
    let said: String = events.iter().filter_map(|event| event["text"].as_str()).collect();
    assert_eq!(said, "The sea, twice a day.");
    assert_eq!((&events[0]["event"], &events.last().unwrap()["event"]), (&json!("tool_started"), &json!("completed")));
    assert!(text.contains("id: 0\n"), "{text}");
    for line in [
        "all 5 tokens",
        "server: completed, 5 tokens booked",
        "a browser that comes back: 204 No Content",
        "a key that is no text: 400 Bad Request",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    let left = text.lines().find(|line| line.starts_with("server: the run was cancelled, ")).unwrap();
    let booked: u64 = left.split(' ').nth(5).unwrap().parse().unwrap();
    assert!((1..5).contains(&booked), "{left}");
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
r4 does not count: unusable answer: the items sum up to 100.00
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

#[test]
fn a_client_comes_from_a_file_and_says_where_each_setting_came_from() {
    let text = run("config_file");
    for part in [
        "bundles.answer.options.k = 5  # ",
        "data/orch.toml:13\n",
        "reliability.retry.max_attempts = 4  # ORCH__RELIABILITY__RETRY__MAX_ATTEMPTS\n",
        "reliability.deadline = 20.0  # code\n",
        "reliability.idle_timeout = 30.0  # default\n",
        "Three attempts catch most of what can be caught",
        "line 2: reliability.deadlin: unknown key, did you mean `deadline`?\n",
    ] {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
}
