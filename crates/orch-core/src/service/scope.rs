use std::sync::Arc;
use std::task::{Context, Poll};

use tower::{Layer, Service};

use super::{TryReady, try_ready};
use crate::{Error, Estimate, Event, HasContext, ToolSpec};

/// Tells the layers inside which tool they serve: its target, effect and estimate.
///
/// [`Dispatch`](crate::Dispatch) does the same for registered tools.
///
/// # Order
/// Outermost in a hand-made stack. Without it the effect counts as
/// [`AtMostOnce`](crate::Effect::AtMostOnce) (so retry repeats only what certainly did not run), all
/// tools share the target `default`, and replication is refused.
#[derive(Clone, Debug)]
pub struct ScopeLayer {
    spec: Arc<ToolSpec>,
    estimate: Estimate,
}

impl ScopeLayer {
    /// The scope of a tool.
    #[must_use]
    pub fn of(spec: &ToolSpec) -> Self {
        Self { spec: Arc::new(spec.clone()), estimate: Estimate::unknown() }
    }

    /// Sets what a call is expected to use; default: unknown.
    #[must_use]
    pub fn estimate(mut self, estimate: Estimate) -> Self {
        self.estimate = estimate;
        self
    }
}

impl<S> Layer<S> for ScopeLayer {
    type Service = Scope<S>;
    fn layer(&self, inner: S) -> Scope<S> {
        Scope { inner, layer: self.clone() }
    }
}

/// The service made by [`ScopeLayer`].
#[derive(Clone, Debug)]
pub struct Scope<S> {
    inner: S,
    layer: ScopeLayer,
}

impl<S, R> Service<R> for Scope<S>
where
    S: Service<R> + Clone,
    S::Error: Into<Error>,
    R: HasContext,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = TryReady<S, R>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: R) -> Self::Future {
        enter(&mut request, &self.layer.spec, self.layer.estimate);
        try_ready(&mut self.inner, request)
    }
}

/// Sets the scope and says so.
pub(super) fn enter<R: HasContext>(request: &mut R, spec: &ToolSpec, estimate: Estimate) {
    let context = request.context_mut();
    context.enter(spec, estimate);
    context.emit(|| Event::ToolStarted {
        tool: Arc::clone(spec.shared_name()),
        version: Arc::clone(spec.shared_version()),
    });
}
