use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response};
use http_body_util::{BodyDataStream, BodyExt, Full};
use orch_core::{CallContext, Error};
use reqwest::Url;
use tower::util::{BoxCloneSyncService, option_layer};
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_http::request_id::SetRequestIdLayer;
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;
use tower_http::trace::{DefaultOnFailure, TraceLayer};
use tracing::{Level, Span};

use super::body::{chain, unreachable};
use super::identity::{CallId, FromCall};
use super::route::Route;
use super::{BaseUrl, Body, Caps, Endpoint};

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
    service: BoxCloneSyncService<Request<Full<Bytes>>, Response<Body>, reqwest::Error>,
}

impl Transport {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// `InvalidRequest` when there is no way to make a client, such as a TLS set-up without any root certificate.
    pub(crate) fn new(base: BaseUrl, settings: Settings) -> Result<Self, Error> {
        let client = settings.route.client(&base)?;
        let secrets = settings.secrets.into_iter().chain([http::header::PROXY_AUTHORIZATION]);
        let service = ServiceBuilder::new()
            .layer(SetSensitiveRequestHeadersLayer::new(secrets))
            .layer(option_layer(settings.request_id.map(|name| SetRequestIdLayer::new(name, FromCall))))
            .map_response(|response: Response<_>| response.map(|body| BodyDataStream::new(BodyExt::boxed_unsync(body))))
            .layer(
                TraceLayer::new_for_http().make_span_with(span).on_failure(DefaultOnFailure::new().level(Level::DEBUG)),
            )
            .service(Http { client });
        Ok(Self { base, caps: settings.caps, service: BoxCloneSyncService::new(service) })
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
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = endpoint.uri.clone();
        request.extensions_mut().insert(endpoint.url.clone());
        *request.headers_mut() = headers;
        let id = CallId::of(call);
        if let Some(parent) = id.trace_parent(call) {
            request.headers_mut().insert("traceparent", parent);
        }
        request.extensions_mut().insert(id);
        self.service.clone().oneshot(request).await.map_err(|error| {
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

fn span(request: &Request<Full<Bytes>>) -> Span {
    let id = request.extensions().get::<CallId>().map(CallId::as_str);
    tracing::debug_span!(
        "http_request",
        http.request.method = %request.method(),
        server.address = request.uri().host(),
        server.port = request.uri().port_u16(),
        url.path = request.uri().path(),
        call_id = id,
    )
}

/// The client as a plain service over the types of the `http` crate, for the layers around it.
#[derive(Clone, Debug)]
struct Http {
    client: reqwest::Client,
}

impl Service<Request<Full<Bytes>>> for Http {
    type Response = Response<reqwest::Body>;
    type Error = reqwest::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, reqwest::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), reqwest::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let (mut head, body) = request.into_parts();
        let url = head.extensions.remove::<Url>().expect("every request is posted to an endpoint");
        let mut request = reqwest::Request::new(head.method, url);
        *request.headers_mut() = head.headers;
        *request.body_mut() = Some(reqwest::Body::wrap(body));
        let answer = self.client.execute(request);
        Box::pin(async move { answer.await.map(Response::from).map_err(reqwest::Error::without_url) })
    }
}
