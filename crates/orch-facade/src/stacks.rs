//! What stands around each tool, and around each orchestrator's whole run.

use std::sync::Arc;

use orch_core::{BoxTool, Content, Dispatch, MeterLayer, Registry, ToolKind, ToolSpec};
use orch_planning::plan::PlanObserver;
use orch_planning::{Catalog, PlanLayer, Planner};
use orch_reliability::{CatchPanicLayer, FallbackLayer, ReliabilityStack};
use tower::{Layer, ServiceBuilder};

use crate::BuildError;
use crate::registration::Registration;

/// The layers of a run → plan → fallback → dispatch to tools with all layers of a tool; and these tools.
pub(crate) fn reliable(
    registrations: &[Registration],
    stack: &ReliabilityStack,
    planner: Arc<dyn Planner>,
) -> Result<(BoxTool, Arc<Registry>), BuildError> {
    let registry = registry(registrations, |tool| dependable(tool, stack), stack)?;
    let catalog = Catalog::new(Arc::clone(&registry), stack.health().clone());
    planner.check(&catalog)?;
    let keep: PlanObserver = Arc::new(|context, plan| context.note_plan(Content::typed(plan.explain().clone())));
    let plan = PlanLayer::new(planner, catalog).on_plan(keep);
    let run = ServiceBuilder::new()
        .layer(stack.run().without_limits())
        .layer(plan)
        .layer(FallbackLayer::new())
        .service(Dispatch::new(Arc::clone(&registry)));
    Ok((BoxTool::new(ToolSpec::at_most_once("reliable_orchestrator"), run), registry))
}

/// The layers of a run → dispatch to tools with limits alone.
pub(crate) fn basic(registrations: &[Registration], stack: &ReliabilityStack) -> Result<BoxTool, BuildError> {
    let registry = registry(registrations, |tool| limited(tool, stack), stack)?;
    let run = stack.run().without_limits().layer(Dispatch::new(registry));
    Ok(BoxTool::new(ToolSpec::at_most_once("orchestrator"), run))
}

fn registry(
    registrations: &[Registration],
    around: impl Fn(BoxTool) -> BoxTool,
    stack: &ReliabilityStack,
) -> Result<Arc<Registry>, BuildError> {
    let mut builder = Registry::builder();
    for registration in registrations {
        registration.check()?;
        builder = builder.tool(match registration {
            Registration::Tool(tool) if tool.spec().kind() == ToolKind::Bundle => limited(tool.clone(), stack),
            Registration::Tool(tool) => around(tool.clone()),
            Registration::Bundle { spec, layer, inner } => {
                let inner = around(inner.clone());
                let estimate = inner.clone();
                BoxTool::new(spec.clone(), layer.layer(inner)).estimator(move |request| estimate.estimate(request))
            }
        });
    }
    Ok(Arc::new(builder.build()?))
}

/// All layers of a tool → meter → tool.
fn dependable(tool: BoxTool, stack: &ReliabilityStack) -> BoxTool {
    let own = stack.tool_named(tool.spec().name());
    tool.layer(ServiceBuilder::new().layer(own).layer(MeterLayer::new()))
}

/// Bulkhead → catch-panic → meter → tool: for tools that are opaque, and for the orchestrator without retries.
fn limited(tool: BoxTool, stack: &ReliabilityStack) -> BoxTool {
    tool.layer(ServiceBuilder::new().layer(stack.bulkhead()).layer(CatchPanicLayer::new()).layer(MeterLayer::new()))
}
