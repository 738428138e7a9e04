//! The example that tests any endpoint, driven as a process against a server that does what it should, and one that
//! does not.

use std::process::{Output, Stdio};

use orch_testkit::FaultServer;
use orch_testkit::fault_server::{Answer, At, Failure};
use serde_json::json;

use crate::quickstart::example;

fn script() -> [Answer; 8] {
    [
        Answer::text("Hello there."),
        Answer::text("Hello there."),
        Answer::tool_call("get_weather", &json!({ "city": "Oslo" })),
        Answer::text("It rains."),
        Answer::json(&json!({ "verdict": "no", "score": 1 })),
        Failure::new(401).into(),
        Answer::text("1 2 3").stall(At::Pieces(1)),
        Answer::text("Hello again."),
    ]
}

async fn check(server: &FaultServer, wire: &str, more: &[&str]) -> Output {
    let mut command = std::process::Command::new(example("provider_check"));
    command.args(["--wire", wire, "--base-url", &server.url(), "--model", "tiny"]).args(more);
    command.args(["--api-key-env", "ORCH_TEST_KEY"]).env("ORCH_TEST_KEY", "sk-right").stdin(Stdio::null());
    tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn provider_check_passes_a_server_that_keeps_to_its_wire() {
    for wire in ["chat", "responses", "anthropic", "anthropic-2023-06-01"] {
        let server = FaultServer::script(script());
        let output = check(&server, wire, &[]).await;
        let table = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{wire}:\n{table}");
        let words: Vec<_> = table.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)).collect();
        assert_eq!(words, ["ok"; 6], "{wire}:\n{table}");
        assert!(!table.contains("sk-right"), "{table}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn provider_check_fails_a_server_that_does_not_and_says_where() {
    let mut answers = script();
    answers[1] = Answer::text("Hello there.").cut(At::Pieces(1));
    let server = FaultServer::script(answers);
    let output = check(&server, "chat", &["--skip", "cancel"]).await;
    let table = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{table}");
    let row = |step: &str| table.lines().find(|line| line.starts_with(step)).unwrap_or_default().to_owned();
    assert!(row("stream").contains("FAILED") && row("plain").contains("ok"), "{table}");
    assert!(row("cancel").contains("skipped"), "{table}");
    let unknown = check(&server, "chat", &["--skip", "nothing"]).await;
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("`nothing` is none of plain, stream"), "{unknown:?}");
}
