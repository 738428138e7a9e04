use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower::Service;

use crate::meter::{Booking, MeteredFuture};
use crate::{Error, HasContext, Output, Request, Tool};

/// A [`Tool`] as a tower service: the innermost service of a stack, called once per attempt.
///
/// It reserves the call's estimate on the context's meter, and books what the call used, once.
/// It sets the tool's scope where nothing outside has; see [`ScopeLayer`](crate::ScopeLayer).
pub struct ToolService<T> {
    tool: Arc<T>,
}

impl<T: Tool> ToolService<T> {
    /// A service around a tool.
    pub fn new(tool: T) -> Self {
        Self::shared(Arc::new(tool))
    }

    /// A service around a tool that others use too.
    pub fn shared(tool: Arc<T>) -> Self {
        Self { tool }
    }

    fn prepare(&self, request: &mut Request) -> Result<Booking, Error> {
        if !request.context().is_scoped() {
            let estimate = self.tool.estimate(request)?;
            request.context_mut().enter(self.tool.spec(), estimate);
        }
        Booking::start(request)
    }
}

impl<T: Tool> Service<Request> for ToolService<T> {
    type Response = Output;
    type Error = Error;
    type Future = MeteredFuture<Pin<Box<dyn Future<Output = Result<Output, Error>> + Send>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        match self.prepare(&mut request) {
            Ok(booking) => MeteredFuture::running(Arc::clone(&self.tool).call(request), booking),
            Err(error) => MeteredFuture::refused(error.with_tool(Arc::clone(self.tool.spec().shared_name()))),
        }
    }
}

impl<T> Clone for ToolService<T> {
    fn clone(&self) -> Self {
        Self { tool: Arc::clone(&self.tool) }
    }
}

impl<T: Tool> fmt::Debug for ToolService<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ToolService").field(&self.tool.spec().name()).finish()
    }
}
