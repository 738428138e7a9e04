//! What a run may use: tokens, money, time. Each limit has a kind of its own, and what was paid for is never lost.
//!
//!     cargo run --example budgets
//!
//! Hard: a call whose estimate does not fit is refused before it starts and costs nothing. Soft: a call that estimated
//! nothing, or less than it used, is found out afterwards; its answer is in the error. In between, a bundle that cannot
//! have all its replicates runs with those that it can pay.

use std::time::Duration;

use orch_core::{
    BudgetKind, Counted, Error, ErrorKind, Estimate, IntoTool, Output, Request, ToolSpec, Usage, Usd, tool_fn,
};
use orch_facade::{Budget, BundleTool, Client, Event, Run};
use serde_json::json;

const PRICE: Usd = Usd::from_nanos(10_000_000);

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the result of a program")]
async fn main() -> anyhow::Result<()> {
    let spent = || Usage::new().input(Counted::reported(100)).output(Counted::reported(400));
    let frank = move |name: &'static str| {
        let ask = tool_fn(ToolSpec::pure(name), move |_: Request| async move {
            Ok::<_, Error>(Output::from("forty-two").with_usage(spent().cost(Counted::reported(PRICE))))
        });
        let estimate = Estimate::unknown().input(100).output(400).cost(PRICE);
        ask.into_tool().estimator(move |_| Ok(estimate))
    };
    let silent = tool_fn(ToolSpec::pure("silent"), move |_: Request| async move {
        Ok::<_, Error>(Output::from("forty-two").with_usage(spent().cost(Counted::reported(PRICE))))
    });
    let slow = tool_fn(ToolSpec::pure("slow"), |_: Request| async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        Ok::<_, Error>(Output::from("late"))
    });
    let client = Client::builder()
        .tool(frank("frank"))
        .tool(silent)
        .tool(slow)
        .bundle(BundleTool::new("bundle", frank("asked")).k(5))
        .build()?;

    println!("hard, by its estimate:");
    tell(client.run("?").tool("frank").budget(Budget::new().tokens(499))).await;
    tell(client.run("?").tool("frank").budget(Budget::new().cost_usd(0.009))).await;
    tell(client.run("?").tool("frank").budget(Budget::new().tokens(500).cost_usd(0.01))).await;
    println!("soft, found out afterwards:");
    tell(client.run("?").tool("silent").budget(Budget::new().tokens(499))).await;
    tell(client.run("?").tool("silent").budget(Budget::new().cost_usd(0.009))).await;
    println!("time, whatever the tool does:");
    tell(client.run("?").tool("slow").budget(Budget::new().time(Duration::from_millis(20)))).await;

    println!("money for three replicates of five:");
    let options = json!({ "stop": "never" });
    let run = client.run("?").tool("bundle").tool_options(options).budget(Budget::new().cost_usd(0.035));
    let mut events = run.events();
    while let Some(envelope) = events.next().await {
        if let Event::ReplicatesReduced { from, to, reason } = envelope.event {
            println!("  {to} instead of {from}: {reason}");
        }
    }
    let outcome = events.outcome().await?;
    println!("  {:?} for ${:.2}", outcome.evidence()?.summary.consensus, outcome.cost_usd());
    Ok(())
}

/// How a run ended, and what it has cost.
#[expect(clippy::print_stdout, reason = "the result of a program")]
async fn tell(run: Run) {
    match run.await {
        Ok(outcome) => println!("  an answer for {} tokens and ${:.2}", outcome.usage().tokens(), outcome.cost_usd()),
        Err(error) => match error.kind() {
            ErrorKind::BudgetExceeded { budget, limit, actual, .. } => {
                let kept = error.output().and_then(|output| output.content().as_text());
                let kept = kept.map_or("nothing was spent".to_owned(), |text| format!("paid for and kept: {text}"));
                let kept = if *budget == BudgetKind::Time { "cancelled".to_owned() } else { kept };
                println!("  {budget}: {actual} of {limit}; {kept}");
            }
            _ => println!("  {error}"),
        },
    }
}
