//! The README's first command, driven as a process.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// A program in `examples/`; all are built once, with the profile of these tests.
pub(crate) fn example(name: &str) -> &'static Path {
    static PROGRAMS: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    let programs = PROGRAMS.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let output = Command::new(env!("CARGO"))
            .current_dir(root)
            .args(["build", "--workspace", "--examples", "--message-format", "json-render-diagnostics"])
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(output.status.success(), "the examples do not build");
        let messages = String::from_utf8(output.stdout).unwrap();
        let made = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let named = made.filter_map(|message| {
            let (name, path) = (message["target"]["name"].as_str()?, message["executable"].as_str()?);
            Some((name.to_owned(), PathBuf::from(path)))
        });
        named.collect()
    });
    programs.get(name).expect("cargo names the programs it built")
}

/// The README's first command.
pub(crate) fn program() -> &'static Path {
    example("quickstart")
}

pub(crate) fn quickstart(args: &[&str]) -> Output {
    Command::new(program()).args(args).stdin(Stdio::null()).output().unwrap()
}

pub(crate) fn json_of(args: &[&str]) -> Value {
    let output = quickstart(&[&["--json"], args].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("stdout is JSON alone")
}

/// Without what is named as time.
fn timeless(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let lasting = fields.iter().filter(|(key, _)| !key.ends_with("_ms") && !key.ends_with("_at"));
            lasting.map(|(key, field)| (key.clone(), timeless(field))).collect()
        }
        Value::Array(items) => items.iter().map(timeless).collect(),
        other => other.clone(),
    }
}

#[test]
fn the_first_screen_shows_a_repeat_a_disagreement_and_an_early_stop() {
    let output = quickstart(&[]);
    assert!(output.status.success());
    let screen = String::from_utf8(output.stdout).unwrap();
    for part in ["injected", "asked for by", "stopped", "saved", "disagree", "agreement", "replayed", "conflict"] {
        assert!(screen.contains(part), "no `{part}` in:\n{screen}");
    }
    assert!(screen.contains("p_correct unknown (0 labels)"), "{screen}");
    assert!(screen.contains("extractive"), "the answerer is named for what it is:\n{screen}");

    let run = &json_of(&[])["run"];
    let bundle = &run["content"]["evidence_bundle"];
    assert_eq!(bundle["meta"]["early_stopped"], true);
    assert!(bundle["meta"]["k_completed"].as_u64() < bundle["meta"]["k"].as_u64());
    assert!(!bundle["summary"]["disagreements"].as_array().unwrap().is_empty());
    let repeated =
        |record: &Value| record["verdict"] == "repeated" && record["message"].to_string().contains("injected");
    assert!(run["attempts"].as_array().unwrap().iter().any(repeated), "{}", run["attempts"]);
}

#[test]
fn two_runs_with_one_seed_are_equal_but_for_their_times() {
    let (first, second) = (json_of(&["--seed", "11"]), json_of(&["--seed", "11"]));
    assert_eq!(timeless(&first), timeless(&second));
    assert_ne!(timeless(&first), timeless(&json_of(&["--seed", "12"])));
}

#[test]
fn the_second_run_is_replayed_for_nothing_and_another_request_under_its_key_is_a_conflict() {
    let all = json_of(&[]);
    assert_eq!(all["replay"]["replayed"], true);
    assert_eq!(all["replay"]["usage"], serde_json::json!({}));
    assert_eq!(all["replay"]["content"], all["run"]["content"]);
    assert_eq!(all["conflict"]["error"]["error"]["kind"], "conflict");
}

#[test]
fn without_faults_nothing_is_repeated() {
    let all = json_of(&["--faults", "0"]);
    assert_eq!(all["run"]["attempts"], serde_json::json!([]));
}

#[test]
fn all_replicates_may_start_at_once() {
    let all = json_of(&["--parallel", "--faults", "0"]);
    assert!(all["run"]["content"]["evidence_bundle"]["summary"]["consensus"].is_string(), "{all}");
}

#[test]
fn bad_options_are_named_with_their_value_and_end_with_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::File::create(&path).unwrap().write_all(bytes).unwrap();
        path.display().to_string()
    };
    let (empty, binary) = (file("empty.txt", b" \n"), file("binary.txt", &[0xff, 0xfe, 0x00]));
    let missing = folder.path().join("missing.txt").display().to_string();
    let cases: &[(&[&str], &[&str])] = &[
        (&["--k", "0"], &["--k", "'0'"]),
        (&["--k", "65"], &["--k", "'65'"]),
        (&["--epsilon", "NaN"], &["--epsilon", "'NaN'"]),
        (&["--epsilon", "1.5"], &["--epsilon", "'1.5'"]),
        (&["--epsilon=-0.1"], &["--epsilon", "'-0.1'"]),
        (&["--faults", "2"], &["--faults", "'2'"]),
        (&["--budget-tokens", "0"], &["--budget-tokens", "'0'"]),
        (&["--budget-usd", "0"], &["--budget-usd", "'0'"]),
        (&["--budget-usd=-1"], &["--budget-usd", "'-1'"]),
        (&["--budget-usd", "inf"], &["--budget-usd", "'inf'"]),
        (&["--timeout-ms", "0"], &["--timeout-ms", "'0'"]),
        (&["--ask", "  "], &["--ask", "empty"]),
        (&["--file", &missing], &["--file", &missing]),
        (&["--file", &empty], &["--file", &empty, "empty"]),
        (&["--file", &binary], &["--file", &binary, "UTF-8"]),
        (&["--base-url", "http://127.0.0.1:1/v1"], &["--model"]),
        (&["--base-url", "not a url", "--model", "m"], &["not a url"]),
        (&["--base-url", "http://example.com/v1", "--model", "m"], &["http://example.com"]),
    ];
    for (args, parts) in cases {
        let output = quickstart(args);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{args:?} printed something before it failed");
        for part in *parts {
            assert!(stderr.contains(part), "{args:?}: no `{part}` in {stderr}");
        }
    }
}

#[test]
fn a_budget_that_is_too_small_ends_the_run_with_its_name() {
    let output = quickstart(&["--budget-tokens", "1"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("1 tokens left"), "{stderr}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_cancels_prints_what_there_is_and_ends_with_code_130() {
    use std::io::{BufRead, BufReader, Read};

    // A server that takes the connection and never answers: the run lasts until it is interrupted.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", silent.local_addr().unwrap());
    let mut child = Command::new(program())
        .args(["--faults", "0", "--base-url", &url, "--model", "silent", "--free"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut progress = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("started") {
        line.clear();
        assert!(progress.read_line(&mut line).unwrap() > 0, "the program ended by itself");
    }
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let (mut rest, mut screen) = (String::new(), String::new());
    progress.read_to_string(&mut rest).unwrap();
    child.stdout.take().unwrap().read_to_string(&mut screen).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    assert!(rest.contains("cancelled"), "{rest}");
}
