//! Every layer of the workspace under the shared contract.

use std::sync::Arc;
use std::time::Duration;

use orch_core::store::Key;
use orch_core::{
    Budget, CallContext, Error, HasContext, HealthBoard, MeterLayer, Output, Registry, Request, ScopeLayer, ToolSpec, tool_fn,
};
use orch_evidence::ReplicateLayer;
use orch_planning::{Catalog, PlanLayer, RulePlanner};
use orch_reliability::{
    BudgetLayer, BulkheadLayer, CatchPanicLayer, CircuitBreakerLayer, FallbackLayer, IdempotencyLayer, RetryLayer,
    RetryPolicy, TimeoutLayer, TraceLayer,
};
use orch_testkit::{FaultLayer, LayerContract};
use tower::ServiceBuilder;

fn spec() -> ToolSpec {
    ToolSpec::pure("contract")
}

fn one_attempt() -> RetryLayer {
    RetryLayer::new(RetryPolicy::default().max_attempts(1)).unwrap()
}

fn catalog() -> Catalog {
    let tool = tool_fn(spec(), |_request: Request| async { Ok::<_, Error>(Output::from("unused")) });
    Catalog::new(Arc::new(Registry::builder().tool(tool).build().unwrap()), HealthBoard::new())
}

#[tokio::test(start_paused = true)]
async fn scope() {
    LayerContract::new(|| ScopeLayer::of(&spec())).check().await;
}

#[tokio::test(start_paused = true)]
async fn meter() {
    LayerContract::new(MeterLayer::new).check().await;
}

#[tokio::test(start_paused = true)]
async fn trace() {
    LayerContract::new(TraceLayer::new).always_ready(false).check().await;
}

#[tokio::test(start_paused = true)]
async fn catch_panic() {
    LayerContract::new(CatchPanicLayer::new).always_ready(false).check().await;
}

#[tokio::test(start_paused = true)]
async fn timeout_total() {
    LayerContract::new(|| TimeoutLayer::total(Duration::from_secs(60))).check().await;
}

#[tokio::test(start_paused = true)]
async fn timeout_attempt() {
    let layer = || {
        TimeoutLayer::attempt(Duration::from_secs(60)).first_chunk(Duration::from_secs(30)).idle(Duration::from_secs(30))
    };
    LayerContract::new(layer).check().await;
}

#[tokio::test(start_paused = true)]
async fn retry() {
    LayerContract::new(one_attempt).in_place(false).check().await;
}

#[tokio::test(start_paused = true)]
async fn circuit_breaker() {
    LayerContract::new(|| CircuitBreakerLayer::builder().build().unwrap()).check().await;
}

#[tokio::test(start_paused = true)]
async fn bulkhead() {
    let layer = || BulkheadLayer::builder().max_in_flight(1).max_wait(Duration::from_secs(60)).build().unwrap();
    LayerContract::new(layer).in_place(false).check().await;
}

#[tokio::test(start_paused = true)]
async fn budget() {
    LayerContract::new(|| BudgetLayer::new(Budget::new()).unwrap()).check().await;
}

#[tokio::test(start_paused = true)]
async fn idempotency_without_a_key_passes_through() {
    LayerContract::new(IdempotencyLayer::in_memory).check().await;
}

#[tokio::test(start_paused = true)]
async fn idempotency_with_a_key() {
    let keyed = |n: u64| {
        let mut context = CallContext::new().with_key(Key::new(format!("contract-{n}")).unwrap());
        context.enter(&spec(), orch_core::Estimate::unknown());
        Request::new(format!("request {n}")).with_context(context)
    };
    LayerContract::new(IdempotencyLayer::in_memory).in_place(false).detached(true).request(keyed).check().await;
}

#[tokio::test(start_paused = true)]
async fn fallback() {
    LayerContract::new(FallbackLayer::new).in_place(false).check().await;
}

#[tokio::test(start_paused = true)]
async fn plan() {
    LayerContract::new(|| PlanLayer::new(RulePlanner::default(), catalog())).in_place(false).check().await;
}

#[tokio::test(start_paused = true)]
async fn replicate() {
    LayerContract::new(|| ReplicateLayer::new(1))
        .in_place(false)
        .keeps_responses(false)
        .keeps_errors(false)
        .check()
        .await;
}

#[tokio::test(start_paused = true)]
async fn faults_turned_off() {
    LayerContract::new(|| FaultLayer::new(0.0, 7).unwrap()).check().await;
}

#[tokio::test(start_paused = true)]
async fn the_whole_tool_stack() {
    let stack = || {
        ServiceBuilder::new()
            .layer(ScopeLayer::of(&spec()))
            .layer(TimeoutLayer::total(Duration::from_secs(300)))
            .layer(one_attempt())
            .layer(CircuitBreakerLayer::builder().build().unwrap())
            .layer(BulkheadLayer::builder().max_in_flight(1).max_wait(Duration::from_secs(60)).build().unwrap())
            .layer(TimeoutLayer::attempt(Duration::from_secs(60)))
            .layer(CatchPanicLayer::new())
    };
    LayerContract::new(stack).in_place(false).check().await;
}

#[test]
fn a_request_carries_a_context() {
    fn check<R: HasContext>() {}
    check::<Request>();
}
