use std::sync::Arc;
use std::task::{Context, Poll};

use orch_core::{AskedBy, Candidate, Error, Event, HasContext, Request, Route, try_ready};
use tokio::time::Instant;
use tower::{Service, ServiceExt};

use super::{PlanFuture, PlanLayer};
use crate::Planner;
use crate::catalog::along;

/// The service made by [`PlanLayer`].
#[derive(Debug)]
pub struct Planned<P, S> {
    inner: S,
    layer: PlanLayer<P>,
}

impl<P, S> Planned<P, S> {
    pub(super) fn new(inner: S, layer: PlanLayer<P>) -> Self {
        Self { inner, layer }
    }
}

impl<P, S> Service<Request> for Planned<P, S>
where
    P: Planner,
    S: Service<Request> + Clone + Send + 'static,
    S::Error: Into<Error>,
    S::Future: Send,
{
    type Response = S::Response;
    type Error = Error;
    type Future = PlanFuture<S>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> PlanFuture<S> {
        if request.route().is_some() {
            return PlanFuture::direct(try_ready(&mut self.inner, request));
        }
        let (layer, inner) = (self.layer.clone(), self.inner.clone());
        PlanFuture::planning(async move {
            let request = layer.route(request).await?;
            inner.oneshot(request).await.map_err(Into::into)
        })
    }
}

impl<P: Planner> PlanLayer<P> {
    /// The request along the planned route.
    async fn route(&self, request: Request) -> Result<Request, Error> {
        let since = Instant::now();
        let plan = self.planner().plan(self.catalog(), &request).await?;
        let context = request.context();
        context.note_wait(AskedBy::Planner, since);
        self.observe(context, &plan);
        let route = plan.route();
        context.emit(|| Event::PlanSelected { tool: route.tool().into(), reason: route.reason().into() });
        if let Some(reduced) = plan.reduced() {
            context.emit(|| reduced.into());
        }
        Ok(along(&asked(route, &request), &request))
    }
}

/// `route` with the caller's options over those of each fallback, which would be laid over them otherwise.
fn asked(route: &Route, request: &Request) -> Route {
    let asked =
        |next: &Candidate| Candidate::new(Arc::clone(&next.tool)).with_options(request.merged_options(&next.options));
    route.clone().with_fallbacks(route.fallbacks().iter().map(asked))
}

impl<P, S: Clone> Clone for Planned<P, S> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), self.layer.clone())
    }
}
