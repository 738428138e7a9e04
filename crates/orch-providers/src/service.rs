use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use orch_core::{CallContext, Error, ErrorKind, HasContext};
use tower::Service;

use crate::chat::{ChatRequest, ChatResponse, ChatSink};
use crate::pricing::Price;
use crate::provider::Provider;

/// A [`Provider`] as a tower service: one attempt a call, always ready.
///
/// Every layer that asks only for a context fits around it: timeout, retry, circuit breaker, rate limit, bulkhead.
/// It does not book on the meter: that is done around a tool, see [`ChatTool`](crate::ChatTool).
///
/// # Errors
/// `InvalidRequest` for a request that no provider could answer; `Unpriced` under a cost budget when the model has
/// no price; else the provider's own, with the answer as far as it had arrived as their output.
pub struct ProviderService<P: ?Sized> {
    provider: Arc<P>,
}

impl<P: Provider> ProviderService<P> {
    /// A service around a provider.
    pub fn new(provider: P) -> Self {
        Self::shared(Arc::new(provider))
    }
}

impl<P: Provider + ?Sized> ProviderService<P> {
    /// A service around a provider that others use too.
    pub fn shared(provider: Arc<P>) -> Self {
        Self { provider }
    }

    /// The provider.
    #[must_use]
    pub fn provider(&self) -> &Arc<P> {
        &self.provider
    }
}

impl<P: Provider + ?Sized> Service<ChatRequest> for ProviderService<P> {
    type Response = ChatResponse;
    type Error = Error;
    type Future = ChatFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: ChatRequest) -> ChatFuture {
        ChatFuture::start(&self.provider, request)
    }
}

impl<P: ?Sized> Clone for ProviderService<P> {
    fn clone(&self) -> Self {
        Self { provider: Arc::clone(&self.provider) }
    }
}

impl<P: Provider + ?Sized> fmt::Debug for ProviderService<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProviderService").field(&self.provider.info().name()).finish()
    }
}

/// The future of [`ProviderService`].
#[must_use = "futures do nothing unless polled"]
pub struct ChatFuture(State);

enum State {
    Running { call: Pin<Box<dyn Future<Output = Result<ChatResponse, Error>> + Send>>, sink: ChatSink },
    Refused { error: Option<Error> },
}

impl ChatFuture {
    /// One attempt.
    pub(crate) fn start<P: Provider + ?Sized>(provider: &Arc<P>, request: ChatRequest) -> Self {
        if let Err(error) = request.check().and_then(|()| refuse_unpriced(&**provider, &request)) {
            return Self(State::Refused { error: Some(error) });
        }
        let sink = ChatSink::of(&**provider, &request);
        Self(State::Running { call: Arc::clone(provider).chat(request, sink.clone()), sink })
    }
}

/// A cost budget cannot be kept when nobody knows what the model costs.
pub(crate) fn refuse_unpriced<P: Provider + ?Sized>(provider: &P, request: &ChatRequest) -> Result<(), Error> {
    let model = provider.info().model_for(request);
    refuse_without_price(provider.price(model).as_ref(), model, request.context())
}

pub(crate) fn refuse_without_price(price: Option<&Price>, model: &str, context: &CallContext) -> Result<(), Error> {
    if price.is_none() && context.meter().remaining().cost.is_some() {
        return Err(Error::new(ErrorKind::Unpriced { model: model.into() }));
    }
    Ok(())
}

impl Future for ChatFuture {
    type Output = Result<ChatResponse, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match &mut self.0 {
            State::Running { call, sink } => ready!(call.as_mut().poll(cx)).map_err(|error| sink.fail(error)),
            State::Refused { error } => Err(error.take().expect("a finished future is not polled again")),
        })
    }
}

impl fmt::Debug for ChatFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            State::Running { .. } => "ChatFuture::Running",
            State::Refused { .. } => "ChatFuture::Refused",
        })
    }
}

#[cfg(all(test, feature = "local"))]
mod tests {
    use orch_core::{Limits, Meter, Usd};
    use tower::ServiceExt;

    use super::*;
    use crate::{LocalAnswerer, ProviderInfo};

    /// Must not be asked.
    struct Unasked(ProviderInfo, Option<Price>);

    #[async_trait::async_trait]
    impl Provider for Unasked {
        fn info(&self) -> &ProviderInfo {
            &self.0
        }

        fn price(&self, _: &str) -> Option<Price> {
            self.1.clone()
        }

        async fn chat(self: Arc<Self>, _: ChatRequest, _: ChatSink) -> Result<ChatResponse, Error> {
            unreachable!("the request was to be refused")
        }
    }

    #[tokio::test]
    async fn a_provider_chosen_at_run_time_is_a_service_that_any_stack_can_clone() {
        let provider: Arc<dyn Provider> = Arc::new(LocalAnswerer::new("Dogs travel free.").unwrap());
        let service = orch_core::check::service::<ChatRequest, _>(ProviderService::shared(provider));
        let response = service.clone().oneshot(ChatRequest::user("dogs")).await.unwrap();
        assert_eq!(response, service.oneshot(ChatRequest::user("dogs")).await.unwrap());
    }

    #[tokio::test]
    async fn what_cannot_be_answered_or_paid_is_refused_before_the_provider_is_asked() {
        let info = ProviderInfo::new("unasked", "m-1");
        let service = |price| ProviderService::new(Unasked(info.clone(), price));
        let error = service(Some(Price::free())).oneshot(ChatRequest::new([])).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::InvalidRequest { .. }), "{error}");
        let meter = Meter::new(Limits { tokens: None, cost: Some(Usd::from_nanos(1)) });
        let request = ChatRequest::user("?").with_context(CallContext::new().with_meter(meter)).with_model("m-2");
        let error = service(None).oneshot(request).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Unpriced { model } if &**model == "m-2"), "{error}");
        assert!(error.to_string().contains(r#".prices(PriceBook::new().price("m-2", INPUT, OUTPUT)?)"#), "{error}");
    }
}
