use std::task::{Context, Poll};

use tower::{Layer, Service};

use super::{TryReady, try_ready};
use crate::{CallContext, HasContext};

/// Gives a context to requests of a type that has none and cannot get one, such as `http::Request<B>`.
///
/// Outside the layer callers send [`Call<R>`]; inside it the service gets the bare `R`.
///
/// ```
/// use orch_core::{Call, ContextLayer};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), tower::BoxError> {
/// let shout = service_fn(|text: String| async move { Ok::<_, std::io::Error>(text.to_uppercase()) });
/// let stack = ServiceBuilder::new().layer(ContextLayer::new()).service(shout);
/// assert_eq!(stack.oneshot(Call::new("hello".to_string())).await?, "HELLO");
/// # Ok(())
/// # }
/// ```
///
/// # Order
/// Inside every orch layer, right around the foreign service.
#[derive(Clone, Copy, Debug, Default)]
pub struct ContextLayer(());

impl ContextLayer {
    /// The layer; it has no settings.
    #[must_use]
    pub fn new() -> Self {
        Self(())
    }
}

impl<S> Layer<S> for ContextLayer {
    type Service = ContextService<S>;
    fn layer(&self, inner: S) -> ContextService<S> {
        ContextService { inner }
    }
}

/// The service made by [`ContextLayer`].
#[derive(Clone, Debug)]
pub struct ContextService<S> {
    inner: S,
}

impl<S, R> Service<Call<R>> for ContextService<S>
where
    S: Service<R> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = TryReady<S, R>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Call<R>) -> Self::Future {
        try_ready(&mut self.inner, call.request)
    }
}

/// A foreign request with a context.
#[derive(Clone, Debug, Default)]
pub struct Call<R> {
    request: R,
    context: CallContext,
}

impl<R> Call<R> {
    /// A request with a context of its own.
    pub fn new(request: R) -> Self {
        Self { request, context: CallContext::new() }
    }

    /// Replaces the context.
    #[must_use]
    pub fn with_context(mut self, context: CallContext) -> Self {
        self.context = context;
        self
    }

    /// The request.
    pub fn request(&self) -> &R {
        &self.request
    }
}

impl<R> HasContext for Call<R> {
    fn context(&self) -> &CallContext {
        &self.context
    }

    fn context_mut(&mut self) -> &mut CallContext {
        &mut self.context
    }
}
