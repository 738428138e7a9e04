//! Every row of the classification, through every wire, streamed and not, against the fault server.

mod answers;
mod cancelled;
mod refused;
mod within;

use std::fmt;
use std::sync::Arc;

use orch_core::{CallContext, Error, ErrorKind, ProviderFailure};
use orch_providers::{Anthropic, ChatRequest, ChatResponse, OpenAi, OpenAiResponses, Provider, ProviderService};
use orch_testkit::FaultServer;
use orch_testkit::fault_server::{Answer, Wire};
use tower::ServiceExt;

/// A provider of a wire, for a server at this URL.
type Make = fn(&str) -> Arc<dyn Provider>;

/// The wires that are driven: a line each.
const WIRES: &[(Wire, Make)] = &[
    (Wire::Chat, |url| {
        Arc::new(OpenAi::builder().base_url(url).model("tiny").max_event(MAX).max_body(100 * MAX).build().unwrap())
    }),
    (Wire::Responses, |url| {
        Arc::new(
            OpenAiResponses::builder().base_url(url).model("tiny").max_event(MAX).max_body(100 * MAX).build().unwrap(),
        )
    }),
    (Wire::Messages, |url| {
        Arc::new(Anthropic::builder().base_url(url).model("tiny").max_event(MAX).max_body(100 * MAX).build().unwrap())
    }),
];

/// The longest event of a stream that the providers here take; a body may be a hundred times as long.
const MAX: usize = 10_000;

/// One way to ask, with a server and a provider of its own.
struct Way {
    wire: Wire,
    make: Make,
    stream: bool,
    server: FaultServer,
    service: ProviderService<dyn Provider>,
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {}", self.wire, if self.stream { "streamed" } else { "whole" })
    }
}

fn ways() -> impl Iterator<Item = Way> {
    WIRES.iter().flat_map(|(wire, make)| [true, false].map(|stream| Way::new(*wire, *make, stream)))
}

fn streamed() -> impl Iterator<Item = Way> {
    WIRES.iter().map(|(wire, make)| Way::new(*wire, *make, true))
}

fn whole() -> impl Iterator<Item = Way> {
    WIRES.iter().map(|(wire, make)| Way::new(*wire, *make, false))
}

impl Way {
    fn new(wire: Wire, make: Make, stream: bool) -> Self {
        let server = FaultServer::script::<Answer>([]);
        let service = ProviderService::shared(make(&server.url()));
        Self { wire, make, stream, server, service }
    }

    /// The same against another server.
    fn service(&self, server: &FaultServer) -> ProviderService<dyn Provider> {
        ProviderService::shared((self.make)(&server.url()))
    }

    fn request(&self, context: &CallContext) -> ChatRequest {
        ChatRequest::user("hello").with_stream(self.stream).with_context(context.clone())
    }

    /// The server's id of the last request.
    fn id(&self) -> String {
        format!("req-{}", self.server.request_count())
    }

    /// One call against one answer, which takes one request.
    async fn ask(&self, answer: impl Into<Answer>) -> Result<ChatResponse, Error> {
        let before = self.server.request_count();
        self.server.then(answer);
        let result = self.service.clone().oneshot(self.request(&CallContext::new())).await;
        assert_eq!(self.server.request_count(), before + 1, "one attempt is one request: {self:?}");
        let request = &self.server.requests()[before];
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", self.wire.path()));
        assert_eq!(request.body["stream"].as_bool().unwrap_or_default(), self.stream, "{self:?}");
        result
    }

    async fn fail(&self, answer: impl Into<Answer>) -> Error {
        match self.ask(answer).await {
            Err(error) => error,
            Ok(answer) => panic!("{self:?}: {answer:?}"),
        }
    }

    async fn answer(&self, answer: impl Into<Answer>) -> ChatResponse {
        match self.ask(answer).await {
            Ok(answer) => answer,
            Err(error) => panic!("{self:?}: {error:?}"),
        }
    }
}

/// What the provider said.
fn details(error: &Error) -> ProviderFailure {
    let ErrorKind::Provider(failure) = error.kind() else { panic!("{error:?}") };
    failure.clone()
}

/// The text that had arrived before the failure.
fn partial(error: &Error) -> Option<&str> {
    error.output().and_then(|output| output.content().as_text())
}
