//! Against servers that nobody of this project wrote; their addresses come in environment variables.
//!
//! Without `ORCH_WIRE_LLAMA` and `ORCH_WIRE_AIMOCK` these tests say loudly that they were skipped.

use std::sync::Arc;
use std::time::Duration;

use orch_core::{AskedBy, Class, DeltaKind, ErrorKind, Event, IntoTool, Stopped};
use orch_facade::{Client, RetryPolicy};
use orch_providers::{ChatTool, OpenAi};
use serde_json::{Value, json};

use crate::quickstart::json_of;

/// The server's address, or `None` after saying that the test is skipped.
fn server(variable: &str) -> Option<String> {
    let address = std::env::var(variable).ok();
    if address.is_none() {
        orch_testkit::skipped(format_args!("{variable} is not set, so nothing was tested against that server"));
    }
    address
}

const SCHEMA: &str = r#"{
  "type": "object",
  "properties": {
    "verdict": { "type": "string", "enum": ["feasible", "infeasible", "unclear"] },
    "score": { "type": "integer", "minimum": 0, "maximum": 9 }
  },
  "required": ["verdict", "score"],
  "additionalProperties": false
}"#;

/// K=8 answers of a real model that must follow a schema, through the quickstart.
fn json_bundle(address: &str, more: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (schema, document) = (file("schema.json", SCHEMA), file("plan.txt", "We move the office on Friday."));
    let url = format!("{address}/v1");
    let mut args = vec!["--base-url", &url, "--model", "tiny-random", "--free", "--schema", &schema];
    args.extend(["--file", &document, "--ask", "Is it feasible?", "--k", "8", "--epsilon", "0"]);
    args.extend(["--faults", "0", "--max-tokens", "96"]);
    args.extend(more);
    let run = &json_of(&args)["run"];
    let bundle = &run["content"]["evidence_bundle"];
    let valid = bundle["replicates"].as_array().unwrap().iter().filter(|r| r["quality"]["valid"] == true);
    let answers: Vec<&Value> = valid.map(|replicate| &replicate["output"]).collect();
    assert!(answers.len() >= 4, "{bundle}");
    for answer in &answers {
        assert!(["feasible", "infeasible", "unclear"].contains(&answer["verdict"].as_str().unwrap()), "{answer}");
        assert!((0..=9).contains(&answer["score"].as_i64().unwrap()), "{answer}");
    }
    assert!(answers.iter().any(|answer| *answer != answers[0]), "real votes differ: {answers:?}");
    assert!(!bundle["summary"]["disagreements"].as_array().unwrap().is_empty());
    assert_eq!(run["usage"]["input_tokens"]["source"], "reported", "{}", run["usage"]);
    assert_eq!(run["cost_usd"], 0.0);
}

#[test]
fn wire_llama_answers_a_bundle_of_eight_that_follows_a_schema() {
    let Some(address) = server("ORCH_WIRE_LLAMA") else { return };
    json_bundle(&address, &["--no-stream"]);
}

#[test]
fn wire_llama_streams_a_bundle_of_eight_that_follows_a_schema() {
    let Some(address) = server("ORCH_WIRE_LLAMA") else { return };
    json_bundle(&address, &["--parallel"]);
}

#[tokio::test]
async fn wire_llama_refuses_what_is_longer_than_its_context_and_the_error_says_so() {
    let Some(address) = server("ORCH_WIRE_LLAMA") else { return };
    let provider = OpenAi::builder().base_url(format!("{address}/v1")).model("tiny-random").free().build().unwrap();
    let client = Client::builder().tool(ChatTool::new("ask", provider).prompt("{{ input }}").unwrap()).build().unwrap();
    let error = client.run("too long ".repeat(2_000)).tool("ask").await.unwrap_err();
    assert_eq!(error.class(), Class::Permanent, "{error:?}");
    assert!(error.context_overflow(), "{error:?}");
    assert_eq!(client.health(), [], "the provider answered, so its circuit knows nothing bad of it");
}

fn aimock(address: &str, stream: bool) -> Client {
    let provider = OpenAi::builder().base_url(format!("{address}/v1")).model("gpt-4o-mini").free().build().unwrap();
    let tool = ChatTool::new("ask", provider).prompt("{{ input }}").unwrap().stream(stream).into_tool();
    let retry = RetryPolicy::default().max_attempts(2).initial_delay(Duration::from_millis(10)).seed(1);
    Client::builder().tool(tool).retry(retry).build().unwrap()
}

#[tokio::test]
async fn wire_aimock_throttles_and_the_wait_is_the_servers_and_explained() {
    let Some(address) = server("ORCH_WIRE_AIMOCK") else { return };
    for stream in [false, true] {
        let error = aimock(&address, stream).run("rate limited").tool("ask").await.unwrap_err();
        assert_eq!((error.class(), error.stopped()), (Class::Throttled, Some(Stopped::Attempts)));
        let wait = error.attempts()[0].wait.unwrap();
        assert_eq!(wait.asked_by, AskedBy::RetryAfter);
        assert!(wait.duration >= Duration::from_secs(3), "never earlier than the server said: {wait:?}");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(3)), "the hint is handed on");
    }
}

#[tokio::test]
async fn wire_aimock_is_overloaded_and_our_own_backoff_decides() {
    let Some(address) = server("ORCH_WIRE_AIMOCK") else { return };
    let error = aimock(&address, false).run("overloaded").tool("ask").await.unwrap_err();
    assert_eq!(error.class(), Class::Transient);
    assert_eq!(error.attempts()[0].wait.unwrap().asked_by, AskedBy::Backoff);
}

#[tokio::test]
async fn wire_aimock_cuts_a_stream_and_the_partial_answer_comes_back_in_the_error() {
    let Some(address) = server("ORCH_WIRE_AIMOCK") else { return };
    let client = aimock(&address, true);
    let mut events = client.run("cut off").tool("ask").events();
    let mut text = String::new();
    while let Some(envelope) = events.next().await {
        if let Event::Delta { kind: DeltaKind::Text, text: piece } = envelope.event {
            text.push_str(&piece);
        }
    }
    let error = events.outcome().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::StreamBroken { .. }), "{error:?}");
    assert!(!text.is_empty());
    assert_eq!(error.output().unwrap().content().to_json().unwrap().as_str(), Some(text.as_str()));
    assert_eq!(error.attempts().len(), 1, "nothing is repeated once a part was delivered: {:?}", error.attempts());
}

#[tokio::test]
async fn wire_aimock_streams_and_answers_whole_the_same_text() {
    let Some(address) = server("ORCH_WIRE_AIMOCK") else { return };
    let mut texts = Vec::new();
    for stream in [false, true] {
        let client = aimock(&address, stream);
        texts.push(client.run("slow").tool("ask").await.unwrap().typed::<String>().unwrap());
    }
    assert!(!texts[0].is_empty());
    assert_eq!(texts[0], texts[1]);
}

#[tokio::test]
async fn wire_aimock_is_a_tool_next_to_others_for_the_planner() {
    let Some(address) = server("ORCH_WIRE_AIMOCK") else { return };
    let client = aimock(&address, false);
    let outcome = client.run(json!("slow")).await.unwrap();
    assert_eq!(outcome.served_by(), Some("ask"));
    assert!(outcome.plan().is_some());
    let _: Arc<Value> = outcome.content().to_json().unwrap();
}
