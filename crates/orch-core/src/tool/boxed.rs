use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower::{Layer, Service, ServiceExt};

use super::{Tool, ToolSpec};
use crate::service::{ToolService, try_ready};
use crate::{Error, Estimate, Output, Request};

type BoxFuture = Pin<Box<dyn Future<Output = Result<Output, Error>> + Send>>;
type Estimator = dyn Fn(&Request) -> Result<Estimate, Error> + Send + Sync;

/// Any tool, or any stack around one, behind one pointer: a `Service<Request>` whose clone is a count, not an allocation.
///
/// A stack around a tool is a tool again:
///
/// ```
/// use std::time::Duration;
/// use orch_core::{Error, IntoTool, Output, Request, ToolSpec, tool_fn};
/// use tower::limit::ConcurrencyLimitLayer;
///
/// let echo = tool_fn(ToolSpec::pure("echo"), |request: Request| async move {
///     Ok::<_, Error>(Output::new(request.input().as_json().clone()))
/// });
/// let limited = echo.into_tool().layer(ConcurrencyLimitLayer::new(4));
/// assert_eq!(limited.spec().name(), "echo");
/// ```
#[derive(Clone)]
pub struct BoxTool {
    tool: Arc<dyn ErasedTool>,
}

impl BoxTool {
    /// A tool from a service. The service is cloned for every call, so it shares its state by itself, as tower services do.
    pub fn new<S>(spec: impl Into<Arc<ToolSpec>>, service: S) -> Self
    where
        S: Service<Request, Response = Output> + Clone + Send + Sync + 'static,
        S::Error: Into<Error> + Send,
        S::Future: Send + 'static,
    {
        let estimator: Arc<Estimator> = Arc::new(|_| Ok(Estimate::unknown()));
        Self { tool: Arc::new(Erased { spec: spec.into(), service, estimator }) }
    }

    /// Sets how a call's use is estimated; default: unknown.
    #[must_use]
    pub fn estimator(self, estimate: impl Fn(&Request) -> Result<Estimate, Error> + Send + Sync + 'static) -> Self {
        Self { tool: self.tool.with_estimator(Arc::new(estimate)) }
    }

    /// The same tool inside one more layer; spec and estimate stay.
    #[must_use]
    pub fn layer<L>(self, layer: L) -> Self
    where
        L: Layer<Self>,
        L::Service: Service<Request, Response = Output> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Error: Into<Error> + Send,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        let inner = self.clone();
        Self::new(self.tool.shared_spec(), layer.layer(self)).estimator(move |request| inner.estimate(request))
    }

    /// What the tool is called, expects and does.
    pub fn spec(&self) -> &ToolSpec {
        self.tool.spec()
    }

    /// What a call is expected to use.
    ///
    /// # Errors
    /// When the request cannot be called within the run's limits.
    pub fn estimate(&self, request: &Request) -> Result<Estimate, Error> {
        self.tool.estimate(request)
    }
}

impl Service<Request> for BoxTool {
    type Response = Output;
    type Error = Error;
    type Future = BoxFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> BoxFuture {
        self.tool.call(request)
    }
}

impl fmt::Debug for BoxTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BoxTool").field(&self.spec().name()).finish()
    }
}

trait ErasedTool: Send + Sync {
    fn spec(&self) -> &ToolSpec;
    fn shared_spec(&self) -> Arc<ToolSpec>;
    fn estimate(&self, request: &Request) -> Result<Estimate, Error>;
    fn with_estimator(&self, estimator: Arc<Estimator>) -> Arc<dyn ErasedTool>;
    fn call(&self, request: Request) -> BoxFuture;
}

#[derive(Clone)]
struct Erased<S> {
    spec: Arc<ToolSpec>,
    service: S,
    estimator: Arc<Estimator>,
}

impl<S> ErasedTool for Erased<S>
where
    S: Service<Request, Response = Output> + Clone + Send + Sync + 'static,
    S::Error: Into<Error> + Send,
    S::Future: Send + 'static,
{
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn shared_spec(&self) -> Arc<ToolSpec> {
        Arc::clone(&self.spec)
    }

    fn estimate(&self, request: &Request) -> Result<Estimate, Error> {
        (self.estimator)(request)
    }

    fn with_estimator(&self, estimator: Arc<Estimator>) -> Arc<dyn ErasedTool> {
        Arc::new(Self { estimator, ..self.clone() })
    }

    fn call(&self, request: Request) -> BoxFuture {
        // An `async` block around the future would hold it twice.
        let mut service = self.service.clone().map_err(Into::into as fn(S::Error) -> Error);
        Box::pin(try_ready(&mut service, request))
    }
}

/// Whatever can be registered as a tool: every [`Tool`], an `Arc` of one, and [`BoxTool`].
pub trait IntoTool {
    /// The tool.
    fn into_tool(self) -> BoxTool;
}

impl<T: Tool> IntoTool for T {
    fn into_tool(self) -> BoxTool {
        Arc::new(self).into_tool()
    }
}

impl<T: Tool> IntoTool for Arc<T> {
    fn into_tool(self) -> BoxTool {
        let (spec, estimator) = (self.spec().clone(), Arc::clone(&self));
        BoxTool::new(spec, ToolService::shared(self)).estimator(move |request| estimator.estimate(request))
    }
}

impl IntoTool for BoxTool {
    fn into_tool(self) -> BoxTool {
        self
    }
}

#[cfg(test)]
mod tests;
