use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::response::Parts;
use http::{HeaderMap, HeaderValue};
use orch_core::{CallContext, Error, Estimate, HasContext, wall_clock};
use tokio::time::Instant;
use tracing::Instrument;

use super::failure::{Failure, Speaker, request_id};
use super::{Decode, Step, Wire, telemetry};
use crate::chat::{ChatEvent, ChatRequest, ChatResponse, ChatSink};
use crate::pricing::{Price, PriceList};
use crate::provider::{Provider, ProviderInfo};
use crate::tokens;
use crate::transport::{ApiKey, Body, Endpoint, Events, Transport, limits, read_beginning, read_text};

const EVENT_STREAM: &str = "text/event-stream";
/// How much of an error's body is read.
const ERROR_BODY: usize = 64 << 10;
/// How long an error's body is waited for: what the status says is known, and worth more now than with more words.
const ERROR_BODY_WAIT: Duration = Duration::from_secs(5);

/// A model behind a [`Wire`]: `OpenAi`, `OpenAiResponses` and `Anthropic` are names for it.
///
/// One call is one HTTP request: nothing is retried, redirected or waited for here. An answer is whole only with its
/// terminal event; one that ends before that is a transient failure, and `StreamBroken` with what had arrived once
/// anything was delivered. An error that the server reports inside an answer is that error, whatever the status was.
///
/// The server is reached through the proxies of the environment (`HTTPS_PROXY`, `NO_PROXY`, ...), unless it is on this
/// machine or the builder says otherwise. The connections belong to the tokio runtime of the calls: use one provider in one runtime.
///
/// # Errors
/// `InvalidRequest` that points at what the wire cannot say, before anything is sent; else what the server said, with
/// its class, status, code, request id and wait.
///
/// # Cancellation
/// Dropping the future closes the connection. What the server has done until then, it charges for: the usage so far
/// stands in the context's progress.
#[derive(Clone, Debug)]
pub struct HttpProvider<W> {
    pub(super) info: ProviderInfo,
    pub(super) wire: W,
    pub(super) transport: Transport,
    /// Where chats go.
    pub(super) endpoint: Endpoint,
    /// Those of every request: the wire's, the key, and those that the user added.
    pub(super) headers: HeaderMap,
    /// What no error may repeat.
    pub(super) secrets: Vec<ApiKey>,
    pub(super) prices: PriceList,
    /// Whether it has been said that a seed is not sent.
    pub(super) said_unseeded: Arc<Once>,
}

/// The same as by [`Provider`], so that a model which also embeds need not be asked by the name of a trait.
impl<W: Wire> HttpProvider<W> {
    /// Who answers, and with which model.
    pub fn info(&self) -> &ProviderInfo {
        &self.info
    }

    /// What the model's tokens cost; `None` is unknown, which is not free.
    #[must_use]
    pub fn price(&self, model: &str) -> Option<Price> {
        self.prices.find(model)
    }

    /// What a chat is expected to use, at most.
    #[must_use]
    pub fn estimate(&self, request: &ChatRequest) -> Estimate {
        let price = self.price(self.info.model_for(request));
        match (request.max_tokens(), self.wire.default_max_tokens()) {
            (None, Some(most)) => tokens::estimate(&request.clone().with_max_tokens(most), price),
            _ => tokens::estimate(request, price),
        }
    }
}

impl<W: Wire> HttpProvider<W> {
    pub(super) fn speaker<'a>(&'a self, head: &'a Parts) -> Speaker<'a> {
        Speaker {
            provider: self.info.name(),
            secrets: &self.secrets,
            conflict_passes: self.wire.server().conflict_passes,
            request_id: request_id(&head.headers),
        }
    }

    fn decoder<'a>(&'a self, head: &'a Parts) -> W::Decoder<'a> {
        self.wire.decoder(self.speaker(head), request_id(&head.headers))
    }

    async fn exchange(&self, request: &ChatRequest, sink: &ChatSink) -> Result<(), Error> {
        let body = self.wire.body(request, self.info.model())?.to_vec();
        if !W::SEEDED && request.seed().is_some() {
            self.say_unseeded();
        }
        let (head, body) = self.post(&self.endpoint, body, request.stream(), request.context()).await?;
        let limits = limits(&head.headers, wall_clock());
        if let Some(limits) = limits {
            sink.event(Instant::now(), ChatEvent::Limits(limits));
        }
        let read = if is_stream(&head, request.stream()) {
            self.read_stream(&head, body, sink).await
        } else {
            self.read_whole(&head, body, sink).await
        };
        // The limits of an answer that failed are worth as much as those of a refusal.
        read.map_err(|error| limits.map_or(error.clone(), |limits| error.with_limits(limits)))
    }

    /// One HTTP request; an answer whose status is no success is an error.
    pub(super) async fn post(
        &self,
        endpoint: &Endpoint,
        body: Vec<u8>,
        stream: bool,
        call: &CallContext,
    ) -> Result<(Parts, Body), Error> {
        let to = (self.info.name(), endpoint);
        let answer = self.transport.post(to, self.headers(stream), Bytes::from(body), call).await?;
        let (head, body) = answer.into_parts();
        if !head.status.is_success() {
            let body = read_beginning(body, ERROR_BODY, ERROR_BODY_WAIT).await;
            return Err(self.speaker(&head).failed(Failure::of_body(&body), Some(&head)));
        }
        Ok((head, body))
    }

    async fn read_stream(&self, head: &Parts, body: Body, sink: &ChatSink) -> Result<(), Error> {
        // The events of a chunk have come when it came.
        let arrived = Mutex::new(Instant::now());
        let now = || *arrived.lock().unwrap_or_else(PoisonError::into_inner);
        let alive = body.inspect_ok(|_| {
            let at = Instant::now();
            *arrived.lock().unwrap_or_else(PoisonError::into_inner) = at;
            sink.event(at, ChatEvent::Heartbeat);
        });
        let mut events = Events::new(alive, self.transport.caps());
        let (speaker, mut decoder) = (self.speaker(head), self.decoder(head));
        while let Some(event) = events.next().await {
            let mut called = false;
            let mut emit = |event| {
                called |= matches!(event, ChatEvent::ToolCall(_));
                sink.event(now(), event);
            };
            if speaker.frame(&mut decoder, event, &mut emit)? == Step::Done {
                return Ok(());
            }
            if called {
                sink.check()?;
            }
        }
        speaker.end_of_body(&decoder)
    }

    async fn read_whole(&self, head: &Parts, body: Body, sink: &ChatSink) -> Result<(), Error> {
        let alive = body.inspect_ok(|_| sink.event(Instant::now(), ChatEvent::Heartbeat));
        let text = read_text(alive, self.transport.caps().body()).await;
        let text = text.map_err(|error| error.into_error(self.info.name()))?;
        let mut decoder = self.decoder(head);
        decoder.whole(&text, &mut |event| sink.event(Instant::now(), event))
    }

    /// Once, not for every replicate.
    fn say_unseeded(&self) {
        self.said_unseeded.call_once(|| {
            let provider = self.info.name();
            tracing::warn!(
                provider,
                "the run's seed is not sent, since this wire has none: replicates differ by chance"
            );
        });
    }

    fn headers(&self, stream: bool) -> HeaderMap {
        // With room for those of the call and of the client.
        let mut headers = HeaderMap::with_capacity(self.headers.len() + 4);
        for (name, value) in &self.headers {
            headers.append(name.clone(), value.clone());
        }
        if stream {
            headers.insert(ACCEPT, HeaderValue::from_static(EVENT_STREAM));
        }
        headers
    }
}

/// What the server says counts, not what was asked for: some always stream, some never.
fn is_stream(head: &Parts, asked: bool) -> bool {
    head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map_or(asked, |kind| {
        kind.trim_start().get(..EVENT_STREAM.len()).is_some_and(|kind| kind.eq_ignore_ascii_case(EVENT_STREAM))
    })
}

#[async_trait]
impl<W: Wire> Provider for HttpProvider<W> {
    fn info(&self) -> &ProviderInfo {
        self.info()
    }

    fn price(&self, model: &str) -> Option<Price> {
        self.price(model)
    }

    fn estimate(&self, request: &ChatRequest) -> Estimate {
        self.estimate(request)
    }

    async fn chat(self: Arc<Self>, request: ChatRequest, sink: ChatSink) -> Result<ChatResponse, Error> {
        let span = telemetry::attempt(&self.info, &request, request.seed().filter(|_| W::SEEDED));
        let answered = self.exchange(&request, &sink).instrument(span.clone()).await;
        let answer = answered.and_then(|()| sink.finish())?;
        telemetry::record(&span, &answer);
        Ok(answer)
    }
}
