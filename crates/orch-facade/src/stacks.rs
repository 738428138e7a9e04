//! The two stacks: one around each tool, one around each orchestrator's whole run.

use std::sync::Arc;
use std::time::Duration;

use orch_core::{BoxTool, Content, Dispatch, HealthBoard, MeterLayer, Registry, ToolKind, ToolSpec};
use orch_planning::plan::PlanObserver;
use orch_planning::{Catalog, PlanLayer, Planner};
use orch_reliability::timeout::Attempt;
use orch_reliability::{
    BudgetLayer, BulkheadLayer, CatchPanicLayer, CircuitBreakerLayer, FallbackLayer, IdempotencyLayer, RateLimitLayer,
    RetryLayer, TimeoutLayer, TraceLayer,
};
use tower::{Layer, ServiceBuilder};

use crate::BuildError;
use crate::registration::Registration;
use crate::settings::Settings;

/// The layers that a client's stacks are made of. Clones share their state.
#[derive(Clone)]
pub(crate) struct Layers {
    pub(crate) retry: RetryLayer,
    pub(crate) breaker: CircuitBreakerLayer,
    pub(crate) rate_limit: RateLimitLayer,
    pub(crate) bulkhead: BulkheadLayer,
    pub(crate) attempt: TimeoutLayer<Attempt>,
    pub(crate) budget: BudgetLayer,
    pub(crate) idempotency: IdempotencyLayer,
}

/// Longer than any run: the run's own deadline travels in its context.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Trace → deadline → idempotency → budget → plan → fallback → dispatch to tools with retry, breaker and limits.
pub(crate) fn reliable(
    registrations: &[Registration],
    layers: &Layers,
    planner: Arc<dyn Planner>,
    health: &HealthBoard,
) -> Result<BoxTool, BuildError> {
    let registry = registry(registrations, |tool| dependable(tool, layers), layers)?;
    let catalog = Catalog::new(Arc::clone(&registry), health.clone());
    planner.check(&catalog)?;
    let keep: PlanObserver = Arc::new(|context, plan| context.note_plan(Content::typed(plan.explain().clone())));
    let plan = PlanLayer::new(planner, catalog).on_plan(keep);
    let stack = ServiceBuilder::new()
        .layer(TraceLayer::new())
        .layer(CatchPanicLayer::new())
        .layer(TimeoutLayer::total(CENTURY))
        .layer(layers.idempotency.clone())
        .layer(layers.budget.clone())
        .layer(plan)
        .layer(FallbackLayer::new())
        .service(Dispatch::new(registry));
    Ok(BoxTool::new(ToolSpec::at_most_once("reliable_orchestrator"), stack))
}

/// Trace → deadline → budget → dispatch to tools with limits alone.
pub(crate) fn basic(registrations: &[Registration], layers: &Layers) -> Result<BoxTool, BuildError> {
    let registry = registry(registrations, |tool| limited(tool, layers), layers)?;
    let stack = ServiceBuilder::new()
        .layer(TraceLayer::new())
        .layer(CatchPanicLayer::new())
        .layer(TimeoutLayer::total(CENTURY))
        .layer(layers.budget.clone())
        .service(Dispatch::new(registry));
    Ok(BoxTool::new(ToolSpec::at_most_once("orchestrator"), stack))
}

fn registry(
    registrations: &[Registration],
    stack: impl Fn(BoxTool) -> BoxTool,
    layers: &Layers,
) -> Result<Arc<Registry>, BuildError> {
    let mut builder = Registry::builder();
    for registration in registrations {
        registration.check()?;
        builder = builder.tool(match registration {
            Registration::Tool(tool) if tool.spec().kind() == ToolKind::Bundle => limited(tool.clone(), layers),
            Registration::Tool(tool) => stack(tool.clone()),
            Registration::Bundle { spec, layer, inner } => {
                let inner = stack(inner.clone());
                let estimate = inner.clone();
                BoxTool::new(spec.clone(), layer.layer(inner)).estimator(move |request| estimate.estimate(request))
            }
        });
    }
    Ok(Arc::new(builder.build()?))
}

/// Retry → circuit breaker → rate limit → bulkhead → attempt timeout → catch-panic → tool.
fn dependable(tool: BoxTool, layers: &Layers) -> BoxTool {
    tool.layer(
        ServiceBuilder::new()
            .layer(layers.retry.clone())
            .layer(layers.breaker.clone())
            .layer(layers.rate_limit.clone())
            .layer(layers.bulkhead.clone())
            .layer(layers.attempt)
            .layer(CatchPanicLayer::new())
            .layer(MeterLayer::new()),
    )
}

/// Bulkhead → catch-panic → tool: for tools that are opaque, and for the orchestrator without retries.
fn limited(tool: BoxTool, layers: &Layers) -> BoxTool {
    tool.layer(
        ServiceBuilder::new().layer(layers.bulkhead.clone()).layer(CatchPanicLayer::new()).layer(MeterLayer::new()),
    )
}

/// The timeouts of one attempt.
pub(crate) fn attempt_timeout(settings: &Settings) -> TimeoutLayer<Attempt> {
    TimeoutLayer::attempt(settings.attempt_timeout)
        .first_chunk(settings.first_chunk_timeout)
        .idle(settings.idle_timeout)
}
