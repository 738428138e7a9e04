//! A stack of one's own: orch's layers around a tool, plain tower layers in between, no facade.

use std::time::Duration;

use orch_core::{Error, Output, Request, ScopeLayer, Tool, ToolService, ToolSpec, tool_fn};
use orch_evidence::{Bundle, ReplicateLayer};
use orch_reliability::{CircuitBreakerLayer, RetryLayer, TimeoutLayer};
use tower::limit::ConcurrencyLimitLayer;
use tower::{ServiceBuilder, ServiceExt};

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the result of a program")]
async fn main() -> anyhow::Result<()> {
    let my_tool = tool_fn(ToolSpec::pure("my_tool"), |request: Request| async move {
        Ok::<_, Error>(Output::new(request.input().as_json().clone()))
    });
    let stack = ServiceBuilder::new()
        .layer(ScopeLayer::of(my_tool.spec()))
        .layer(TimeoutLayer::total(Duration::from_secs(30)))
        .layer(ReplicateLayer::new(3))
        .layer(RetryLayer::default())
        .layer(CircuitBreakerLayer::builder().failure_threshold(5).build()?)
        .layer(ConcurrencyLimitLayer::new(8))
        .service(ToolService::new(my_tool));
    let output = stack.oneshot(Request::new("hello")).await?;
    let bundle = Bundle::from_output(&output)?;
    println!("{:?} after {} of {}", bundle.summary.consensus, bundle.meta.k_completed, bundle.meta.k);
    Ok(())
}
