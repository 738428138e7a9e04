use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response};
use http_body::Frame;
use http_body_util::BodyDataStream;
use orch_core::{CallContext, Error};
use reqwest::Url;
use tower::util::{Either, option_layer};
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_http::classify::{NeverClassifyEos, ServerErrorsAsFailures, ServerErrorsFailureClass, SharedClassifier};
use tower_http::request_id::{SetRequestId, SetRequestIdLayer};
use tower_http::sensitive_headers::{SetSensitiveRequestHeaders, SetSensitiveRequestHeadersLayer};
use tower_http::trace::{DefaultOnFailure, ResponseBody, Trace, TraceLayer};
use tracing::{Level, Span};

use super::body::{Body, chain, unreachable};
use super::identity::{CallId, FromCall, trace_parent};
use super::route::Route;
use super::{BaseUrl, Caps, Endpoint};

const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

/// How a [`Transport`] is made.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The client, or how it is made.
    pub(crate) route: Route,
    /// How much of a body is read.
    pub(crate) caps: Caps,
    /// The headers that nobody may see.
    pub(crate) secrets: Vec<HeaderName>,
    /// The header in which the server takes an id for the call.
    pub(crate) request_id: Option<HeaderName>,
}

/// The way to one server: one client with its connections, shared by all clones.
///
/// A client of ours keeps to the proxies of the environment (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`),
/// except that a server on this machine is reached through one only if the builder names it. It follows no redirects, which could carry the key elsewhere,
/// and never repeats a request.
#[derive(Clone)]
pub(crate) struct Transport {
    base: BaseUrl,
    caps: Caps,
    /// Whether the server takes an id for the call.
    takes_id: bool,
    service: Stack,
}

/// The layers by name: a boxed service would be copied to the heap by every call.
type Stack = SetSensitiveRequestHeaders<Either<SetRequestId<Traced, FromCall>, Traced>>;
type Traced = Trace<Http, SharedClassifier<ServerErrorsAsFailures>, fn(&Request<Outgoing>) -> Span>;

/// What a server sends after its headers, traced.
pub(super) type Incoming = ResponseBody<reqwest::Body, NeverClassifyEos<ServerErrorsFailureClass>>;

impl Transport {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// `InvalidRequest` when there is no way to make a client, such as a TLS set-up without any root certificate.
    pub(crate) fn new(base: BaseUrl, settings: Settings) -> Result<Self, Error> {
        let client = settings.route.client(&base)?;
        let secrets = settings.secrets.into_iter().chain([http::header::PROXY_AUTHORIZATION]);
        let takes_id = settings.request_id.is_some();
        let service = ServiceBuilder::new()
            .layer(SetSensitiveRequestHeadersLayer::new(secrets))
            .layer(option_layer(settings.request_id.map(|name| SetRequestIdLayer::new(name, FromCall))))
            .layer(
                TraceLayer::new_for_http()
                    .make_span_with(span as fn(&Request<Outgoing>) -> Span)
                    .on_failure(DefaultOnFailure::new().level(Level::DEBUG)),
            )
            .service(Http { client });
        Ok(Self { base, caps: settings.caps, takes_id, service })
    }

    /// Posts `body` to an endpoint, once. Dropping the future, or the body that it gives, closes the exchange.
    ///
    /// # Errors
    /// A transient failure of `provider` when no answer came; certainly not executed when there was no connection.
    pub(crate) async fn post(
        &self,
        (provider, endpoint): (&str, &Endpoint),
        headers: HeaderMap,
        body: Bytes,
        call: &CallContext,
    ) -> Result<Response<Body>, Error> {
        // Made only if somebody sees it.
        let id = (self.takes_id || tracing::span_enabled!(Level::DEBUG)).then(|| CallId::of(call));
        let mut request = Request::new(Outgoing { url: endpoint.url.clone(), body, id });
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = endpoint.uri.clone();
        *request.headers_mut() = headers;
        request.headers_mut().extend(trace_parent(call).map(|parent| (TRACE_PARENT, parent)));
        if let (true, Some(id)) = (self.takes_id, request.body().id.clone()) {
            request.extensions_mut().insert(id);
        }
        let answer = self.service.clone().oneshot(request).await;
        answer.map(|answer| answer.map(BodyDataStream::new)).map_err(|error| {
            let failure = unreachable(provider, format!("no answer from `{}`: {}", self.base, chain(&error)));
            let failure = if error.is_connect() { failure.with_not_executed() } else { failure };
            failure.with_source(error)
        })
    }

    /// Where requests to a path below the base URL go.
    #[cfg(feature = "openai")]
    pub(crate) fn endpoint(&self, path: &str) -> Result<Endpoint, Error> {
        self.base.endpoint(path)
    }

    /// How much of a body is read.
    pub(crate) fn caps(&self) -> Caps {
        self.caps
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("base", &self.base).field("caps", &self.caps).finish_non_exhaustive()
    }
}

/// What is posted, with what the layers and the client need beside it.
struct Outgoing {
    url: Url,
    body: Bytes,
    id: Option<CallId>,
}

/// The layers ask for a body; the client takes the bytes.
impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = std::mem::take(&mut self.get_mut().body);
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }
}

fn span(request: &Request<Outgoing>) -> Span {
    tracing::debug_span!(
        "http_request",
        http.request.method = %request.method(),
        server.address = request.uri().host(),
        server.port = request.uri().port_u16(),
        url.path = request.uri().path(),
        call_id = request.body().id.as_ref().map(CallId::as_str),
    )
}

/// The client as a plain service over the types of the `http` crate, for the layers around it.
#[derive(Clone, Debug)]
struct Http {
    client: reqwest::Client,
}

impl Service<Request<Outgoing>> for Http {
    type Response = Response<reqwest::Body>;
    type Error = reqwest::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, reqwest::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), reqwest::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Outgoing>) -> Self::Future {
        let (head, posted) = request.into_parts();
        let mut request = reqwest::Request::new(head.method, posted.url);
        *request.headers_mut() = head.headers;
        *request.body_mut() = Some(posted.body.into());
        let answer = self.client.execute(request);
        Box::pin(async move { answer.await.map(Response::from).map_err(reqwest::Error::without_url) })
    }
}
