//! The client as a whole: both orchestrators, the stacks around tools and runs.

use std::time::Duration;

use orch_core::{
    BudgetKind, Class, Counted, Effect, Error, ErrorKind, Event, IntoTool, Output, Request, Stopped, Tool, ToolSpec,
    Usage, Usd, tool_fn,
};
use orch_facade::{
    Budget, BuildError, BundleTool, CircuitBreakerConfig, Client, Consensus, IdempotencyConfig, Op, RateLimitConfig,
    RetryPolicy, Rule, RulePlanner, Status,
};
use orch_testkit::ScriptedTool;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::counting_tool;

fn echo(name: &str) -> impl Tool + use<> {
    tool_fn(ToolSpec::pure(name), |request: Request| async move {
        Ok::<_, Error>(Output::new(request.input().as_json().clone()))
    })
}

fn quick_retry() -> RetryPolicy {
    RetryPolicy::default().max_attempts(3).initial_delay(Duration::from_millis(10)).seed(1)
}

fn overloaded() -> Error {
    Error::transient("overloaded")
}

#[tokio::test(start_paused = true)]
async fn the_planner_chooses_and_the_outcome_says_why() {
    let planner = RulePlanner::new([
        Rule::keywords(["deep"]).on("query").tool("deep").priority(20),
        Rule::named("checks").when("type", Op::Equals, "validation").tool("check").priority(10),
    ])
    .unwrap();
    let client = Client::builder().tool(echo("deep")).tool(echo("check")).planner(planner).build().unwrap();
    let outcome =
        client.run(json!({ "query": "a deep look" })).trace_id("trace-456").request_id("req-1").await.unwrap();
    assert_eq!(outcome.served_by(), Some("deep"));
    assert_eq!((outcome.trace_id(), outcome.request_id()), ("trace-456", "req-1"));
    assert!(outcome.explain().to_string().contains("because"), "{}", outcome.explain());
    let named = client.run(json!({ "query": "a deep look" })).tool("check").await.unwrap();
    assert_eq!(named.served_by(), Some("check"));
    assert!(named.plan().is_none(), "nobody was asked");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_tool_gets_the_nearest_name() {
    let client = Client::builder().tool(echo("summarize")).build().unwrap();
    for error in [
        client.run("x").tool("sumarize").await.unwrap_err(),
        client.orchestrator().run("x").tool("sumarize").await.unwrap_err(),
    ] {
        assert_eq!(error.to_string(), "no tool named `sumarize`, did you mean `summarize`?");
    }
}

#[tokio::test(start_paused = true)]
async fn the_basic_orchestrator_needs_a_tool_and_never_repeats() {
    let tool = ScriptedTool::new(ToolSpec::pure("flaky")).then_err(overloaded()).then_ok("late");
    let client = Client::builder().tool(tool).retry(quick_retry()).build().unwrap();
    let error = client.orchestrator().run("x").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::InvalidRequest { .. }), "{error:?}");
    let error = client.orchestrator().run("x").tool("flaky").await.unwrap_err();
    assert_eq!(error.class(), Class::Transient);
    let outcome = client.reliable_orchestrator().run("x").tool("flaky").await.unwrap();
    assert_eq!(outcome.typed::<String>().unwrap(), "late");
}

#[tokio::test(start_paused = true)]
async fn attempts_are_kept_on_outcomes_and_on_errors() {
    let tool = ScriptedTool::new(ToolSpec::pure("flaky")).then_err(overloaded()).then_ok("fine");
    let client = Client::builder().tool(tool).retry(quick_retry()).build().unwrap();
    let outcome = client.run("x").tool("flaky").await.unwrap();
    assert_eq!(outcome.attempts().len(), 2);
    assert!(outcome.explain().to_string().contains("repeated"), "{}", outcome.explain());

    let tool =
        ScriptedTool::new(ToolSpec::pure("down")).then_err(overloaded()).then_err(overloaded()).then_err(overloaded());
    let client = Client::builder().tool(tool).retry(quick_retry()).build().unwrap();
    let error = client.run("x").tool("down").await.unwrap_err();
    assert_eq!(error.stopped(), Some(Stopped::Attempts));
    assert_eq!(error.attempts().len(), 3);
    assert_eq!(error.tool(), Some("down"));
}

#[tokio::test(start_paused = true)]
async fn the_same_key_is_replayed_for_nothing_and_another_body_is_a_conflict() {
    let priced = Usage::new().input(Counted::reported(10)).cost(Counted::reported(Usd::from_nanos(5)));
    let (tool, calls) = counting_tool(ToolSpec::pure("paid"), move |_| Output::from("once").with_usage(priced.clone()));
    let config = IdempotencyConfig::default().ttl(Duration::from_secs(3600));
    let client = Client::builder().tool(tool).idempotency(config).build().unwrap();
    let run = |input: Value| client.run(input).tool("paid").idempotency_key("unique-123");
    let first = run(json!({ "a": 1, "b": 2 })).await.unwrap();
    let second = run(json!({ "b": 2, "a": 1 })).await.unwrap();
    assert_eq!(calls.count(), 1);
    assert_eq!((first.status(), second.status()), (Status::Completed, Status::Replayed));
    assert_eq!(first.content(), second.content());
    assert_eq!((first.usage().tokens(), second.usage().tokens()), (10, 0));
    let error = run(json!({ "a": 2 })).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Conflict { key } if &**key == "unique-123"), "{error:?}");
    tokio::time::advance(Duration::from_secs(3601)).await;
    run(json!({ "a": 1, "b": 2 })).await.unwrap();
    assert_eq!(calls.count(), 2, "after its time the key is free again");
}

#[tokio::test(start_paused = true)]
async fn twenty_concurrent_runs_with_one_key_execute_once() {
    let (tool, calls) = counting_tool(ToolSpec::pure("paid"), |_| Output::from("once"));
    let client = Client::builder().tool(tool).build().unwrap();
    let runs = (0..20).map(|_| client.run("same").tool("paid").idempotency_key("k").into_future());
    for outcome in futures_util::future::join_all(runs).await {
        assert_eq!(outcome.unwrap().typed::<String>().unwrap(), "once");
    }
    assert_eq!(calls.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn each_limit_of_a_budget_is_named_when_it_is_passed_and_the_paid_work_comes_back() {
    let used = Usage::new().input(Counted::reported(2_000)).cost(Counted::reported(Usd::from_nanos(500_000_000)));
    let (tool, _) = counting_tool(ToolSpec::pure("costly"), move |_| Output::from("paid for").with_usage(used.clone()));
    let client =
        Client::builder().tool(tool).tool(ScriptedTool::new(ToolSpec::pure("slow")).then_hang()).build().unwrap();
    let cases = [
        ("costly", Budget::new().tokens(1_000), BudgetKind::Tokens),
        ("costly", Budget::new().cost_usd(0.10), BudgetKind::Cost),
        ("slow", Budget::new().time(Duration::from_secs(30)), BudgetKind::Time),
    ];
    for (tool, limits, expected) in cases {
        let error = client.run("x").tool(tool).budget(limits).await.unwrap_err();
        let ErrorKind::BudgetExceeded { budget, .. } = error.kind() else { panic!("{error:?}") };
        assert_eq!(*budget, expected);
        assert_eq!(error.output().is_some(), expected != BudgetKind::Time, "work that was paid for comes back");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_outlasts_its_deadline_says_so() {
    let client = Client::builder().tool(ScriptedTool::new(ToolSpec::pure("slow")).then_hang()).build().unwrap();
    let error = client.run("x").tool("slow").deadline(Duration::from_millis(200)).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::DeadlineExceeded), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn bad_options_are_refused_before_anything_runs() {
    let (tool, calls) = counting_tool(ToolSpec::pure("t"), |_| Output::from("x"));
    let client = Client::builder().tool(tool).build().unwrap();
    let refused = [
        (client.run("x").tool("t").budget(Budget::new().tokens(0)), "/budget/tokens"),
        (client.run("x").tool("t").budget(Budget::new().cost_usd(f64::NAN)), "/budget/cost_usd"),
        (client.run("x").tool("t").idempotency_key(""), "/idempotency_key"),
        (client.run("x").tool("t").idempotency_key("k".repeat(256)), "/idempotency_key"),
    ];
    for (run, pointer) in refused {
        let error = run.await.unwrap_err();
        assert!(error.to_string().contains(pointer), "{error}");
    }
    assert_eq!(calls.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn bundle_options_of_a_run_win_over_the_tool_and_bad_ones_are_pointed_at() {
    let bundle = BundleTool::new("bundle", echo("inner")).k(5);
    let client = Client::builder().bundle(bundle).build().unwrap();
    let outcome = client.run("x").tool("bundle").tool_options(json!({ "k": 2, "epsilon": 0.1 })).await.unwrap();
    assert_eq!(outcome.evidence().unwrap().meta.k, 2);
    for (options, part) in [
        (json!({ "k": 0 }), "/k"),
        (json!({ "k": 65 }), "/k"),
        (json!({ "epsilon": 1.5 }), "/epsilon"),
        (json!({ "epsilom": 0.1 }), "epsilom"),
    ] {
        let error = client.run("x").tool("bundle").tool_options(options).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::InvalidRequest { .. }), "{error:?}");
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn a_replicated_tool_that_is_not_pure_is_refused_at_build() {
    for (spec, effect) in [
        (ToolSpec::at_most_once("pay"), Effect::AtMostOnce),
        (ToolSpec::idempotent("put"), Effect::IdempotentDownstream),
    ] {
        let tool = tool_fn(spec, |_request: Request| async { Ok::<_, Error>(Output::from("done")) });
        let error = Client::builder().bundle(BundleTool::new("bundle", tool)).build().unwrap_err();
        assert!(matches!(error, BuildError::NotReplicable { effect: found, .. } if found == effect), "{error}");
    }
}

#[test]
fn two_tools_of_one_name_are_refused_at_build() {
    let error = Client::builder().tool(echo("twin")).tool(echo("twin")).build().unwrap_err();
    assert_eq!(error.to_string(), "two tools are named `twin`");
}

#[test]
fn a_rule_for_a_tool_that_does_not_exist_is_refused_at_build() {
    let planner = RulePlanner::new([Rule::keywords(["deep"]).tool("summarise")]).unwrap();
    let error = Client::builder().tool(echo("summarize")).planner(planner).build().unwrap_err();
    assert!(error.to_string().contains("summarize"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_panic_reaches_its_caller_alone() {
    let client = Client::builder()
        .tool(ScriptedTool::new(ToolSpec::pure("fragile")).then_panic().then_ok("fine"))
        .build()
        .unwrap();
    let error = client.run("x").tool("fragile").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Panicked { .. }), "{error:?}");
    assert_eq!(client.run("x").tool("fragile").await.unwrap().typed::<String>().unwrap(), "fine");
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_is_seen_by_the_planner_and_shared_with_a_client_made_from_this_one() {
    let sick = ToolSpec::pure("sick").with_target("openai");
    let failing = tool_fn(sick, |_request: Request| async { Err::<Output, _>(overloaded()) });
    let client = Client::builder()
        .tool(failing)
        .tool(echo("well"))
        .retry(RetryPolicy::default().max_attempts(1))
        .circuit_breaker("openai", CircuitBreakerConfig::default().failure_threshold(2))
        .build()
        .unwrap();
    for _ in 0..2 {
        client.run("x").tool("sick").await.unwrap_err();
    }
    let error = client.run("x").tool("sick").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::CircuitOpen { .. }), "{error:?}");
    assert!(error.retry_after().is_some());
    assert_eq!(client.run("x").await.unwrap().served_by(), Some("well"), "the planner passes the open circuit by");
    let twin = client.to_builder().build().unwrap();
    let error = twin.run("x").tool("sick").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::CircuitOpen { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_holds_for_its_target_alone_and_is_shared_with_a_client_made_from_this_one() {
    let limit = RateLimitConfig::per_minute(1).max_wait(Duration::ZERO);
    let client = Client::builder()
        .tool(tool_fn(ToolSpec::pure("paid").with_target("openai"), |_: Request| async {
            Ok::<_, Error>(Output::from("paid"))
        }))
        .tool(echo("free"))
        .retry(RetryPolicy::default().max_attempts(1))
        .rate_limit("openai", limit)
        .build()
        .unwrap();
    assert!(client.run("x").tool("paid").await.is_ok());
    for client in [&client, &client.to_builder().build().unwrap()] {
        let error = client.run("x").tool("paid").await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::RateLimited { .. }), "{error:?}");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(60)));
        assert!(client.run("x").tool("free").await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn a_fallback_takes_over_and_the_outcome_names_who_served_it() {
    let down = tool_fn(ToolSpec::pure("first"), |_request: Request| async { Err::<Output, _>(overloaded()) });
    let planner = RulePlanner::new([Rule::keywords(["any"]).tool("first").fallback("second")]).unwrap();
    let client =
        Client::builder().tool(down).tool(echo("second")).planner(planner).retry(quick_retry()).build().unwrap();
    let outcome = client.run("any").await.unwrap();
    assert_eq!(outcome.served_by(), Some("second"));
    assert!(!outcome.attempts().is_empty(), "what the first one did is not hidden");
}

#[tokio::test(start_paused = true)]
async fn a_streamed_run_tells_its_life_in_order_and_ends_once() {
    let bundle = BundleTool::new("bundle", echo("inner")).k(3);
    let client = Client::builder().bundle(bundle).build().unwrap();
    let mut events = client.run("same").events();
    let (mut names, mut last) = (Vec::new(), 0);
    while let Some(envelope) = events.next().await {
        assert!(names.is_empty() || envelope.seq > last);
        last = envelope.seq;
        let json = serde_json::to_value(&envelope).unwrap();
        names.push(json["event"].as_str().unwrap().to_owned());
    }
    let outcome = events.outcome().await.unwrap();
    assert_eq!(names[..2], ["plan_selected", "tool_started"]);
    assert_eq!(names[names.len() - 2..], ["bundle_ready", "completed"]);
    for (name, count) in [("replicate_started", 2), ("replicate_done", 2), ("partial_summary", 1), ("completed", 1)] {
        assert_eq!(names.iter().filter(|other| *other == name).count(), count, "{name} in {names:?}");
    }
    assert_eq!(outcome.evidence().unwrap().meta.k_completed, 2, "the default rule stops after two that agree");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_run_says_so_and_dropping_one_stops_its_tool() {
    let tool = ScriptedTool::new(ToolSpec::pure("slow")).then_hang();
    let client = Client::builder().tool(tool.into_tool()).build().unwrap();
    let mut events = client.run("x").tool("slow").events();
    assert!(events.next().await.is_some());
    events.cancellation().cancel();
    let mut terminal = None;
    while let Some(envelope) = events.next().await {
        terminal = Some(envelope.event);
    }
    assert_eq!(terminal, Some(Event::Cancelled {}));
    let error = events.outcome().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Cancelled), "{error:?}");
}

#[derive(Clone, Debug, PartialEq, Deserialize, Consensus)]
struct Offer {
    #[consensus(number(rel = 0.01))]
    price: f64,
    city: Option<String>,
}

#[tokio::test(start_paused = true)]
async fn the_answer_of_a_bundle_is_what_its_replicates_agree_on_as_a_type() {
    let answer = |price: f64, city: &str| json!({ "price": price, "city": city });
    let tool = ScriptedTool::new(ToolSpec::pure("ask"))
        .then_ok(answer(100.0, "Paris"))
        .then_ok(answer(100.5, "Lyon"))
        .then_ok(answer(99.9, "Paris"));
    let bundle = BundleTool::new("offer", tool).k(3).max_parallel(1).answers::<Offer>();
    let client = Client::builder().bundle(bundle).build().unwrap();
    let outcome = client.run("which?").tool("offer").await.unwrap();

    let expected = Offer { price: 100.0, city: Some("Paris".into()) };
    assert_eq!(outcome.typed::<Offer>().unwrap(), expected);
    assert_eq!(outcome.typed::<Value>().unwrap(), answer(100.0, "Paris"));
    assert_eq!(outcome.typed::<orch_evidence::BundleContent>().unwrap().evidence_bundle, *outcome.evidence().unwrap());

    let evidence = outcome.evidence_of::<Offer>().unwrap();
    assert_eq!(*evidence.value(), expected);
    assert_eq!(evidence.field("/city").support(), Some(2.0 / 3.0));
    let error = outcome.typed::<Vec<u8>>().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::BadOutput { .. }), "{error:?}");
}
