use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use orch_core::{CallContext, Effect, Error, HasContext, Output, Request};
use tokio::time::Instant;
use tower::Service;

use super::ReplicateLayer;
use super::driver::Driver;
use crate::bundler::Bundler;
use crate::options::BundleOptions;

/// The service made by [`ReplicateLayer`].
#[derive(Clone, Debug)]
pub struct ReplicateService<S> {
    inner: S,
    layer: Arc<ReplicateLayer>,
}

impl<S> ReplicateService<S> {
    pub(super) fn new(inner: S, layer: ReplicateLayer) -> Self {
        Self { inner, layer: Arc::new(layer) }
    }
}

impl ReplicateLayer {
    /// The options of this call and a bundler for them.
    fn prepare(&self, request: &Request) -> Result<(BundleOptions, Bundler), Error> {
        self.check()?;
        let context = request.context();
        replicable(context)?;
        context.check(Instant::now())?;
        let asked = BundleOptions::from_json(request.options())?;
        let validator = self.validation.of(&asked, &self.options)?;
        let options = asked.asked_over(&self.options)?;
        let mut bundler = Bundler::validated(&options, validator)?
            .with_seed(context.seed())
            .with_distance(Arc::clone(&self.metric))
            .with_calibration(Arc::clone(&self.calibration));
        if let Some(rule) = &self.rule {
            bundler = bundler.with_stop(Arc::clone(rule));
        }
        if let Some(scorer) = &self.scorer {
            bundler = bundler.with_scorer(scorer.name());
        }
        if let Some(tool) = context.tool() {
            bundler = bundler.with_task(tool.as_ref());
        }
        Ok((options, bundler))
    }
}

/// Only a tool that may run any number of times is.
fn replicable(context: &CallContext) -> Result<(), Error> {
    if !context.is_scoped() {
        let reason = "replicates need a tool's scope: put `ScopeLayer::of(&spec)` outside `ReplicateLayer`";
        return Err(Error::invalid("/tool", reason));
    }
    match context.effect() {
        Effect::Pure => Ok(()),
        effect => {
            let tool = context.tool().map_or("", |tool| tool.as_ref());
            let reason = format!("replicates of `{tool}` are refused: its effect is {effect:?}, not Pure");
            Err(Error::invalid("/tool", reason))
        }
    }
}

impl<S> Service<Request> for ReplicateService<S>
where
    S: Service<Request, Response = Output> + Clone + Send + 'static,
    S::Error: Into<Error> + Send,
    S::Future: Send,
{
    type Response = Output;
    type Error = Error;
    type Future = ReplicateFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> ReplicateFuture {
        let prepared = self.layer.prepare(&request);
        let driver =
            prepared.and_then(|(options, bundler)| Driver::new(self.inner.clone(), request, &options, bundler));
        ReplicateFuture(match driver {
            Ok(driver) => {
                Box::pin(driver.with_policy(self.layer.policy.clone()).with_scorer(self.layer.scorer.clone()).drive())
            }
            Err(error) => Box::pin(std::future::ready(Err(error))),
        })
    }
}

/// The future of [`ReplicateService`].
#[must_use = "futures do nothing unless polled"]
pub struct ReplicateFuture(Pin<Box<dyn Future<Output = Result<Output, Error>> + Send>>);

impl Future for ReplicateFuture {
    type Output = Result<Output, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for ReplicateFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplicateFuture").finish_non_exhaustive()
    }
}
