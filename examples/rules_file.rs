//! How the fields of answers are compared, from a file: tolerances, keys and weights that change without a new build.
//!
//!     cargo run --example rules_file

use orch_core::{Error, HasContext, Output, Request, ScopeLayer, Tool, ToolService, ToolSpec, tool_fn};
use orch_evidence::stopping::Never;
use orch_evidence::{Bundle, BundleOptions, ConsensusRules, ReplicateLayer};
use serde_json::json;
use tower::{ServiceBuilder, ServiceExt};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/consensus_rules.json");

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "a program")]
async fn main() -> anyhow::Result<()> {
    let rules = ConsensusRules::from_json(&std::fs::read_to_string(FILE)?)?;

    // Something that does not always read the same.
    let read = tool_fn(ToolSpec::pure("read"), |request: Request| async move {
        let (total, currency, issued, first, second) = match request.context().replicate() {
            Some(2) => (100.05, "eur", "1 March 2024", ("B-2", "washer"), ("A-1", "a steel bolt")),
            Some(3) => (100.0, "EUR", "2024-03-02", ("A-1", "steel bolt"), ("B-2", "washer")),
            _ => (100.0, "EUR", "2024-03-01", ("A-1", "steel bolt"), ("B-2", "washer")),
        };
        let item = |(sku, name): (&str, &str)| json!({ "sku": sku, "name": name });
        let items = [item(first), item(second)];
        let remark = format!("read by {:?}", request.context().replicate());
        let answer =
            json!({ "total": total, "currency": currency, "issued": issued, "items": items, "remark": remark });
        Ok::<_, Error>(Output::new(answer))
    });
    let stack = ServiceBuilder::new()
        .layer(ScopeLayer::of(read.spec()))
        .layer(ReplicateLayer::new(3).stop(Never).options(BundleOptions::new().rules(rules)))
        .service(ToolService::new(read));

    let bundle = Bundle::from_output(&stack.oneshot(Request::new("an invoice")).await?)?;
    for found in &bundle.summary.disagreements {
        let said: Vec<String> = found.candidates.iter().map(|one| one.value.to_string()).collect();
        println!("at {}: {}", found.pointer, said.join(" or "));
    }
    println!("{} clusters, agreement {:.2}", bundle.summary.clusters.len(), bundle.summary.agreement);

    // What is wrong in a file is said with its place and value.
    let wrong = r#"{ "fields": { "/total": { "number": { "rel": -0.5 } } } }"#;
    if let Err(error) = ConsensusRules::from_json(wrong) {
        println!("{error}");
    }
    Ok(())
}
