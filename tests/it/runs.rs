//! Runs under strain: what is metered, kept, refused and explained.

use std::time::Duration;

use orch_core::{
    BoxTool, CallContext, Class, Counted, Error, ErrorKind, Event, HasContext, IntoTool, Limits, Meter, Output, Part,
    Request, Tool, ToolService, ToolSpec, Usage, tool_fn,
};
use orch_facade::{
    Budget, BundleTool, CircuitBreakerConfig, Client, IdempotencyConfig, Op, RetryPolicy, Rule, RulePlanner, Status,
};
use orch_reliability::{RetryLayer, TimeoutLayer};
use orch_testkit::ScriptedTool;
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tower::{Layer, ServiceExt, service_fn};

use crate::support::{Calls, counting_tool};

fn hundred_tokens() -> Usage {
    Usage::new().input(Counted::reported(100))
}

/// A tool that is a bare service, with nothing of ours around it.
fn bare(name: &str) -> BoxTool {
    let service = service_fn(|request: Request| async move {
        let answer = format!("answer {}", request.context().replicate().unwrap_or_default());
        Ok::<_, Error>(Output::from(answer).with_usage(hundred_tokens()))
    });
    BoxTool::new(ToolSpec::pure(name), service)
}

fn slow(name: &str, time: Duration) -> impl Tool + use<> {
    tool_fn(ToolSpec::pure(name), move |_: Request| async move {
        sleep(time).await;
        Ok::<_, Error>(Output::from("slow"))
    })
}

#[tokio::test(start_paused = true)]
async fn a_bare_service_is_metered_like_any_tool() {
    let client =
        Client::builder().tool(bare("bare")).bundle(BundleTool::new("bundle", bare("inner")).k(8)).build().unwrap();
    assert_eq!(client.run("x").tool("bare").await.unwrap().usage().tokens(), 100);
    assert_eq!(client.orchestrator().run("x").tool("bare").await.unwrap().usage().tokens(), 100);
    let outcome = client.run("x").tool("bundle").budget(Budget::new().tokens(250)).await.unwrap_err();
    let spent = outcome.output().unwrap().usage().tokens();
    assert!(spent <= 300, "at most one call beyond the budget is possible without an estimate: {spent}");
}

#[tokio::test(start_paused = true)]
async fn a_time_budget_gives_what_there_is_with_and_without_a_key() {
    for key in [None, Some("k")] {
        let inner = slow("inner", Duration::from_secs(20));
        let client = Client::builder()
            .bundle(BundleTool::new("bundle", inner).k(8).stop(orch_evidence::stopping::Never))
            .build()
            .unwrap();
        let mut run =
            client.run("x").tool("bundle").max_parallel(2).budget(Budget::new().time(Duration::from_secs(50)));
        if let Some(key) = key {
            run = run.idempotency_key(key);
        }
        let outcome = run.await.unwrap_or_else(|error| panic!("{key:?}: {error:?}"));
        let meta = &outcome.evidence().unwrap().meta;
        assert!((2..=4).contains(&meta.k_completed), "{key:?}: {meta:?}");
        assert!(meta.early_stopped);
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_that_calls_a_tool_which_must_not_run_twice_runs_it_once() {
    let executed = Calls::default();
    let counter = executed.clone();
    let pay = tool_fn(ToolSpec::at_most_once("pay"), move |_: Request| {
        counter.add();
        async { Err::<Output, _>(Error::transient("the line broke")) }
    });
    let inside = RetryLayer::default().layer(ToolService::new(pay));
    let outer = tool_fn(ToolSpec::pure("outer"), move |request: Request| {
        let step = request.for_context(request.context().child(Part::Step(1)));
        inside.clone().oneshot(step)
    });
    let client = Client::builder().tool(outer).retry(RetryPolicy::default().max_attempts(1)).build().unwrap();
    client.run("x").tool("outer").await.unwrap_err();
    assert_eq!(executed.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_with_other_idempotency_settings_still_remembers() {
    let (tool, calls) = counting_tool(ToolSpec::pure("paid"), |_| Output::from("once"));
    let client = Client::builder().tool(tool).build().unwrap();
    client.run("x").tool("paid").idempotency_key("k").await.unwrap();
    let longer = IdempotencyConfig::default().ttl(Duration::from_secs(7200));
    let twin = client.to_builder().idempotency(longer).build().unwrap();
    assert!(twin.run("x").tool("paid").idempotency_key("k").await.unwrap().replayed());
    assert_eq!(calls.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn other_breaker_settings_begin_anew_with_the_health_that_goes_with_them() {
    let failing = tool_fn(ToolSpec::pure("sick"), |_: Request| async { Err::<Output, _>(Error::transient("down")) });
    let builder = Client::builder().tool(failing).retry(RetryPolicy::default().max_attempts(1));
    let config = CircuitBreakerConfig::default().failure_threshold(1);
    let client = builder.circuit_breaker("sick", config.clone()).build().unwrap();
    client.run("x").tool("sick").await.unwrap_err();
    assert_eq!(client.health().len(), 1);
    let anew = client.to_builder().circuit_breaker("other", config).build().unwrap();
    assert!(anew.health().is_empty());
    let error = anew.run("x").tool("sick").await.unwrap_err();
    assert_eq!(error.class(), Class::Transient, "it is asked again");
}

#[tokio::test(start_paused = true)]
async fn the_basic_orchestrator_refuses_a_key_that_it_would_ignore() {
    let client = Client::builder().tool(bare("bare")).build().unwrap();
    let error = client.orchestrator().run("x").tool("bare").idempotency_key("k-1").await.unwrap_err();
    assert!(error.to_string().contains("/idempotency_key") && error.to_string().contains("k-1"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_estimating_reaches_its_caller_and_ends_the_stream() {
    let tool = bare("fragile").estimator(|_| panic!("no idea"));
    let client = Client::builder().tool(tool).build().unwrap();
    let error = client.run("x").tool("fragile").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Panicked { .. }), "{error:?}");
    let mut events = client.run("x").tool("fragile").events();
    let mut last = None;
    while let Some(envelope) = events.next().await {
        last = Some(envelope.event);
    }
    assert!(matches!(last, Some(Event::Error { .. })), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn after_a_fallback_the_explanation_names_both_tools_and_the_attempts_are_in_order() {
    let down = tool_fn(ToolSpec::pure("first"), |_: Request| async { Err::<Output, _>(Error::transient("down")) });
    let rule = Rule::named("any").when("go", Op::Equals, true).tool("first");
    let client = Client::builder()
        .tool(down)
        .bundle(BundleTool::new("bundle", bare("inner")).k(2))
        .planner(RulePlanner::new([rule.fallback("bundle")]).unwrap())
        .retry(RetryPolicy::default().max_attempts(2).initial_delay(Duration::from_millis(10)))
        .build()
        .unwrap();
    let outcome = client.run(json!({ "go": true })).await.unwrap();
    assert_eq!(outcome.served_by(), Some("bundle"));
    let explanation = outcome.explain().to_string();
    assert!(explanation.contains("first fell back to bundle"), "{explanation}");
    let attempts: Vec<_> = outcome.attempts().iter().map(|record| record.attempt).collect();
    assert_eq!(attempts, [1, 2], "in the order in which they were made");
}

#[tokio::test(start_paused = true)]
async fn a_run_begins_when_it_is_awaited() {
    let client = Client::builder().tool(slow("slow", Duration::from_secs(1))).build().unwrap();
    let run = client.run("x").tool("slow");
    sleep(Duration::from_secs(40)).await;
    assert_eq!(run.await.unwrap().elapsed(), Duration::from_secs(1));
    let run = client.run("x").tool("slow");
    sleep(Duration::from_secs(40)).await;
    let mut events = run.events();
    assert!(events.next().await.unwrap().elapsed < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_replay_keeps_the_reason_of_the_run_that_executed_it() {
    let planner =
        RulePlanner::new([Rule::named("every question").when("q", Op::Exists, Value::Null).tool("bare")]).unwrap();
    let client = Client::builder().tool(bare("bare")).planner(planner).build().unwrap();
    let run = || client.run(json!({ "q": 1 })).idempotency_key("k");
    run().await.unwrap();
    let replay = run().await.unwrap();
    assert!(replay.replayed());
    assert!(replay.explain().to_string().contains("every question"), "{}", replay.explain());
}

#[tokio::test(start_paused = true)]
async fn replicates_that_fail_are_named_by_what_happened_and_not_by_the_circuit_it_opened() {
    let boom = tool_fn(ToolSpec::pure("t"), |_: Request| async { Err::<Output, _>(Error::transient("boom")) });
    let client = Client::builder().bundle(BundleTool::new("bundle", boom).k(3)).build().unwrap();
    let error = client.run("x").tool("bundle").await.unwrap_err();
    assert!(error.to_string().contains("boom"), "{error}");
    assert_eq!(error.class(), Class::Transient);
}

#[test]
fn an_opaque_bundle_of_a_tool_that_is_not_pure_is_refused() {
    let pay = tool_fn(ToolSpec::at_most_once("pay"), |_: Request| async { Ok::<_, Error>(Output::from("paid")) });
    assert!(BundleTool::new("bundle", pay).opaque().unwrap_err().to_string().contains("Pure"));
    assert!(BundleTool::new("bundle", bare("inner")).k(0).opaque().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_tool_without_an_attempt_timeout_of_its_own_still_ends_with_the_run() {
    let stack = TimeoutLayer::total(Duration::from_secs(5)).layer(slow("slow", Duration::from_secs(60)).into_tool());
    let error = stack.oneshot(Request::new("x").with_context(CallContext::new())).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::DeadlineExceeded), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_less_sure_than_asked_for_says_so() {
    let tool = ScriptedTool::new(ToolSpec::pure("ask")).cycling().then_ok("a").then_ok("b").then_ok("c");
    let client = Client::builder().bundle(BundleTool::new("bundle", tool)).tool(bare("plain")).build().unwrap();
    let run = |tool: &'static str| client.run("x").tool(tool);
    let unsure = run("bundle").min_confidence(0.9).await.unwrap();
    assert_eq!(unsure.status(), Status::LowConfidence);
    assert!(unsure.explain().to_string().contains("less sure than the run asked for"));
    assert_eq!(serde_json::to_value(&unsure).unwrap()["status"], json!("low_confidence"));
    assert_eq!(run("bundle").min_confidence(0.1).await.unwrap().status(), Status::Completed);
    assert_eq!(run("plain").min_confidence(0.1).await.unwrap().status(), Status::LowConfidence, "no evidence at all");
    assert_eq!(run("plain").await.unwrap().status(), Status::Completed);
    for wrong in [0.0, 1.1, f64::NAN] {
        let error = run("bundle").min_confidence(wrong).await.unwrap_err();
        assert!(error.to_string().contains("/min_confidence"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_joins_the_trace_of_a_traceparent_and_repeats_the_callers_metadata() {
    let client = Client::builder().tool(bare("plain")).build().unwrap();
    let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let run = || client.run("x").tool("plain");
    let outcome = run().traceparent(header).metadata("user", "u-1").metadata("page", 3).await.unwrap();
    assert_eq!(outcome.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(serde_json::to_value(&outcome).unwrap()["metadata"], json!({ "user": "u-1", "page": 3 }));
    assert_eq!(outcome.metadata()["page"], json!(3));
    let error = run().traceparent("not-a-trace").await.unwrap_err();
    assert!(error.to_string().contains("/traceparent"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn one_token_from_outside_cancels_many_runs() {
    let client = Client::builder().tool(slow("slow", Duration::from_secs(60))).build().unwrap();
    let token = CancellationToken::new();
    let run = || client.run("x").tool("slow").cancelled_by(token.clone()).into_future();
    let cancel = async {
        sleep(Duration::from_secs(1)).await;
        token.cancel();
    };
    let (first, second, ()) = tokio::join!(run(), run(), cancel);
    for result in [first, second] {
        let error = result.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Cancelled), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_of_the_callers_has_what_a_run_used_however_it_ended() {
    let used = || Usage::new().output(Counted::reported(7));
    let tool = tool_fn(ToolSpec::pure("tool"), move |request: Request| async move {
        match request.input().as_text() {
            Some("fails") => Err(Error::tool_execution("no").with_output(Output::from("half").with_usage(used()))),
            Some("hangs") => {
                request.context().progress().set_usage(used());
                std::future::pending().await
            }
            _ => Ok(Output::from("yes").with_usage(used())),
        }
    });
    let client = Client::builder().tool(tool).build().unwrap();
    let account = Meter::new(Limits { tokens: Some(30), cost: None });
    let run = |input: &str| client.run(input).tool("tool").account(account.clone());
    run("works").await.unwrap();
    assert_eq!(account.usage().tokens(), 7);
    run("fails").await.unwrap_err();
    assert_eq!(account.usage().tokens(), 14);
    run("hangs").deadline(Duration::from_secs(1)).await.unwrap_err();
    assert_eq!(account.usage().tokens(), 21);
    let events = run("hangs").events();
    tokio::task::yield_now().await;
    events.cancellation().cancel();
    assert!(matches!(events.outcome().await.unwrap_err().kind(), ErrorKind::Cancelled));
    assert_eq!(account.usage().tokens(), 28);

    run("works").await.unwrap();
    let error = run("works").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::BudgetExceeded { .. }) && error.output().is_none(), "{error}");
    assert_eq!(account.usage().tokens(), 35, "what nobody had estimated passed the limit; the next did not begin");
}
