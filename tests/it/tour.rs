//! The tour of the whole: one program that uses every door by the names that users read first.

use std::time::Duration;

use orch_core::{Error, ErrorKind, Output, Request, ScopeLayer, Tool, ToolService, ToolSpec, tool_fn};
use orch_evidence::ReplicateLayer;
use orch_facade::{
    Budget, BundleTool, CircuitBreakerConfig, Client, IdempotencyConfig, Op, RetryPolicy, Rule, RulePlanner,
};
use orch_reliability::{CircuitBreakerLayer, RetryLayer};
use serde_json::json;
use tower::{ServiceBuilder, ServiceExt};

fn tool(name: &str) -> impl Tool + use<> {
    let answer = format!("{name} says: feasible");
    tool_fn(ToolSpec::pure(name), move |_: Request| {
        let answer = answer.clone();
        async move { Ok::<_, Error>(Output::from(answer)) }
    })
}

fn client() -> Client {
    let planner = RulePlanner::new([
        Rule::keywords(["deep", "comprehensive"]).on("query").tool("deep_analysis_tool").priority(20),
        Rule::request_type("validation").tool("validation_tool").priority(10),
        Rule::named("high_quality_analysis")
            .priority(30)
            .when("type", Op::Equals, "analysis")
            .when("metadata.quality", Op::Equals, "high")
            .tool("premium_analysis_tool")
            .tool_options(json!({ "k": 7 })),
    ]);
    Client::builder()
        .bundle(BundleTool::new("feasibility_bundle", tool("ask_model")).k(3).epsilon(0.2))
        .tool(tool("deep_analysis_tool"))
        .tool(tool("validation_tool"))
        .bundle(BundleTool::new("premium_analysis_tool", tool("ask_premium")))
        .planner(planner.unwrap())
        .retry(RetryPolicy::default().max_attempts(3).initial_delay(Duration::from_secs(1)).backoff_factor(2.0))
        .circuit_breaker(
            "openai",
            CircuitBreakerConfig::default().failure_threshold(5).cooldown(Duration::from_secs(60)),
        )
        .idempotency(IdempotencyConfig::default().ttl(Duration::from_secs(3600)))
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_client_lists_runs_plans_and_explains() {
    let client = client();
    let names: Vec<_> = client.list_tools().iter().map(|spec| spec.name().to_owned()).collect();
    assert_eq!(names, ["feasibility_bundle", "deep_analysis_tool", "validation_tool", "premium_analysis_tool"]);

    let outcome = client
        .run("Analyze feasibility")
        .tool("feasibility_bundle")
        .tool_options(json!({ "k": 3, "epsilon": 0.2 }))
        .budget(Budget::new().tokens(2_000).cost_usd(0.10))
        .idempotency_key("analysis-123")
        .trace_id("trace-456")
        .await
        .unwrap();
    assert!(outcome.evidence().unwrap().summary.confidence > 0.5);
    assert!(outcome.cost_usd().abs() < f64::EPSILON);
    assert!(!outcome.explain().to_string().is_empty());
    assert!(outcome.content().to_json().unwrap().get("evidence_bundle").is_some(), "the shape of the documents");

    let requests = [
        (json!({ "query": "a comprehensive look" }), "deep_analysis_tool"),
        (json!({ "type": "validation" }), "validation_tool"),
        (json!({ "type": "analysis", "metadata": { "quality": "high" } }), "premium_analysis_tool"),
    ];
    for (request, tool) in requests {
        assert_eq!(client.run(request).await.unwrap().served_by(), Some(tool));
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_run_is_streamed_and_both_orchestrators_are_doors_to_it() {
    let client = client();
    let mut events = client.run("Analyze").tool("feasibility_bundle").events();
    let mut seen = 0;
    while events.next().await.is_some() {
        seen += 1;
    }
    assert!(seen > 3);
    assert!(events.outcome().await.unwrap().evidence().is_ok());
    let basic = client.orchestrator().run("Analyze this").tool("validation_tool").await.unwrap();
    let reliable = client.reliable_orchestrator().run(json!({ "type": "validation" })).await.unwrap();
    assert_eq!(basic.content(), reliable.content());
}

#[tokio::test(start_paused = true)]
async fn the_three_arms_of_an_error() {
    let failing =
        tool_fn(ToolSpec::pure("failing"), |_: Request| async { Err::<Output, _>(Error::tool_execution("no")) });
    let client = Client::builder().tool(failing).build().unwrap();
    let error = client.run("x").tool("failing").await.unwrap_err();
    let arm = match error.kind() {
        ErrorKind::BudgetExceeded { budget, .. } => format!("budget exceeded: {budget}"),
        ErrorKind::Conflict { key } => format!("conflict: {key}"),
        _ => format!("tool failed: {:?}", error.tool()),
    };
    assert_eq!(arm, r#"tool failed: Some("failing")"#);
}

#[tokio::test(start_paused = true)]
async fn a_stack_of_ones_own_with_plain_tower_layers_in_between() {
    let my_tool = tool("my_tool");
    let stack = ServiceBuilder::new()
        .layer(ScopeLayer::of(my_tool.spec()))
        .layer(ReplicateLayer::new(3))
        .layer(RetryLayer::default())
        .layer(CircuitBreakerLayer::builder().failure_threshold(5).build().unwrap())
        .layer(tower::limit::ConcurrencyLimitLayer::new(8))
        .service(ToolService::new(my_tool));
    assert!(stack.oneshot(Request::new("hello")).await.is_ok());
}
