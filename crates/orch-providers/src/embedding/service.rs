use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use orch_core::{Error, HasContext, Reservation, Usage};
use tower::Service;

use super::provider::{complete, model_for};
use super::{EmbeddingProvider, EmbeddingRequest, EmbeddingResponse};
use crate::pricing::Price;
use crate::service::refuse_without_price;

/// An [`EmbeddingProvider`] as a tower service: one attempt a call, always ready.
///
/// Every layer that asks only for a context fits around it. Unlike a chat, which is booked around a tool, it keeps the
/// account itself: each call reserves its estimate on the context's [`Meter`](orch_core::Meter) and books what
/// it used, with its price.
///
/// ```
/// use std::sync::Arc;
/// use orch_core::{CallContext, Error, Meter};
/// use orch_providers::{
///     EmbeddingProvider, EmbeddingRequest, EmbeddingResponse, EmbeddingService, Price, ProviderInfo,
/// };
/// use tower::ServiceExt;
///
/// struct Lengths { info: ProviderInfo }
///
/// #[async_trait::async_trait]
/// impl EmbeddingProvider for Lengths {
///     fn info(&self) -> &ProviderInfo {
///         &self.info
///     }
///
///     fn price(&self, _model: &str) -> Option<Price> {
///         Price::per_million(0.02, 0.0).ok()
///     }
///
///     async fn embed(self: Arc<Self>, request: EmbeddingRequest) -> Result<EmbeddingResponse, Error> {
///         let mut response = EmbeddingResponse::default();
///         response.vectors = request.inputs().iter().map(|text| vec![text.len() as f32]).collect();
///         Ok(response)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let service = EmbeddingService::new(Lengths { info: ProviderInfo::new("lengths", "v1") });
/// let meter = Meter::unlimited();
/// let context = CallContext::new().with_meter(meter.clone());
/// let response = service.oneshot(EmbeddingRequest::new(["four", "seventeen letters"]).with_context(context)).await?;
/// assert_eq!(response.vectors, [[4.0], [17.0]]);
/// assert_eq!(meter.settled().cost.nanos(), 6 * 20);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// `InvalidRequest` for a request that no provider could answer; `Unpriced` under a cost budget when the model has no
/// price; `BudgetExceeded` when the estimate does not fit; else the provider's own. One with an output was paid for: what
/// it used is booked like that of an answer.
///
/// # Cancellation
/// A call that is dropped books nothing: nobody knows whether the provider had begun.
pub struct EmbeddingService<P: ?Sized> {
    provider: Arc<P>,
}

impl<P: EmbeddingProvider> EmbeddingService<P> {
    /// A service around a provider.
    pub fn new(provider: P) -> Self {
        Self::shared(Arc::new(provider))
    }
}

impl<P: EmbeddingProvider + ?Sized> EmbeddingService<P> {
    /// A service around a provider that others use too.
    pub fn shared(provider: Arc<P>) -> Self {
        Self { provider }
    }

    /// The provider.
    #[must_use]
    pub fn provider(&self) -> &Arc<P> {
        &self.provider
    }

    fn start(&self, request: EmbeddingRequest) -> Result<Running, Error> {
        request.check()?;
        let model = model_for(self.provider.info(), &request);
        let price = self.provider.price(model);
        refuse_without_price(price.as_ref(), model, request.context())?;
        let reservation = request.context().meter().reserve(&self.provider.estimate(&request))?;
        let call = Arc::clone(&self.provider).embed(request.clone());
        Ok(Running { call, request, price, reservation })
    }
}

impl<P: EmbeddingProvider + ?Sized> Service<EmbeddingRequest> for EmbeddingService<P> {
    type Response = EmbeddingResponse;
    type Error = Error;
    type Future = EmbeddingFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: EmbeddingRequest) -> EmbeddingFuture {
        EmbeddingFuture(match self.start(request) {
            Ok(running) => State::Running(Box::new(running)),
            Err(error) => State::Refused { error: Some(error) },
        })
    }
}

impl<P: ?Sized> Clone for EmbeddingService<P> {
    fn clone(&self) -> Self {
        Self { provider: Arc::clone(&self.provider) }
    }
}

impl<P: EmbeddingProvider + ?Sized> fmt::Debug for EmbeddingService<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EmbeddingService").field(&self.provider.info().name()).finish()
    }
}

/// The future of [`EmbeddingService`].
#[must_use = "futures do nothing unless polled"]
pub struct EmbeddingFuture(State);

enum State {
    Running(Box<Running>),
    Refused { error: Option<Error> },
}

struct Running {
    call: Pin<Box<dyn Future<Output = Result<EmbeddingResponse, Error>> + Send>>,
    request: EmbeddingRequest,
    price: Option<Price>,
    reservation: Reservation,
}

impl Running {
    /// Books a usage with its price, and says what was booked.
    fn book(&mut self, usage: Usage) -> Usage {
        let usage = complete(usage, &self.request, self.price.as_ref());
        self.reservation.settle(&usage);
        usage
    }
}

impl Future for EmbeddingFuture {
    type Output = Result<EmbeddingResponse, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Running(running) => {
                let answer = ready!(running.call.as_mut().poll(cx));
                Poll::Ready(match answer {
                    Ok(response) => Ok(EmbeddingResponse { usage: running.book(response.usage.clone()), ..response }),
                    Err(error) => Err(match error.output().cloned() {
                        Some(output) => {
                            let usage = running.book(output.usage().clone());
                            error.with_output(output.with_usage(usage))
                        }
                        None => error,
                    }),
                })
            }
            State::Refused { error } => Poll::Ready(Err(error.take().expect("a finished future is not polled again"))),
        }
    }
}

impl fmt::Debug for EmbeddingFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            State::Running(_) => "EmbeddingFuture::Running",
            State::Refused { .. } => "EmbeddingFuture::Refused",
        })
    }
}
