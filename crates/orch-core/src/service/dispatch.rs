use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower::Service;

use super::scope::enter;
use crate::{BoxTool, Error, Output, Registry, Request, Route};

/// Calls the tool that a request's [`Route`](crate::Route) names, in that tool's scope.
///
/// # Errors
/// `UnknownTool` with the nearest name; `InvalidRequest` when the request has no route yet.
#[derive(Clone, Debug)]
pub struct Dispatch {
    registry: Arc<Registry>,
}

impl Dispatch {
    /// A dispatcher over the tools of a registry.
    pub fn new(registry: impl Into<Arc<Registry>>) -> Self {
        Self { registry: registry.into() }
    }

    /// The tools.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    fn enter(&self, request: &mut Request) -> Result<BoxTool, Error> {
        let route =
            request.route().ok_or_else(|| Error::invalid("/tool", "no tool was named, and no planner chose one"))?;
        let tool = self.registry.find(route.tool())?.clone();
        let estimate = tool.estimate(request).map_err(|error| error.with_tool(tool.spec().name()))?;
        enter(request, tool.spec(), estimate);
        Ok(tool)
    }
}

impl Service<Request> for Dispatch {
    type Response = Output;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Output, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        match self.enter(&mut request) {
            Ok(mut tool) => {
                let (name, effect) = (Arc::clone(tool.spec().shared_name()), tool.spec().effect());
                let reason = request.route().map(Route::shared_reason);
                let call = tool.call(request);
                Box::pin(async move {
                    match call.await {
                        Ok(output) => Ok(signed(output, name, reason)),
                        Err(error) => Err(error.with_tool(name).with_effect(effect)),
                    }
                })
            }
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}

/// Notes who served the answer and why, unless a dispatcher inside has.
fn signed(output: Output, name: Arc<str>, reason: Option<Arc<str>>) -> Output {
    if output.served_by().is_some() {
        return output;
    }
    let output = output.with_served_by(name);
    match reason {
        Some(reason) => output.with_reason(reason),
        None => output,
    }
}
