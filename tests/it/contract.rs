//! The layers of the core, of evidence and whole stacks under the shared contract; reliability and planning
//! put their own layers under it in their own tests.

use std::sync::Arc;
use std::time::Duration;

use orch_core::{Budget, Error, HealthBoard, MeterLayer, Output, Registry, Request, ScopeLayer, ToolSpec, tool_fn};
use orch_evidence::{BundleOptions, ReplicateLayer, Waves};
use orch_planning::{Catalog, PlanLayer, RulePlanner};
use orch_reliability::{
    BudgetLayer, BulkheadLayer, CatchPanicLayer, CircuitBreakerLayer, FallbackLayer, IdempotencyLayer, RateLimitConfig,
    RateLimitLayer, RetryLayer, TimeoutLayer, TraceLayer,
};
use orch_testkit::{FaultLayer, LayerContract};
use tower::ServiceBuilder;

const MINUTE: Duration = Duration::from_secs(60);

fn spec() -> ToolSpec {
    ToolSpec::pure("contract")
}

fn catalog() -> Catalog {
    let tool = tool_fn(spec(), |_request: Request| async { Ok::<_, Error>(Output::from("unused")) });
    Catalog::new(Arc::new(Registry::builder().tool(tool).build().unwrap()), HealthBoard::new())
}

fn narrow() -> BulkheadLayer {
    BulkheadLayer::builder().max_in_flight(2).max_wait(MINUTE).build().unwrap()
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
async fn faults_that_are_turned_off() {
    LayerContract::new(|| FaultLayer::new(0.0, 7).unwrap()).check().await;
}

/// What the facade puts around a tool.
#[tokio::test(start_paused = true)]
async fn the_tool_stack() {
    let stack = || {
        ServiceBuilder::new()
            .layer(RetryLayer::default())
            .layer(CircuitBreakerLayer::default())
            .layer(RateLimitLayer::new(RateLimitConfig::per_minute(600)).unwrap())
            .layer(narrow())
            .layer(TimeoutLayer::attempt(MINUTE).first_chunk(MINUTE).idle(MINUTE))
            .layer(CatchPanicLayer::new())
    };
    LayerContract::new(stack).in_place(false).keeps_errors(false).check().await;
}

/// What the facade puts around a run, down to fallback.
#[tokio::test(start_paused = true)]
async fn the_run_stack() {
    let stack = || {
        ServiceBuilder::new()
            .layer(TraceLayer::new())
            .layer(TimeoutLayer::total(5 * MINUTE))
            .layer(IdempotencyLayer::in_memory())
            .layer(BudgetLayer::new(Budget::new()).unwrap())
            .layer(PlanLayer::new(RulePlanner::default(), catalog()))
            .layer(FallbackLayer::new())
    };
    LayerContract::new(stack).in_place(false).check().await;
}

/// The replicates of a bundle with the tool stack around each.
#[tokio::test(start_paused = true)]
async fn a_bundle_over_the_tool_stack() {
    let stack = || {
        // The contract's probe answers `null`.
        let replicate = ReplicateLayer::new(3).waves(Waves::All).options(BundleOptions::new().allow_empty(true));
        ServiceBuilder::new()
            .layer(replicate)
            .layer(RetryLayer::default())
            .layer(CircuitBreakerLayer::default())
            .layer(CatchPanicLayer::new())
    };
    LayerContract::new(stack).in_place(false).keeps_responses(false).keeps_errors(false).check().await;
}
