//! Every layer, and a stack of them, keeps the contract that all layers share.

use std::time::Duration;

use orch_core::{Budget, Error};
use orch_reliability::{
    BudgetLayer, BulkheadLayer, CatchPanicLayer, ClassifyLayer, FallbackLayer, RateLimitConfig, RateLimitLayer,
    RetryLayer, TimeoutLayer, TraceLayer,
};
use orch_testkit::LayerContract;
use tower::ServiceBuilder;

const MINUTE: Duration = Duration::from_secs(60);

/// Two places: one of the rules keeps two calls waiting for the inner service.
fn narrow() -> BulkheadLayer {
    BulkheadLayer::builder().max_in_flight(2).max_wait(MINUTE).build().expect("valid settings")
}

fn budget() -> BudgetLayer {
    BudgetLayer::new(Budget::new().tokens(1_000_000).time(MINUTE)).expect("a valid budget")
}

#[tokio::test(start_paused = true)]
async fn trace() {
    LayerContract::new(TraceLayer::new).always_ready(false).check().await;
}

#[tokio::test(start_paused = true)]
async fn total_timeout() {
    LayerContract::new(|| TimeoutLayer::total(MINUTE)).check().await;
}

#[tokio::test(start_paused = true)]
async fn budgets() {
    LayerContract::new(budget).check().await;
    LayerContract::new(|| budget().soft()).check().await;
}

#[tokio::test(start_paused = true)]
async fn fallback() {
    LayerContract::new(FallbackLayer::new).check().await;
}

#[tokio::test(start_paused = true)]
async fn retry() {
    LayerContract::new(RetryLayer::default).in_place(false).check().await;
}

#[tokio::test(start_paused = true)]
async fn rate_limit() {
    let fast = RateLimitConfig::per_minute(6_000).burst(100);
    LayerContract::new(move || RateLimitLayer::new(fast.clone()).expect("valid settings")).check().await;
    LayerContract::new(RateLimitLayer::default).check().await;
}

#[tokio::test(start_paused = true)]
async fn bulkhead() {
    LayerContract::new(narrow).check().await;
}

#[tokio::test(start_paused = true)]
async fn attempt_timeout() {
    LayerContract::new(|| TimeoutLayer::attempt(MINUTE).first_chunk(MINUTE).idle(MINUTE)).check().await;
}

#[tokio::test(start_paused = true)]
async fn catch_panic() {
    LayerContract::new(CatchPanicLayer::new).always_ready(false).check().await;
}

#[tokio::test(start_paused = true)]
async fn classify() {
    LayerContract::new(|| ClassifyLayer::new(Error::class)).always_ready(false).check_typed().await;
}

#[tokio::test(start_paused = true)]
async fn a_whole_stack() {
    let stack = || {
        ServiceBuilder::new()
            .layer(TraceLayer::new())
            .layer(TimeoutLayer::total(5 * MINUTE))
            .layer(budget())
            .layer(FallbackLayer::new())
            .layer(RetryLayer::default())
            .layer(narrow())
            .layer(TimeoutLayer::attempt(MINUTE))
            .layer(CatchPanicLayer::new())
            .layer(ClassifyLayer::new(Error::class))
    };
    LayerContract::new(stack).in_place(false).check_typed().await;
}
