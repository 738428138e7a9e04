use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use orch_core::{Error, HasContext};
use tokio::time::Instant;
use tracing::Instrument;

use super::builder::{OpenAiBuilder, PriceList};
use super::decode::{Decoder, Step};
use super::failure::{Failure, Wire, request_id};
use super::{encode, telemetry};
use crate::chat::{ChatEvent, ChatRequest, ChatResponse, ChatSink};
use crate::compatible::Dialect;
use crate::pricing::Price;
use crate::provider::{Provider, ProviderInfo};
use crate::transport::{ApiKey, Body, Events, Transport, limits, read_beginning, read_text};

const ENDPOINT: &str = "/chat/completions";
const EVENT_STREAM: &str = "text/event-stream";
/// How much of an error's body is read.
const ERROR_BODY: usize = 64 << 10;

/// A model behind the OpenAI Chat Completions wire: OpenAI's own, or that of any server that speaks it.
///
/// One call is one HTTP request: nothing is retried, redirected or waited for here. An answer is whole only when the
/// model has said why it stopped, or the stream its `[DONE]`; one that ends before that is a transient failure, and
/// `StreamBroken` with what had arrived once anything was delivered. An error that the server reports inside an
/// answer is that error, whatever the status was.
///
/// ```
/// use orch_providers::OpenAi;
///
/// # fn main() -> Result<(), orch_core::Error> {
/// let model = OpenAi::builder().base_url("http://127.0.0.1:8080").model("tiny").free().build()?;
/// # Ok(())
/// # }
/// ```
///
/// The server is reached through the proxies of the environment (`HTTPS_PROXY`, `NO_PROXY`, ...), unless it is on this
/// machine. The connections belong to the tokio runtime of the calls: use one `OpenAi` in one runtime.
///
/// # Cancellation
/// Dropping the future closes the connection. What the server has done until then, it charges for: the usage so far
/// stands in the context's progress.
#[derive(Clone, Debug)]
pub struct OpenAi {
    pub(super) info: ProviderInfo,
    pub(super) dialect: Dialect,
    pub(super) transport: Transport,
    pub(super) credentials: Option<(HeaderName, HeaderValue)>,
    pub(super) key: Option<ApiKey>,
    pub(super) prices: PriceList,
}

impl OpenAi {
    /// A model of OpenAI, or of any other server if a base URL is set.
    pub fn builder() -> OpenAiBuilder {
        OpenAiBuilder::new(None)
    }

    /// A model behind a server whose ways are known, wherever it is.
    pub fn compatible(dialect: Dialect) -> OpenAiBuilder {
        OpenAiBuilder::new(Some(dialect))
    }

    fn wire(&self) -> Wire<'_> {
        Wire { dialect: &self.dialect, provider: self.info.name(), key: self.key.as_ref() }
    }

    async fn exchange(&self, request: &ChatRequest, sink: &ChatSink) -> Result<(), Error> {
        let body = encode(request, self.info.model(), &self.dialect).to_string();
        let to = (self.info.name(), ENDPOINT);
        let headers = self.headers(request.stream());
        let answer = self.transport.post(to, headers, Bytes::from(body), request.context()).await?;
        let (head, body) = answer.into_parts();
        if !head.status.is_success() {
            let body = read_beginning(body, ERROR_BODY).await;
            return Err(self.wire().failed(Failure::of_body(&body), Some(&head)));
        }
        if let Some(limits) = limits(&head.headers) {
            sink.event(Instant::now(), ChatEvent::Limits(limits));
        }
        let read = if is_stream(&head, request.stream()) {
            self.read_stream(&head, body, sink).await
        } else {
            self.read_whole(&head, body, sink).await
        };
        // The limits of an answer that failed are worth as much as those of a refusal.
        read.map_err(|error| limits(&head.headers).map_or(error.clone(), |limits| error.with_limits(limits)))
    }

    async fn read_stream(&self, head: &Parts, body: Body, sink: &ChatSink) -> Result<(), Error> {
        let alive = body.inspect_ok(|_| sink.event(Instant::now(), ChatEvent::Heartbeat));
        let mut events = Events::new(alive, self.transport.caps());
        let mut decoder = Decoder::new(self.wire(), request_id(&head.headers));
        while let Some(event) = events.next().await {
            let data = match event {
                Ok(data) => data,
                // Only the usage can be lost now.
                Err(_) if decoder.has_ended() => return Ok(()),
                Err(error) => return Err(error.into_error(self.info.name())),
            };
            if decoder.frame(&data, &mut |event| sink.event(Instant::now(), event))? == Step::Done {
                return Ok(());
            }
        }
        decoder.end_of_body()
    }

    async fn read_whole(&self, head: &Parts, body: Body, sink: &ChatSink) -> Result<(), Error> {
        let alive = body.inspect_ok(|_| sink.event(Instant::now(), ChatEvent::Heartbeat));
        let text = read_text(alive, self.transport.caps().body).await;
        let text = text.map_err(|error| error.into_error(self.info.name()))?;
        let mut decoder = Decoder::new(self.wire(), request_id(&head.headers));
        decoder.whole(&text, &mut |event| sink.event(Instant::now(), event))
    }

    fn headers(&self, stream: bool) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static(if stream { EVENT_STREAM } else { "application/json" }));
        headers.extend(self.credentials.clone());
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
impl Provider for OpenAi {
    fn info(&self) -> &ProviderInfo {
        &self.info
    }

    fn price(&self, model: &str) -> Option<Price> {
        match &self.prices {
            PriceList::Every(price) => Some(*price),
            PriceList::Own(price) => (model == self.info.model()).then_some(*price),
            PriceList::Book(book) => book.find(model),
        }
    }

    async fn chat(self: Arc<Self>, request: ChatRequest, sink: ChatSink) -> Result<ChatResponse, Error> {
        let span = telemetry::attempt(&self.info, &request);
        let answered = self.exchange(&request, &sink).instrument(span.clone()).await;
        let answer = answered.and_then(|()| sink.finish())?;
        telemetry::record(&span, &answer);
        Ok(answer)
    }
}
