use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use orch_core::{CallContext, Class, DeltaKind, Error, ErrorKind, HasContext, Output};
use tokio::time::Instant;

use super::collected::Collected;
use super::{ChatEvent, ChatRequest, ChatResponse, ToolCallPiece};
use crate::Provider;
use crate::pricing::Price;
use crate::tokens;

/// Where a provider puts what arrives: each event is one call, which notes the progress, emits the delta,
/// keeps the usage up to date and collects the answer.
///
/// Clones share the answer, so whoever started the call still has what arrived when the provider fails.
#[derive(Clone)]
pub struct ChatSink(Arc<Inner>);

struct Inner {
    context: CallContext,
    input_tokens: u64,
    price: Option<Price>,
    collected: Mutex<Collected>,
}

impl ChatSink {
    /// A sink for one call of `request`, at a price if it is known.
    #[must_use]
    pub fn new(request: &ChatRequest, price: Option<Price>) -> Self {
        Self(Arc::new(Inner {
            context: request.context().clone(),
            input_tokens: tokens::in_request(request),
            price,
            collected: Mutex::default(),
        }))
    }

    /// A sink for one call of `request` to `provider`, at the provider's price.
    #[must_use]
    pub fn of<P: Provider + ?Sized>(provider: &P, request: &ChatRequest) -> Self {
        Self::new(request, provider.price(request.model().unwrap_or_else(|| provider.info().model())))
    }

    /// Takes what arrived at `now`.
    ///
    /// Text, refusals, reasoning and tool calls go to the listeners, and all but reasoning commit the attempt. An
    /// empty piece is only a sign of life, like [`ChatEvent::Heartbeat`].
    pub fn event(&self, now: Instant, event: ChatEvent) {
        self.deliver(now, &event);
        let usage = {
            let mut collected = self.lock();
            collected.apply(event);
            collected.has_begun().then(|| collected.usage(self.0.input_tokens, self.0.price))
        };
        if let Some(usage) = usage {
            self.0.context.progress().set_usage(usage);
        }
    }

    fn deliver(&self, now: Instant, event: &ChatEvent) {
        let context = &self.0.context;
        match event {
            ChatEvent::Text(text) if !text.is_empty() => context.deliver(now, DeltaKind::Text, text),
            ChatEvent::Refusal(text) if !text.is_empty() => context.deliver(now, DeltaKind::Refusal, text),
            ChatEvent::Reasoning(text) if !text.is_empty() => context.deliver(now, DeltaKind::Reasoning, text),
            ChatEvent::ToolCall(ToolCallPiece { arguments, .. }) if !arguments.is_empty() => {
                context.deliver(now, DeltaKind::ToolCall, arguments);
            }
            _ => context.progress().heartbeat(now),
        }
    }

    /// The whole answer.
    ///
    /// # Errors
    /// `StreamBroken` when no [`ChatEvent::End`] has arrived: an answer without its terminal event is not whole.
    pub fn finish(&self) -> Result<ChatResponse, Error> {
        if self.lock().has_ended() {
            return Ok(self.partial());
        }
        Err(Error::new(ErrorKind::StreamBroken { reason: "the answer ended before its terminal event".into() }))
    }

    /// What has arrived so far, and what it used.
    #[must_use]
    pub fn partial(&self) -> ChatResponse {
        self.lock().response(self.0.input_tokens, self.0.price)
    }

    /// The error of a call that failed with `error`: what had arrived is its output, and a failure that could have
    /// been retried is `StreamBroken` once anything was delivered.
    #[must_use]
    pub fn fail(&self, error: Error) -> Error {
        if !self.lock().has_begun() {
            return error;
        }
        let error = if error.class() == Class::Transient && self.0.context.progress().committed() {
            broken(error)
        } else {
            error
        };
        match error.output() {
            Some(_) => error,
            None => error.with_output(Output::from(self.partial())),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Collected> {
        self.0.collected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn broken(error: Error) -> Error {
    let broken = Error::new(ErrorKind::StreamBroken { reason: error.to_string().into() });
    let broken = error.limits().map_or(broken.clone(), |limits| broken.with_limits(limits));
    broken.with_source(error)
}

impl fmt::Debug for ChatSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatSink")
            .field("price", &self.0.price)
            .field("collected", &*self.lock())
            .finish_non_exhaustive()
    }
}
