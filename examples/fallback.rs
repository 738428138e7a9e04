//! Several providers: the cheap one first, another when it is down, and neither is asked while its circuit is open.

use std::time::Duration;

use orch_core::{Circuit, Error, Output, Request, ToolSpec, tool_fn};
use orch_facade::{CircuitBreakerConfig, Client, RetryPolicy, Rule, RulePlanner};

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the result of a program")]
async fn main() -> anyhow::Result<()> {
    let cheap = tool_fn(ToolSpec::pure("cheap_model").with_target("cheap-provider"), |_: Request| async {
        Err::<Output, _>(Error::transient("503 from the cheap provider"))
    });
    let good = tool_fn(ToolSpec::pure("good_model").with_target("good-provider"), |request: Request| async move {
        Ok::<_, Error>(Output::from(format!("{}: yes", request.input().as_text().unwrap_or_default())))
    });
    let client = Client::builder()
        .tool(cheap)
        .tool(good)
        .planner(RulePlanner::new([Rule::keywords(["feasible"]).tool("cheap_model").fallback("good_model")])?)
        .retry(RetryPolicy::default().max_attempts(2).initial_delay(Duration::from_millis(1)))
        .circuit_breaker("cheap-provider", CircuitBreakerConfig::default().failure_threshold(3))
        .build()?;

    for question in ["Is it feasible?", "Is that feasible?", "And this, feasible?"] {
        let outcome = client.run(question).await?;
        let tried: Vec<_> =
            outcome.attempts().iter().map(|attempt| format!("{}: {}", attempt.target, attempt.verdict)).collect();
        println!("{} by {} [{}]", outcome.typed::<String>()?, outcome.served_by().unwrap_or("-"), tried.join(", "));
    }
    for (target, health) in client.health() {
        let open = matches!(health.circuit, Circuit::Open { .. });
        println!("{target}: circuit {}", if open { "open" } else { "closed" });
    }
    Ok(())
}
