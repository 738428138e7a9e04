use std::sync::Arc;

use async_trait::async_trait;
use orch_core::{Error, Estimate, Target};

use crate::chat::{ChatRequest, ChatResponse, ChatSink};
use crate::pricing::Price;
use crate::tokens;

/// Something that answers chat requests: a hosted model, a local server, the embedded answerer.
///
/// An implementation makes one attempt: it never retries. It hands every piece of the answer to the
/// [`ChatSink`] as it arrives and ends with [`ChatSink::finish`], so that a plain call is the streamed call
/// collected. Run it through [`ProviderService`](crate::ProviderService) or [`ChatTool`](crate::ChatTool), which
/// check the request, keep the price and save the partial answer of a call that failed.
///
/// ```
/// use std::sync::Arc;
/// use orch_core::Error;
/// use orch_providers::{ChatEvent, ChatRequest, ChatResponse, ChatSink, FinishReason, Provider, ProviderInfo};
/// use tokio::time::Instant;
///
/// struct Parrot { info: ProviderInfo }
///
/// #[async_trait::async_trait]
/// impl Provider for Parrot {
///     fn info(&self) -> &ProviderInfo {
///         &self.info
///     }
///
///     async fn chat(self: Arc<Self>, request: ChatRequest, sink: ChatSink) -> Result<ChatResponse, Error> {
///         let said = request.last_user_text().unwrap_or_default();
///         sink.event(Instant::now(), ChatEvent::Text(said));
///         sink.event(Instant::now(), ChatEvent::End { reason: FinishReason::Stop });
///         sink.finish()
///     }
/// }
/// ```
///
/// # Cancellation
/// Dropping the future of `chat` cancels the call. Its usage until then stands in the context's
/// [`Progress`](orch_core::Progress), where the sink keeps it up to date.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// Who answers, and with which model.
    fn info(&self) -> &ProviderInfo;

    /// What the model's tokens cost; `None` is unknown, which is not free. Default: unknown.
    ///
    /// Under a cost budget a model without a price is refused.
    fn price(&self, _model: &str) -> Option<Price> {
        None
    }

    /// What the request is expected to use, at most. Default: a quarter of the input's bytes as tokens plus a
    /// margin, the request's `max_tokens` as output (unknown without it), and their cost by [`price`](Self::price).
    fn estimate(&self, request: &ChatRequest) -> Estimate {
        tokens::estimate(request, self.price(self.info().model_for(request)))
    }

    /// Answers the request. The future ends after the last event has gone to the sink.
    ///
    /// # Errors
    /// Whatever went wrong, with the [`Class`](orch_core::Class) that tells the layers what to do about it.
    async fn chat(self: Arc<Self>, request: ChatRequest, sink: ChatSink) -> Result<ChatResponse, Error>;
}

/// Who answers, and with which model.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct ProviderInfo {
    name: Arc<str>,
    target: Target,
    model: Arc<str>,
    method: Option<Arc<str>>,
}

impl ProviderInfo {
    /// A provider of this name that answers with this model unless a request names another.
    pub fn new(name: impl Into<Arc<str>>, model: impl Into<Arc<str>>) -> Self {
        let name = name.into();
        Self { target: Target::from(Arc::clone(&name)), name, model: model.into(), method: None }
    }

    /// Sets the outside party that breakers and limits are keyed by; default: the provider's name.
    pub fn with_target(mut self, target: impl Into<Target>) -> Self {
        self.target = target.into();
        self
    }

    /// Says how answers are found when it is not a language model that writes them.
    pub fn with_method(mut self, method: impl Into<Arc<str>>) -> Self {
        self.method = Some(method.into());
        self
    }

    /// The provider's name, as in errors.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The outside party that breakers and limits are keyed by.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The model that answers unless a request names another.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The model that answers this request: the one it names, else the provider's own.
    #[must_use]
    pub fn model_for<'a>(&'a self, request: &'a ChatRequest) -> &'a str {
        request.model().unwrap_or(&self.model)
    }

    /// How answers are found, when it is not a language model that writes them.
    #[must_use]
    pub fn method(&self) -> Option<&str> {
        self.method.as_deref()
    }
}
