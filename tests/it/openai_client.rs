//! The official `openai` Python client against the example `consensus_endpoint`, streaming and not.
//!
//! `ORCH_OPENAI_PYTHON` is a Python that has the client; without it the test says loudly that it was skipped.

use std::path::Path;
use std::process::Command;

use orch_testkit::FaultServer;
use orch_testkit::fault_server::{Answer, At, Failure};

use crate::consensus_endpoint::Endpoint;

#[tokio::test(flavor = "multi_thread")]
async fn the_openai_client_works_with_the_endpoint() {
    let Ok(python) = std::env::var("ORCH_OPENAI_PYTHON") else {
        return orch_testkit::skipped("ORCH_OPENAI_PYTHON is not set, so no client of OpenAI was tried");
    };
    let answer = Answer::text("The capital is Paris");
    let good = FaultServer::script([answer.clone()]);
    let refusing = FaultServer::script([Failure::new(401)]);
    let breaking = FaultServer::script([answer.cut(At::Pieces(2))]);
    let endpoints = [&good, &refusing, &breaking].map(Endpoint::before);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("openai_client.py");
    let mut client = Command::new(python);
    client.arg(script).args(endpoints.iter().map(|endpoint| format!("{}/v1", endpoint.url)));
    let output = tokio::task::spawn_blocking(move || client.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.trim_end().ends_with(": fine"), "{said}");
    // A plain call and three replicates of a consensus: the client was told not to come again.
    assert_eq!(refusing.request_count(), 4);
}
