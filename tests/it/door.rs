//! A client's tool as a plain tool, and where the money of a run went.

use std::sync::Arc;
use std::time::Duration;

use orch_core::store::Key;
use orch_core::{
    CallContext, Counted, Deadline, Error, ErrorKind, HasContext, Limits, Meter, Output, Request, ToolSpec, Usage, Usd,
    tool_fn,
};
use orch_facade::{Budget, BundleTool, Client, IdempotencyConfig, Outcome, RetryPolicy, Rule, RulePlanner};
use orch_reliability::MemoryStore;
use orch_testkit::ScriptedTool;
use serde_json::{Value, json};
use tokio::time::Instant;
use tower::ServiceExt;

use crate::support::counting_tool;

const SECOND: Duration = Duration::from_secs(1);

fn used(tokens: u64) -> Usage {
    Usage::new().output(Counted::reported(tokens)).cost(Counted::reported(Usd::from_nanos(tokens * 1_000)))
}

fn quick() -> RetryPolicy {
    RetryPolicy::default().initial_delay(Duration::from_millis(1))
}

#[tokio::test(start_paused = true)]
async fn a_clients_tool_is_a_plain_tool_with_all_that_stands_around_it() {
    let tool = ScriptedTool::new(ToolSpec::pure("ask").with_description("asks")).then_err(Error::transient("busy"));
    let tool = tool.then_ok("fine").then_ok("again");
    let calls = tool.calls();
    let client = Client::builder().tool(tool).retry(quick()).build().unwrap();
    let tool = client.into_tool("ask").unwrap();
    assert_eq!((tool.spec().name(), tool.spec().description()), ("ask", "asks"));
    let keyed = || Request::new("x").with_context(CallContext::new().with_key(Key::new("k").unwrap()));
    let first = tool.clone().oneshot(keyed()).await.unwrap();
    let second = tool.oneshot(keyed()).await.unwrap();
    assert_eq!(first.content(), second.content());
    assert_eq!((second.replayed(), calls.count()), (true, 2), "repeated once, then remembered");
}

#[tokio::test(start_paused = true)]
async fn two_clients_over_one_store_remember_a_run_once_if_the_inner_one_remembers_nothing() {
    let (tool, calls) = counting_tool(ToolSpec::pure("ask"), |_| Output::from("x"));
    let store = Arc::new(MemoryStore::new());
    let forgetful = IdempotencyConfig::default().enabled(false);
    let inner = Client::builder().tool(tool).idempotency_store(store.clone()).idempotency(forgetful).build().unwrap();
    let outer = Client::builder().tool(inner.into_tool("ask").unwrap()).idempotency_store(store).build().unwrap();
    for replayed in [false, true] {
        let outcome = outer.run("x").tool("ask").idempotency_key("k").await.unwrap();
        assert_eq!((outcome.replayed(), calls.count()), (replayed, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_a_client_does_not_have_is_refused_with_the_nearest_name() {
    let (tool, _) = counting_tool(ToolSpec::pure("summarise"), |_| Output::from("x"));
    let client = Client::builder().tool(tool).build().unwrap();
    let error = client.into_tool("sumarise").unwrap_err();
    assert!(error.to_string().contains("summarise"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_callers_account_deadline_and_options_hold_inside() {
    let tool = tool_fn(ToolSpec::pure("ask"), |request: Request| async move {
        let left = request.context().deadline().map(|deadline| deadline.remaining(Instant::now()).as_secs());
        let said = json!({ "left": left, "options": request.options() });
        Ok::<_, Error>(Output::from(said).with_usage(used(70)))
    });
    let inner = Client::builder().tool(tool).budget(Budget::new().tokens(60)).build().unwrap();
    let tool = inner.clone().into_tool("ask").unwrap();
    let meter = Meter::new(Limits { tokens: Some(1_000), cost: None });
    let context =
        CallContext::new().with_meter(meter.clone()).with_deadline(Deadline::after(Instant::now(), SECOND * 9));
    let error = tool.oneshot(Request::new("x").with_context(context)).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::BudgetExceeded { .. }), "the client's own budget caps it: {error:?}");
    assert_eq!(meter.usage().tokens(), 70, "the caller pays");

    let outer = inner.to_builder().budget(Budget::new()).build().unwrap().into_tool("ask").unwrap();
    let planner = RulePlanner::new([Rule::keywords(["x"]).tool("ask").tool_options(json!({ "k": 7 }))]).unwrap();
    let outer = Client::builder().tool(outer).planner(planner).attempt_timeout(SECOND * 8).build().unwrap();
    let said: Value = outer.run("x").deadline(SECOND * 5).await.unwrap().typed().unwrap();
    assert_eq!(said, json!({ "left": 5, "options": { "k": 7 } }));
}

/// Tool, replicate, attempt, whether it failed, tokens.
type Line = (Option<&'static str>, Option<u32>, u32, bool, u64);

fn tokens(outcome: &Outcome) -> Vec<Line> {
    let names = ["first", "second", "ask", "bundle"];
    let lines = outcome.cost_breakdown();
    assert_eq!(lines.iter().map(|line| line.tokens).sum::<u64>(), outcome.usage().tokens(), "{lines:?}");
    let cost: Usd = lines.iter().map(|line| line.cost).sum();
    assert_eq!(Some(cost), outcome.usage().cost.map(|cost| cost.value), "{lines:?}");
    let name = |tool: &str| names.into_iter().find(|name| *name == tool);
    lines
        .iter()
        .map(|line| (line.tool.as_deref().and_then(name), line.replicate, line.attempt, line.failed, line.tokens))
        .collect()
}

fn failed_but_paid(tokens: u64) -> Error {
    Error::transient("cut off").with_output(Output::from("half").with_usage(used(tokens)))
}

#[tokio::test(start_paused = true)]
async fn the_lines_of_a_plain_run_are_its_attempts_and_add_up() {
    let fine = || Output::from("fine").with_usage(used(100));
    let tool = ScriptedTool::new(ToolSpec::pure("ask")).then_err(failed_but_paid(30)).then_ok(fine()).then_ok(fine());
    let client = Client::builder().tool(tool).retry(quick()).build().unwrap();
    let run = || client.run("x").tool("ask").idempotency_key("k");
    let outcome = run().await.unwrap();
    assert_eq!(tokens(&outcome), [(Some("ask"), None, 1, true, 30), (Some("ask"), None, 2, false, 100)]);
    let json = serde_json::to_value(&outcome).unwrap();
    assert_eq!(
        json["cost_breakdown"][0],
        json!({
            "tool": "ask", "attempt": 1, "failed": true, "tokens": 30, "cost_usd": 0.00003
        })
    );
    assert!(run().await.unwrap().cost_breakdown().is_empty(), "a replay bought nothing");
}

#[tokio::test(start_paused = true)]
async fn the_lines_of_a_fallback_name_both_tools() {
    let first = ScriptedTool::new(ToolSpec::pure("first")).then_err(failed_but_paid(30));
    let second = ScriptedTool::new(ToolSpec::pure("second")).then_ok(Output::from("fine").with_usage(used(100)));
    let planner = RulePlanner::new([Rule::keywords(["x"]).tool("first").fallback("second")]).unwrap();
    let once = RetryPolicy::default().max_attempts(1);
    let client = Client::builder().tool(first).tool(second).planner(planner).retry(once).build().unwrap();
    let outcome = client.run("x").await.unwrap();
    assert_eq!(tokens(&outcome), [(Some("first"), None, 1, true, 30), (Some("second"), None, 1, false, 100)]);
}

#[tokio::test(start_paused = true)]
async fn the_lines_of_a_bundle_are_those_of_its_replicates() {
    let fine = || Output::from("fine").with_usage(used(100));
    let tool = ScriptedTool::new(ToolSpec::pure("ask")).then_err(failed_but_paid(30)).then_ok(fine()).then_ok(fine());
    let client = Client::builder().bundle(BundleTool::new("bundle", tool)).retry(quick()).build().unwrap();
    let outcome = client.run("x").tool("bundle").await.unwrap();
    let lines = tokens(&outcome);
    let (failed, fine): (Vec<Line>, Vec<Line>) = lines.iter().partition(|(.., failed, _)| *failed);
    assert_eq!((failed.len(), fine.len(), outcome.usage().tokens()), (1, 2, 230));
    assert!(fine.iter().all(|(tool, replicate, ..)| *tool == Some("bundle") && replicate.is_some()), "{lines:?}");
}
