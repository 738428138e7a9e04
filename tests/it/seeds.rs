//! The two documents that this project grew from, paragraph by paragraph: what each of their snippets shows, here.
//! The map from their paragraphs to these tests is `docs/seeds.md`.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use orch_core::{
    BudgetKind, Circuit, Class, Content, Counted, Error, ErrorKind, Estimate, HasContext, Output, Request, Target,
    Tool, ToolKind, ToolSpec, Usage, Usd, Verdict, tool_fn,
};
use orch_evidence::{BundleContent, BundleOptions, Bundler};
use orch_facade::{
    Budget, BundleTool, CircuitBreakerConfig, Client, IdempotencyConfig, Input, Op, RetryPolicy, Rule, RulePlanner,
    Run, Status,
};
use orch_reliability::ReliabilityConfig;
use orch_testkit::ScriptedTool;
use serde_json::{Value, json};
use tokio::time::{Instant, advance};

use crate::support::counting_tool;

const SECOND: Duration = Duration::from_secs(1);

/// A tool that answers with its name, what it was asked, and its options.
fn analyzer(name: &str) -> impl Tool + use<> {
    let named = name.to_owned();
    tool_fn(ToolSpec::pure(name).with_description("Analyzes"), move |request: Request| {
        let answer = json!({ "tool": named, "asked": request.input().as_json(), "options": request.options() });
        let used = Usage::new().input(Counted::reported(40)).output(Counted::reported(60));
        async move { Ok::<_, Error>(Output::from(answer).with_usage(used.cost(Counted::reported(cents(2))))) }
    })
}

/// A model that is asked several times and says the same.
fn ask_model() -> impl Tool + use<> {
    tool_fn(ToolSpec::pure("ask_model"), |_: Request| async {
        let used = Usage::new().output(Counted::reported(100)).cost(Counted::reported(cents(1)));
        Ok::<_, Error>(Output::from("feasible").with_usage(used))
    })
}

fn cents(cents: u64) -> Usd {
    Usd::from_nanos(cents * 10_000_000)
}

fn feasibility() -> BundleTool {
    BundleTool::new("feasibility_bundle", ask_model()).description("Is it feasible?")
}

fn client() -> Client {
    Client::builder().bundle(feasibility()).tool(analyzer("analyzer_tool")).build().unwrap()
}

fn named(client: &Client, input: impl Into<Input>) -> Run {
    client.run(input).tool("analyzer_tool")
}

fn quick() -> RetryPolicy {
    RetryPolicy::default().initial_delay(Duration::from_millis(1))
}

async fn events_of(run: Run) -> Vec<Value> {
    let mut events = run.events();
    let mut seen = Vec::new();
    while let Some(envelope) = events.next().await {
        seen.push(serde_json::to_value(&envelope).unwrap());
    }
    seen
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().unwrap()).collect()
}

// The overview: quick start.

#[test]
fn tools_are_registered_and_listed_with_what_they_are() {
    let client = client();
    let tools: Vec<_> = client.list_tools().iter().map(|spec| (spec.name(), spec.description())).collect();
    assert_eq!(tools, [("feasibility_bundle", "Is it feasible?"), ("analyzer_tool", "Analyzes")]);
}

#[tokio::test(start_paused = true)]
async fn the_first_run_with_an_object_tool_options_parallelism_and_a_budget() {
    let outcome = client()
        .run(json!({ "query": "Analyze feasibility" }))
        .tool("feasibility_bundle")
        .tool_options(json!({ "k": 3, "epsilon": 0.2 }))
        .max_parallel(10)
        .budget(Budget::new().tokens(2_000).cost_usd(0.10))
        .await
        .unwrap();
    let content = outcome.content().to_json().unwrap();
    let bundle = content.get("evidence_bundle").expect("the content of a bundle");
    assert!(bundle["summary"]["confidence"].as_f64().unwrap() > 0.5);
    assert_eq!(format!("${:.4}", outcome.cost_usd()), "$0.0200", "two replicates agreed, the third was not bought");
}

#[tokio::test(start_paused = true)]
async fn the_same_run_streamed() {
    let run = client().run(json!({ "query": "Analyze feasibility" })).tool("feasibility_bundle");
    let events = events_of(run).await;
    assert_eq!(names(&events).last(), Some(&"completed"));
}

// The overview: orchestrator types.

#[tokio::test(start_paused = true)]
async fn the_basic_orchestrator_calls_the_tool_that_is_named() {
    let outcome = client().orchestrator().run("Analyze this").tool("analyzer_tool").await.unwrap();
    assert_eq!(outcome.typed::<Value>().unwrap()["asked"], json!("Analyze this"));
}

#[tokio::test(start_paused = true)]
async fn the_basic_orchestrator_asks_no_planner() {
    let error = client().orchestrator().run("Analyze this").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::InvalidRequest { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn the_reliable_orchestrator_selects_the_tool_and_takes_key_and_trace() {
    let planner = RulePlanner::new([Rule::request_type("analysis").tool("analyzer_tool")]).unwrap();
    let client = Client::builder().bundle(feasibility()).tool(analyzer("analyzer_tool")).planner(planner).build();
    let outcome = client
        .unwrap()
        .reliable_orchestrator()
        .run(json!({ "type": "analysis", "data": "..." }))
        .idempotency_key("unique-123")
        .trace_id("trace-456")
        .await
        .unwrap();
    assert_eq!(outcome.served_by(), Some("analyzer_tool"));
    assert_eq!(outcome.trace_id(), "trace-456");
}

// The overview: tool architecture.

/// A bundle tool of one's own: it asks its own sources, side by side, and leaves the statistics to the bundler.
struct MyBundle(ToolSpec);

#[async_trait::async_trait]
impl Tool for MyBundle {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(self: Arc<Self>, request: Request) -> Result<Output, Error> {
        let options = BundleOptions::from_json(request.options())?.over(&BundleOptions::new().k(3));
        let sources = ["the archive says yes", "the index says yes", "the archive says yes"];
        let answers = join_all(sources.map(|answer| async move { Ok::<_, Error>(Output::from(answer)) })).await;
        let bundle = Bundler::new(&options)?.replay(|index| answers[index as usize - 1].clone())?;
        Ok(Output::from(Content::typed(BundleContent::new(bundle))))
    }
}

#[tokio::test(start_paused = true)]
async fn a_bundle_tool_of_ones_own_runs_its_replicates_itself() {
    let own = MyBundle(ToolSpec::pure("my_bundle").with_kind(ToolKind::Bundle));
    let client = Client::builder().tool(own).build().unwrap();
    let outcome = client.run("x").tool("my_bundle").tool_options(json!({ "epsilon": 0.0 })).await.unwrap();
    let bundle = outcome.evidence().unwrap();
    assert_eq!(bundle.meta.k_completed, 3);
    assert_eq!(bundle.summary.consensus, Some("the archive says yes".into()));
    assert_eq!(bundle.summary.clusters.len(), 2);
}

// The overview: Evidence Bundles.

#[tokio::test(start_paused = true)]
async fn a_bundle_has_the_shape_of_the_document() {
    let outcome = client().run("x").tool("feasibility_bundle").tool_options(json!({ "epsilon": 0.2 })).await.unwrap();
    let content = outcome.content().to_json().unwrap();
    let bundle = &content["evidence_bundle"];
    assert_eq!((&bundle["meta"]["k"], &bundle["meta"]["epsilon"]), (&json!(3), &json!(0.2)));
    assert_eq!(bundle["replicates"][0]["output"], json!("feasible"));
    assert_eq!(bundle["summary"]["consensus"], json!("feasible"));
    assert_eq!(bundle["summary"]["disagreements"], json!([]));
    assert!(bundle["summary"]["confidence"].is_number() && bundle["summary"]["pairwise_distance"].is_array());
}

// The overview: streaming events.

#[tokio::test(start_paused = true)]
async fn every_event_of_a_bundle_in_its_order() {
    let events = events_of(client().run("x").tool("feasibility_bundle")).await;
    let seen = names(&events);
    let life = ["tool_started", "replicate_started", "replicate_done", "partial_summary", "bundle_ready"];
    let first = |name: &str| seen.iter().position(|other| *other == name).unwrap_or_else(|| panic!("{name}: {seen:?}"));
    assert!(life.windows(2).all(|pair| first(pair[0]) < first(pair[1])), "{seen:?}");
    let done = seen[..first("partial_summary")].iter().filter(|name| **name == "replicate_done").count();
    assert_eq!(done, 2, "a partial summary comes once two have answered");
}

#[tokio::test(start_paused = true)]
async fn the_event_of_a_failure() {
    let tool = ScriptedTool::new(ToolSpec::pure("t")).then_err(Error::tool_execution("broken"));
    let client = Client::builder().tool(tool).build().unwrap();
    let events = events_of(client.run("x").tool("t")).await;
    assert_eq!(names(&events).last(), Some(&"error"));
}

#[tokio::test(start_paused = true)]
async fn the_event_of_a_run_out_of_time() {
    let client = Client::builder().tool(ScriptedTool::new(ToolSpec::pure("t")).then_hang()).build().unwrap();
    let events = events_of(client.run("x").tool("t").deadline(SECOND)).await;
    assert_eq!(names(&events).last(), Some(&"timeout"));
}

#[tokio::test(start_paused = true)]
async fn the_event_of_a_cancelled_run() {
    let client = Client::builder().tool(ScriptedTool::new(ToolSpec::pure("t")).then_hang()).build().unwrap();
    let run = client.run("x").tool("t");
    run.cancellation().cancel();
    let events = events_of(run).await;
    assert_eq!(names(&events).last(), Some(&"cancelled"));
}

// The overview: budget management.

async fn exceeded(budget: Budget) -> (BudgetKind, Error) {
    let error = named(&client(), "Analyze").budget(budget).await.unwrap_err();
    match error.kind() {
        ErrorKind::BudgetExceeded { budget, .. } => (*budget, error.clone()),
        _ => panic!("{error:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_budget_of_tokens_is_checked_after_the_run_and_what_was_paid_for_comes_back() {
    let (kind, error) = exceeded(Budget::new().tokens(99)).await;
    assert_eq!(kind, BudgetKind::Tokens);
    assert_eq!(error.output().unwrap().usage().tokens(), 100);
    assert!(named(&client(), "Analyze").budget(Budget::new().tokens(100)).await.is_ok(), "the limit itself is allowed");
}

#[tokio::test(start_paused = true)]
async fn a_budget_of_money_is_checked_after_the_run_and_what_was_paid_for_comes_back() {
    let (kind, error) = exceeded(Budget::new().cost_usd(0.01)).await;
    assert_eq!(kind, BudgetKind::Cost);
    assert!(error.output().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_budget_of_time_ends_the_run_in_time() {
    let client = Client::builder().tool(ScriptedTool::new(ToolSpec::pure("slow")).then_hang()).build().unwrap();
    let begun = Instant::now();
    let budget: Budget = serde_json::from_value(json!({ "tokens": 1000, "cost_usd": 0.10, "time_ms": 30000 })).unwrap();
    let error = client.run("Analyze").tool("slow").budget(budget).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::BudgetExceeded { budget: BudgetKind::Time, .. }), "{error:?}");
    assert_eq!(begun.elapsed(), SECOND * 30);
}

// The overview and the guide: retry.

fn overloaded() -> Error {
    Error::transient("overloaded")
}

#[tokio::test(start_paused = true)]
async fn a_retry_policy_repeats_as_often_as_it_says() {
    let policy = RetryPolicy::default()
        .max_attempts(3)
        .initial_delay(SECOND)
        .max_delay(SECOND * 30)
        .backoff_factor(2.0)
        .respect_retry_after(true);
    let tool = ScriptedTool::new(ToolSpec::pure("t")).then_err(overloaded());
    let calls = tool.calls();
    let client = Client::builder().tool(tool).retry(policy).build().unwrap();
    let error = client.run("x").tool("t").await.unwrap_err();
    assert_eq!((calls.count(), error.attempts().len()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_says_when_to_come_back_is_kept_to() {
    let throttled = Error::transient("429").with_class(Class::Throttled);
    let tool = ScriptedTool::new(ToolSpec::pure("t")).then_err(throttled.with_retry_after(SECOND * 7)).then_ok("fine");
    let client = Client::builder().tool(tool).retry(quick().respect_retry_after(true)).build().unwrap();
    let begun = Instant::now();
    let outcome = client.run("x").tool("t").await.unwrap();
    assert!(begun.elapsed() >= SECOND * 7);
    assert_eq!(outcome.attempts()[0].verdict, Verdict::Repeated);
}

#[tokio::test(start_paused = true)]
async fn the_reliability_configuration_of_the_guide_is_read_by_its_names() {
    let config: ReliabilityConfig = serde_json::from_value(json!({
        "retry_policy": {
            "max_attempts": 2, "initial_delay": 1.0, "max_delay": 30.0, "backoff_factor": 2.0, "respect_retry_after": true,
        },
        "circuit_breaker_configs": {
            "openai": { "failure_threshold": 5, "timeout": 60.0, "window_size": 300.0 },
            "anthropic": { "failure_threshold": 3, "timeout": 120.0 },
        },
        "idempotency_enabled": true,
        "idempotency_ttl_ms": 3_600_000,
        "conflict_detection": true,
    }))
    .unwrap();
    let tool = ScriptedTool::new(ToolSpec::pure("t").with_target("anthropic")).then_err(overloaded());
    let calls = tool.calls();
    let client = Client::builder().tool(tool).reliability(config).build().unwrap();
    assert!(client.run("x").tool("t").await.is_err());
    assert_eq!(calls.count(), 2, "two attempts");
    assert!(client.run("x").tool("t").await.is_err());
    assert_eq!(calls.count(), 3, "the third failure opened the circuit");
}

// The overview and the guide: circuit breakers.

#[tokio::test(start_paused = true)]
async fn circuit_breakers_are_each_providers_own() {
    let failing =
        |name: &str, target: &str| ScriptedTool::new(ToolSpec::pure(name).with_target(target)).then_err(overloaded());
    let breaker = CircuitBreakerConfig::default;
    let client = Client::builder()
        .tool(failing("gpt", "openai"))
        .tool(failing("claude", "anthropic"))
        .retry(RetryPolicy::default().max_attempts(1))
        .circuit_breaker("openai", breaker().failure_threshold(5).cooldown(SECOND * 60).window(SECOND * 300))
        .circuit_breaker("anthropic", breaker().failure_threshold(3).cooldown(SECOND * 120))
        .build()
        .unwrap();
    for _ in 0..4 {
        let _ = client.run("x").tool("gpt").await;
        let _ = client.run("x").tool("claude").await;
    }
    let circuit = |target: &str| client.health_board().read(&Target::new(target)).circuit;
    assert_eq!(circuit("openai"), Circuit::Closed, "four of five");
    assert!(matches!(circuit("anthropic"), Circuit::Open { .. }));
    let error = client.run("x").tool("claude").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::CircuitOpen { .. }), "{error:?}");
    assert!(error.retry_after().unwrap() > SECOND * 90, "its cooldown, jitter aside");
}

#[tokio::test(start_paused = true)]
async fn a_circuit_closes_again_once_its_target_is_well() {
    let tool = ScriptedTool::new(ToolSpec::pure("t")).then_err(overloaded()).then_ok("a").then_ok("b").then_ok("c");
    let breaker = CircuitBreakerConfig::default().failure_threshold(1).cooldown(SECOND * 60).successes_to_close(2);
    let once = RetryPolicy::default().max_attempts(1);
    let client = Client::builder().tool(tool).retry(once).default_circuit_breaker(breaker).build().unwrap();
    assert!(client.run("x").tool("t").await.is_err());
    advance(SECOND * 90).await;
    assert!(client.run("x").tool("t").await.is_ok());
    assert!(client.run("x").tool("t").await.is_ok());
    assert_eq!(client.circuit_breakers().snapshot(&Target::new("t")).circuit, Circuit::Closed);
}

// The overview and the guide: idempotency.

#[tokio::test(start_paused = true)]
async fn a_second_call_with_the_same_key_gives_the_first_ones_result() {
    let (tool, calls) = counting_tool(ToolSpec::pure("important"), |_| Output::from("done"));
    let client = Client::builder().tool(tool).build().unwrap();
    let run = || client.run(json!({ "query": "Important analysis" })).idempotency_key("unique-request-123");
    let (first, second) = (run().await.unwrap(), run().await.unwrap());
    assert_eq!(first.content(), second.content());
    assert_eq!((first.status(), second.status(), calls.count()), (Status::Completed, Status::Replayed, 1));
}

#[tokio::test(start_paused = true)]
async fn a_key_is_free_again_after_its_time_to_live() {
    let (tool, calls) = counting_tool(ToolSpec::pure("important"), |_| Output::from("done"));
    let config = IdempotencyConfig::default().enabled(true).ttl(Duration::from_millis(3_600_000));
    let client = Client::builder().tool(tool).idempotency(config).build().unwrap();
    let run = || client.run("x").idempotency_key("k");
    run().await.unwrap();
    advance(SECOND * 3_599).await;
    assert!(run().await.unwrap().replayed());
    advance(SECOND * 2).await;
    assert!(!run().await.unwrap().replayed());
    assert_eq!(calls.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn another_request_with_the_same_key_is_a_conflict_unless_that_is_switched_off() {
    let (tool, calls) = counting_tool(ToolSpec::pure("t"), |_| Output::from("done"));
    let client = Client::builder().tool(tool).build().unwrap();
    client.run("one").idempotency_key("k").await.unwrap();
    let error = client.run("another").idempotency_key("k").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Conflict { key } if &**key == "k"), "{error:?}");
    assert_eq!(calls.count(), 1);
    let (tool, calls) = counting_tool(ToolSpec::pure("t"), |_| Output::from("done"));
    let config = IdempotencyConfig::default().conflict_detection(false);
    let trusting = Client::builder().tool(tool).idempotency(config).build().unwrap();
    for input in ["one", "another"] {
        trusting.run(input).idempotency_key("k").await.unwrap();
    }
    assert_eq!(calls.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn idempotency_can_be_switched_off() {
    let (tool, calls) = counting_tool(ToolSpec::pure("t"), |_| Output::from("done"));
    let off = IdempotencyConfig::default().enabled(false);
    let client = Client::builder().tool(tool).idempotency(off).build().unwrap();
    for _ in 0..2 {
        client.run("x").idempotency_key("k").await.unwrap();
    }
    assert_eq!(calls.count(), 2);
}

// The guide: planning.

fn planning_client(rules: impl IntoIterator<Item = Rule>) -> Client {
    let tools = ["deep_analysis_tool", "validation_tool", "premium_analysis_tool"];
    let planner = RulePlanner::new(rules).unwrap();
    let builder = tools.into_iter().fold(Client::builder(), |builder, name| builder.tool(analyzer(name)));
    builder.planner(planner).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_rule_by_keywords_reads_the_attribute_it_names() {
    let client = planning_client([Rule::keywords(["deep", "comprehensive"])
        .on("query")
        .tool("deep_analysis_tool")
        .priority(20)]);
    for query in ["a deep look", "Comprehensive!"] {
        let outcome = client.run(json!({ "query": query, "type": "validation" })).await.unwrap();
        assert_eq!(outcome.served_by(), Some("deep_analysis_tool"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_by_type_and_the_higher_priority_wins() {
    let client = planning_client([
        Rule::request_type("validation").tool("validation_tool").priority(10),
        Rule::keywords(["deep"]).on("query").tool("deep_analysis_tool").priority(20),
    ]);
    let served = async |request: Value| client.run(request).await.unwrap().served_by().unwrap().to_owned();
    assert_eq!(served(json!({ "type": "validation", "query": "quick" })).await, "validation_tool");
    assert_eq!(served(json!({ "type": "validation", "query": "deep" })).await, "deep_analysis_tool");
}

#[tokio::test(start_paused = true)]
async fn a_rule_of_ones_own_has_conditions_and_options() {
    let client = planning_client([Rule::named("high_quality_analysis")
        .priority(30)
        .when("type", Op::Equals, "analysis")
        .when("metadata.quality", Op::Equals, "high")
        .tool("premium_analysis_tool")
        .tool_options(json!({ "k": 7 }))]);
    let request = json!({ "type": "analysis", "metadata": { "quality": "high" } });
    let outcome = client.run(request).await.unwrap();
    assert_eq!(outcome.served_by(), Some("premium_analysis_tool"));
    assert_eq!(outcome.typed::<Value>().unwrap()["options"], json!({ "k": 7 }));
    let plan = outcome.plan().unwrap().to_json().unwrap();
    assert!(plan.to_string().contains("high_quality_analysis"), "the plan names the rule: {plan}");
}

#[tokio::test(start_paused = true)]
async fn a_tool_can_be_named_with_its_options_past_all_rules() {
    let planner = RulePlanner::new([Rule::keywords(["data"]).tool("analyzer_tool")]).unwrap();
    let client = client().to_builder().planner(planner).build().unwrap();
    let run = client.run("Analyze this data").tool("feasibility_bundle");
    let outcome = run.tool_options(json!({ "k": 5, "epsilon": 0.1 })).await.unwrap();
    let meta = &outcome.evidence().unwrap().meta;
    assert_eq!((meta.k, meta.epsilon), (5, 0.1));
    assert!(outcome.plan().is_none(), "no planner was asked");
}

// The guide: trace propagation.

#[tokio::test(start_paused = true)]
async fn trace_and_request_id_are_on_the_result_and_on_every_event() {
    let run = || client().run("x").tool("feasibility_bundle").trace_id("trace-abc").request_id("req-123");
    let outcome = run().await.unwrap();
    assert_eq!((outcome.trace_id(), outcome.request_id()), ("trace-abc", "req-123"));
    for event in events_of(run()).await {
        assert_eq!((&event["trace_id"], &event["request_id"]), (&json!("trace-abc"), &json!("req-123")));
    }
}

#[tokio::test(start_paused = true)]
async fn trace_ids_reach_the_tool() {
    let tool = ScriptedTool::new(ToolSpec::pure("t")).then_ok("fine");
    let calls = tool.calls();
    let client = Client::builder().tool(tool).build().unwrap();
    client.run("x").tool("t").trace_id("trace-abc").await.unwrap();
    assert_eq!(&**calls.requests()[0].context().trace_id(), "trace-abc");
}

// The guide: error handling.

/// The `except` arms of the guide.
fn arm(error: &Error) -> String {
    match error.kind() {
        ErrorKind::BudgetExceeded { budget, .. } => format!("Budget exceeded: {budget}"),
        ErrorKind::Conflict { key } => format!("Idempotency conflict: {key}"),
        _ => format!("Tool failed: {}", error.tool().unwrap_or("no tool")),
    }
}

#[tokio::test(start_paused = true)]
async fn errors_are_told_apart_by_kind() {
    let broken = ScriptedTool::new(ToolSpec::pure("broken")).then_err(Error::tool_execution("no"));
    let client = client().to_builder().tool(broken).build().unwrap();
    let over = named(&client, "Analyze").budget(Budget::new().tokens(1)).await.unwrap_err();
    assert_eq!(arm(&over), "Budget exceeded: tokens");
    let failed = client.run("Analyze").tool("broken").await.unwrap_err();
    assert_eq!(arm(&failed), "Tool failed: broken");
    named(&client, "one").idempotency_key("k").await.unwrap();
    let conflict = named(&client, "two").idempotency_key("k").await.unwrap_err();
    assert_eq!(arm(&conflict), "Idempotency conflict: k");
}

// Best practices of both documents.

#[tokio::test(start_paused = true)]
async fn two_replicates_are_enough_when_they_agree_and_a_third_is_added_when_not() {
    let cycling = |answers: &[&'static str]| {
        let tool = ScriptedTool::new(ToolSpec::pure("model")).cycling();
        let tool = answers.iter().fold(tool, |tool, answer| tool.then_ok(*answer));
        Client::builder().bundle(BundleTool::new("bundle", tool)).build().unwrap()
    };
    for (answers, replicates) in [(&["a", "a", "a"], 2), (&["a", "b", "a"], 3)] {
        let outcome =
            cycling(answers).run("x").tool("bundle").tool_options(json!({ "stop": "epsilon" })).await.unwrap();
        assert_eq!(outcome.evidence().unwrap().meta.k_completed, replicates);
    }
}

#[tokio::test(start_paused = true)]
async fn each_replicate_can_have_a_budget_of_its_own() {
    let estimate = Estimate::unknown().output(100);
    let model = ScriptedTool::new(ToolSpec::pure("model")).with_estimate(estimate).then_ok("feasible");
    let calls = model.calls();
    let bundle = BundleTool::new("feasibility_bundle", model).per_replicate_budget(Budget::new().tokens(99));
    let client = Client::builder().bundle(bundle).build().unwrap();
    let error = client.run("x").tool("feasibility_bundle").await.unwrap_err();
    assert_eq!(calls.count(), 0, "each was refused before it could spend");
    assert!(matches!(error.kind(), ErrorKind::ReplicatesFailed { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn circuit_states_and_error_rates_can_be_watched() {
    let tool = ScriptedTool::new(ToolSpec::pure("t")).then_err(overloaded()).then_ok("fine").then_ok("fine");
    let once = RetryPolicy::default().max_attempts(1);
    let client = Client::builder().tool(tool).retry(once).build().unwrap();
    for _ in 0..3 {
        let _ = client.run("x").tool("t").await;
    }
    let snapshot = client.circuit_breakers().snapshot(&Target::new("t"));
    assert_eq!((snapshot.circuit, snapshot.calls, snapshot.failures), (Circuit::Closed, 3, 1));
    client.circuit_breakers().force_open(&Target::new("t"));
    let health = client.health();
    assert!(matches!(&health[..], [(target, health)] if target.as_str() == "t" && health.circuit != Circuit::Closed));
}
