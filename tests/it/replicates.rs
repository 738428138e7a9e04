//! Replicates are parts of a run with identities of their own.

use std::time::Duration;

use orch_core::store::Key;
use orch_core::{CallContext, Error, HasContext, IntoTool, Output, Request, ScopeLayer, Tool, ToolService, ToolSpec};
use orch_evidence::{Bundle, ReplicateLayer, Waves};
use orch_reliability::{IdempotencyLayer, RetryLayer, RetryPolicy};
use orch_testkit::ScriptedTool;
use tower::{Service, ServiceBuilder, ServiceExt};

use crate::support::counting_tool;

fn keyed(input: &str) -> Request {
    let context = CallContext::new().with_key(Key::new("one-key").unwrap());
    Request::new(input).with_context(context)
}

#[tokio::test(start_paused = true)]
async fn replicates_over_an_idempotency_layer_execute_k_times() {
    let (tool, calls) = counting_tool(ToolSpec::pure("answer"), |request: &Request| {
        Output::from(format!("answer of replicate {:?}", request.context().replicate()))
    });
    let spec = tool.spec().clone();
    let mut stack = ServiceBuilder::new()
        .layer(ScopeLayer::of(&spec))
        .layer(ReplicateLayer::new(5).waves(Waves::All).epsilon(0.0))
        .layer(IdempotencyLayer::in_memory())
        .service(tool);
    let output = stack.ready().await.unwrap().call(keyed("question")).await.unwrap();
    let bundle = Bundle::from_output(&output).unwrap();
    assert_eq!(calls.count(), 5, "each replicate is an execution of its own");
    assert_eq!(bundle.summary.clusters.len(), 5, "no replicate may be served another one's answer");

    let again = stack.ready().await.unwrap().call(keyed("question")).await.unwrap();
    assert_eq!(calls.count(), 5, "the same run again is replayed, part by part");
    assert_eq!(Bundle::from_output(&again).unwrap().summary.consensus, bundle.summary.consensus);
}

#[tokio::test(start_paused = true)]
async fn each_replicate_is_retried_by_itself() {
    let busy = || Error::transient("overloaded");
    let tool =
        ScriptedTool::new(ToolSpec::pure("answer")).then_err(busy()).then_ok("same").then_err(busy()).then_ok("same");
    let spec = tool.spec().clone();
    let policy = RetryPolicy::default().max_attempts(3).initial_delay(Duration::from_millis(10)).seed(1);
    let stack = ServiceBuilder::new()
        .layer(ScopeLayer::of(&spec))
        .layer(ReplicateLayer::new(2).max_parallel(1))
        .layer(RetryLayer::new(policy).unwrap())
        .service(tool.into_tool());
    let request = Request::new("question");
    let log = request.context().attempts().clone();
    let output = stack.oneshot(request).await.unwrap();
    assert_eq!(Bundle::from_output(&output).unwrap().meta.k_completed, 2);
    for replicate in [1, 2] {
        assert_eq!(log.of(Some(replicate)).len(), 2, "one failure and one success of r{replicate}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_is_not_pure_is_refused_by_a_hand_made_stack() {
    let tool = orch_core::tool_fn(ToolSpec::at_most_once("pay"), |_request: Request| async {
        Ok::<_, Error>(Output::from("paid"))
    });
    let spec = tool.spec().clone();
    let stack = ServiceBuilder::new()
        .layer(ScopeLayer::of(&spec))
        .layer(ReplicateLayer::new(3))
        .service(ToolService::new(tool));
    let error = stack.oneshot(Request::new("now")).await.unwrap_err();
    assert!(error.to_string().contains("Pure"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn without_a_scope_the_replicate_layer_names_what_is_missing() {
    let (tool, calls) = counting_tool(ToolSpec::pure("answer"), |_: &Request| Output::from("x"));
    let stack = ServiceBuilder::new().layer(ReplicateLayer::new(3)).service(tool);
    let error = stack.oneshot(Request::new("question")).await.unwrap_err();
    assert!(error.to_string().contains("ScopeLayer"), "{error}");
    assert_eq!(calls.count(), 0);
}
