//! The bridge passes the check that every provider must pass, against the fault server and, if `ORCH_WIRE_LLAMA` tells
//! where it is, a llama.cpp server.

use genai::adapter::AdapterKind;
use genai::resolver::{AuthData, Endpoint};
use genai::{Client, ModelIden, ServiceTarget};
use orch_bridge_genai::Genai;
use orch_providers::{CheckStep, Finding, ProviderCheck, ProviderInfo};
use orch_testkit::FaultServer;
use orch_testkit::fault_server::{Answer, At, Failure};
use serde_json::json;

/// The client for a server that speaks Chat Completions.
fn bridge(url: &str, model: &str, key: &'static str) -> Genai {
    let endpoint = format!("{url}/v1/");
    let client = Client::builder()
        .with_service_target_resolver_fn(move |target: ServiceTarget| -> genai::resolver::Result<ServiceTarget> {
            let model = ModelIden::new(AdapterKind::OpenAI, target.model.model_name);
            Ok(ServiceTarget {
                endpoint: Endpoint::from_owned(endpoint.as_str()),
                auth: AuthData::from_single(key),
                model,
            })
        })
        .build()
        .expect("a client");
    Genai(client, ProviderInfo::new("genai", model))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bridge_passes_the_check() {
    let server = FaultServer::script([
        Answer::text("Hello there."),
        Answer::text("Hello there."),
        Answer::tool_call("get_weather", &json!({ "city": "Oslo" })),
        Answer::text("It rains."),
        Answer::json(&json!({ "verdict": "no", "score": 1 })),
        Failure::new(401).into(),
        Answer::text("1 2 3").stall(At::Pieces(1)),
        Answer::text("Hello again."),
    ]);
    let check = ProviderCheck::new(bridge(&server.url(), "tiny", "right"));
    let report = check.wrong_key(bridge(&server.url(), "tiny", "wrong")).run().await;
    let passed = report.rows().iter().all(|row| matches!(row.finding, Finding::Passed(_)));
    assert!(passed && server.request_count() == 8, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_breaks_is_a_broken_stream() {
    let server =
        FaultServer::script([Answer::text("one two").cut(At::Pieces(1)), Answer::text("one two").without_end()]);
    for _ in 0..2 {
        let report = ProviderCheck::new(bridge(&server.url(), "tiny", "key")).run().await;
        assert!(matches!(report.finding(CheckStep::Plain), Some(Finding::Failed(_))), "{report}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wire_llama_passes_the_check_through_the_bridge() {
    let Ok(url) = std::env::var("ORCH_WIRE_LLAMA") else {
        eprintln!("SKIPPED: ORCH_WIRE_LLAMA is not set, so nothing was tested against that server");
        return;
    };
    let check = ProviderCheck::new(bridge(&url, "tiny-random", "key"));
    let check = check.skip(CheckStep::ToolCall, "random weights").adjust(|request| request.with_temperature(0.0));
    let report = check.run().await;
    assert!(report.is_ok(), "{report}");
}
