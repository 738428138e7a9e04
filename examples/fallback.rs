//! Several providers: the cheap one first, another on another wire when it is down, and neither is asked while its
//! circuit is open.
//!
//!     cargo run --example fallback
//!
//! Two servers on this machine stand in for the providers: the one that speaks OpenAI's wire answers 503, the one that
//! speaks Anthropic's works. Each question is tried with the cheap one, as often as its retries allow, then with the good
//! one. From the third question on the cheap one is not even asked: its circuit is open, and the plan says so.

use std::time::Duration;

use orch_core::Circuit;
use orch_facade::providers::{Anthropic, ChatTool, OpenAi};
use orch_facade::{CircuitBreakerConfig, Client, RetryPolicy, Rule, RulePlanner};
use orch_testkit::FaultServer;
use orch_testkit::fault_server::{Answer, Failure};

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the result of a program")]
async fn main() -> anyhow::Result<()> {
    let (cheap_server, good_server) =
        (FaultServer::script([Failure::new(503)]), FaultServer::script([Answer::text("yes")]));
    let cheap = OpenAi::builder()
        .base_url(format!("{}/v1", cheap_server.url()))
        .target("cheap-provider")
        .model("small")
        .price(0.1, 0.4)
        .build()?;
    let good = Anthropic::builder()
        .base_url(good_server.url())
        .target("good-provider")
        .model("large")
        .price(3.0, 15.0)
        .default_max_tokens(100)
        .build()?;
    let client = Client::builder()
        .tool(ChatTool::new("cheap_model", cheap))
        .tool(ChatTool::new("good_model", good))
        .planner(RulePlanner::new([Rule::keywords(["feasible"]).tool("cheap_model").fallback("good_model")])?)
        .retry(RetryPolicy::default().max_attempts(2).initial_delay(Duration::from_millis(1)))
        .circuit_breaker("cheap-provider", CircuitBreakerConfig::default().failure_threshold(3))
        .build()?;

    for question in ["Is it feasible?", "Is that feasible?", "And this, feasible?"] {
        let outcome = client.run(question).await?;
        let tried: Vec<_> =
            outcome.attempts().iter().map(|attempt| format!("{}: {}", attempt.target, attempt.verdict)).collect();
        println!(
            "{} by {} for ${:.6} [{}]",
            outcome.typed::<String>()?,
            outcome.served_by().unwrap_or("-"),
            outcome.cost_usd(),
            tried.join(", ")
        );
    }
    for (target, health) in client.health() {
        let open = matches!(health.circuit, Circuit::Open { .. });
        println!("{target}: circuit {}", if open { "open" } else { "closed" });
    }
    for (name, server) in [("cheap", &cheap_server), ("good", &good_server)] {
        let paths: Vec<_> = server.requests().into_iter().map(|request| request.path).collect();
        println!("{name}: asked {} times at {}", paths.len(), paths.first().map_or("-", String::as_str));
    }
    Ok(())
}
