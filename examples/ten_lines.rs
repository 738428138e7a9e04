//! The program of the README.

use orch_core::{Error, Output, Request, ToolSpec, tool_fn};
use orch_facade::{Budget, BundleTool, Client};

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the result of a program")]
async fn main() -> anyhow::Result<()> {
    // begin
    let ask_model = tool_fn(ToolSpec::pure("ask_model"), |request: Request| async move {
        let question = request.input().as_text().unwrap_or_default().to_owned();
        Ok::<_, Error>(Output::from(format!("{question} is feasible"))) // your expensive, flaky call
    });
    let client = Client::builder().bundle(BundleTool::new("feasibility", ask_model).k(5)).build()?;
    let outcome = client.run("the plan").budget(Budget::new().tokens(2_000)).idempotency_key("plan-1").await?;
    let summary = &outcome.evidence()?.summary;
    println!("{:?}, confidence {:.2}, cost ${:.4}", summary.consensus, summary.confidence, outcome.cost_usd());
    println!("{}", outcome.explain());
    // end
    Ok(())
}
