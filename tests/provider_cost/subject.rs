//! What is counted: a typed call by reqwest alone, and the same by a provider inside a stack of layers. Shared by the
//! instruction counts and by the test of allocations.

#![allow(dead_code, unreachable_pub, reason = "each program that includes this file uses a part of it")]

use std::borrow::Cow;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use orch_core::{CallContext, Event, EventStream, ScopeLayer, ToolSpec};
use orch_providers::{ChatRequest, Message, OpenAi, ProviderService};
use orch_reliability::{BulkheadLayer, CircuitBreakerLayer, RetryLayer, TimeoutLayer};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceBuilder};

/// The server, in a process of its own; it ends with this value.
pub struct Loopback {
    process: Child,
    port: u16,
}

impl Loopback {
    pub fn start() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loopback"));
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the server starts");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("it was piped");
        BufReader::new(stdout).read_line(&mut line).expect("the server tells its port");
        Self { process, port: line.trim().parse().expect("a port") }
    }

    /// Where a whole answer comes from, or a stream of so many pieces.
    fn url(&self, pieces: Option<usize>) -> String {
        let path = pieces.map(|pieces| format!("/n{pieces}")).unwrap_or_default();
        format!("http://127.0.0.1:{}{path}/v1", self.port)
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const QUESTION: &str = "0123456789abcdef 0123456789abcdef 0123456789abcdef 0123456789abcdef ";

fn question() -> String {
    QUESTION.repeat(30)
}

/// A conversation of two messages and 2 kB, as a caller keeps it.
#[derive(Serialize)]
struct Ask {
    model: &'static str,
    messages: Vec<Said>,
    temperature: f64,
    max_tokens: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
}

#[derive(Serialize)]
struct Said {
    role: &'static str,
    content: String,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    model: Cow<'a, str>,
    #[serde(borrow)]
    choices: Vec<Choice<'a>>,
    usage: Option<Used>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, alias = "delta")]
    message: Piece<'a>,
    #[serde(borrow)]
    finish_reason: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Piece<'a> {
    #[serde(borrow)]
    content: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Used {
    prompt_tokens: u64,
    completion_tokens: u64,
}

/// What a call gave: the same from both.
#[derive(Debug, PartialEq, Eq)]
pub struct Got {
    pub text: String,
    pub model: String,
    pub tokens: (u64, u64),
    /// What a listener heard while it came.
    pub heard: usize,
}

/// A typed call by reqwest: serde structures that borrow, a scan for the ends of lines, and a channel for the pieces.
/// No limit, no class of errors, no retry, no price.
pub struct Floor {
    runtime: Runtime,
    client: reqwest::Client,
    url: String,
    ask: Ask,
    stream: bool,
    _server: Loopback,
}

impl Floor {
    /// After one call, so that the connection is there.
    pub fn new(pieces: Option<usize>) -> Self {
        let server = Loopback::start();
        let runtime = runtime();
        let stream = pieces.is_some();
        let messages =
            vec![Said { role: "system", content: "Be brief.".to_owned() }, Said { role: "user", content: question() }];
        let stream_options = stream.then_some(StreamOptions { include_usage: true });
        let ask = Ask { model: "tiny", messages, temperature: 0.5, max_tokens: 256, stream, stream_options };
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let url = format!("{}/chat/completions", server.url(pieces));
        let mut floor = Self { runtime, client, url, ask, stream, _server: server };
        floor.call();
        floor
    }

    pub fn call(&mut self) -> Got {
        let Self { runtime, client, url, ask, stream, .. } = self;
        runtime.block_on(async {
            let body = serde_json::to_vec(ask).expect("JSON");
            let post = client.post(url.as_str()).header("content-type", "application/json");
            let response = post.header("authorization", "Bearer key").body(body).send().await.expect("an answer");
            if *stream { streamed(response).await } else { whole(response).await }
        })
    }
}

async fn whole(response: reqwest::Response) -> Got {
    let body = response.bytes().await.expect("a body");
    let answer: Answer<'_> = serde_json::from_slice(&body).expect("an answer");
    let mut got = Got { text: String::new(), model: answer.model.into_owned(), tokens: (0, 0), heard: 0 };
    if let [Choice { message: Piece { content: Some(text) }, .. }] = &*answer.choices {
        got.text = text.to_string();
    }
    if let Some(Used { prompt_tokens, completion_tokens }) = answer.usage {
        got.tokens = (prompt_tokens, completion_tokens);
    }
    got
}

async fn streamed(mut response: reqwest::Response) -> Got {
    let mut got = Got { text: String::new(), model: String::new(), tokens: (0, 0), heard: 0 };
    let (sender, mut listener) = tokio::sync::mpsc::unbounded_channel::<String>();
    let mut rest: Vec<u8> = Vec::new();
    while let Some(chunk) = response.chunk().await.expect("a chunk") {
        rest.extend_from_slice(&chunk);
        let mut begin = 0;
        while let Some(end) = memchr::memchr(b'\n', &rest[begin..]) {
            let line = &rest[begin..begin + end];
            begin += end + 1;
            let Some(data) = line.strip_prefix(b"data: ") else { continue };
            if data == b"[DONE]" {
                continue;
            }
            let answer: Answer<'_> = serde_json::from_slice(data).expect("a chunk");
            for choice in &answer.choices {
                if let Some(text) = choice.message.content.as_deref().filter(|text| !text.is_empty()) {
                    got.text.push_str(text);
                    sender.send(text.to_owned()).expect("somebody listens");
                }
            }
            if got.model.is_empty() {
                got.model = answer.model.into_owned();
            }
            if let Some(Used { prompt_tokens, completion_tokens }) = answer.usage {
                got.tokens = (prompt_tokens, completion_tokens);
            }
        }
        rest.drain(..begin);
    }
    drop(sender);
    while let Some(piece) = listener.recv().await {
        got.heard += piece.len();
    }
    got
}

/// The same by a provider with a price, in a stack of deadline, retry, breaker, bulkhead and the limits of an attempt.
pub struct Ours {
    runtime: Runtime,
    service: BoxCloneSyncService<ChatRequest, orch_providers::ChatResponse, orch_core::Error>,
    request: ChatRequest,
    /// The next request, with whoever listens to it: made before it is counted.
    next: Option<(ChatRequest, Option<EventStream>)>,
    listens: bool,
    _server: Loopback,
}

impl Ours {
    /// After one call, so that the connection and the circuit are there.
    pub fn new(pieces: Option<usize>) -> Self {
        let server = Loopback::start();
        let model = OpenAi::builder().base_url(server.url(pieces)).model("tiny").api_key("key").price(1.0, 2.0);
        let minute = Duration::from_secs(60);
        let service = ServiceBuilder::new()
            .layer(ScopeLayer::of(&ToolSpec::pure("ask")))
            .layer(TimeoutLayer::total(5 * minute))
            .layer(RetryLayer::default())
            .layer(CircuitBreakerLayer::default())
            .layer(BulkheadLayer::default())
            .layer(TimeoutLayer::attempt(minute).first_chunk(minute).idle(minute))
            .service(ProviderService::new(model.build().expect("a provider")));
        let request = ChatRequest::new([Message::system("Be brief."), Message::user(question())])
            .with_temperature(0.5)
            .with_max_tokens(256)
            .with_stream(pieces.is_some());
        let service = BoxCloneSyncService::new(service);
        let listens = pieces.is_some();
        let mut ours = Self { runtime: runtime(), service, request, next: None, listens, _server: server };
        ours.prepare();
        ours.call();
        ours.prepare();
        ours
    }

    /// Makes the next request, with a context of its own.
    pub fn prepare(&mut self) {
        let mut context = CallContext::new();
        let events = self.listens.then(|| context.subscribe());
        self.next = Some((self.request.clone().with_context(context), events));
    }

    pub fn call(&mut self) -> Got {
        let (request, events) = self.next.take().expect("a request was prepared");
        let Self { runtime, service, .. } = self;
        runtime.block_on(async {
            let response = service.call(request).await.expect("an answer");
            let usage = response.usage;
            Got {
                text: response.text,
                model: response.model.as_deref().unwrap_or_default().to_owned(),
                tokens: (usage.input_tokens.map_or(0, |n| n.value), usage.output_tokens.map_or(0, |n| n.value)),
                heard: match events {
                    Some(events) => heard(events).await,
                    None => 0,
                },
            }
        })
    }
}

/// How much text the events say; they end with the call, whose context is gone.
async fn heard(mut events: EventStream) -> usize {
    let mut heard = 0;
    while let Some(envelope) = events.next().await {
        if let Event::Delta { text, .. } = envelope.event {
            heard += text.len();
        }
    }
    heard
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}
