use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use orch_core::service::TryReady;
use orch_core::{Error, HasContext, try_ready};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep};
use tower::Service;
use tower::util::Oneshot;

use super::{Fault, FaultLayer, Site};

/// The service made by [`FaultLayer`].
#[derive(Clone, Debug)]
pub struct Faults<S> {
    inner: S,
    layer: FaultLayer,
}

impl<S> Faults<S> {
    pub(super) fn new(inner: S, layer: FaultLayer) -> Self {
        Self { inner, layer }
    }

    fn next_fault(&self, request: &impl HasContext) -> Option<Fault> {
        if let Some((since, window)) = &self.layer.window
            && !window.contains(&Instant::now().saturating_duration_since(*since))
        {
            return None;
        }
        let site = Site::of(request.context(), || self.layer.calls.fetch_add(1, Ordering::Relaxed));
        let fault = self.layer.plan(&site);
        if fault.is_some() {
            self.layer.injected.fetch_add(1, Ordering::Relaxed);
        }
        fault
    }
}

impl<S, R> Service<R> for Faults<S>
where
    S: Service<R> + Clone,
    S::Error: Into<Error>,
    R: HasContext,
{
    type Response = S::Response;
    type Error = Error;
    type Future = FaultsFuture<S, R>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        match self.next_fault(&request) {
            None => FaultsFuture::Called { future: try_ready(&mut self.inner, request) },
            Some(Fault::Delay(delay)) => {
                let sleep = tokio::time::sleep(delay);
                FaultsFuture::Delayed { sleep, then: Oneshot::new(self.inner.clone(), request) }
            }
            Some(fault) => FaultsFuture::Failed { error: fault.error() },
        }
    }
}

pin_project! {
    /// The future of [`Faults`].
    #[project = FaultsProj]
    #[must_use = "futures do nothing unless polled"]
    pub enum FaultsFuture<S: Service<R>, R> {
        /// The call takes place.
        #[doc(hidden)]
        Called { #[pin] future: TryReady<S, R> },
        /// The call takes place later.
        #[doc(hidden)]
        Delayed { #[pin] sleep: Sleep, #[pin] then: Oneshot<S, R> },
        /// The call does not take place.
        #[doc(hidden)]
        Failed { error: Option<Error> },
    }
}

impl<S, R> Future for FaultsFuture<S, R>
where
    S: Service<R>,
    S::Error: Into<Error>,
{
    type Output = Result<S::Response, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            FaultsProj::Called { future } => future.poll(cx).map_err(Into::into),
            FaultsProj::Delayed { mut sleep, then } => {
                if !sleep.is_elapsed() {
                    ready!(sleep.as_mut().poll(cx));
                }
                then.poll(cx).map_err(Into::into)
            }
            FaultsProj::Failed { error } => {
                Poll::Ready(Err(error.take().expect("a finished future is not polled again")))
            }
        }
    }
}
