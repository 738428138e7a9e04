use std::cmp::Reverse;
use std::fmt;
use std::sync::{Arc, Once};
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};
use orch_core::{Error, Target};

use super::{HttpProvider, Server, Wire};
use crate::pricing::{PriceBook, Prices};
use crate::provider::ProviderInfo;
use crate::transport::{ApiKey, BaseUrl, Caps, Route, Settings, Transport, shown_text, shown_variable};

/// Settings of an [`HttpProvider`]: an `OpenAi`, an `OpenAiResponses` or an `Anthropic`.
///
/// Its `Debug` shows neither a key nor credentials in a URL, and of headers and of the query the names alone.
#[derive(Clone)]
#[must_use]
pub struct HttpProviderBuilder<W> {
    pub(crate) wire: W,
    base_url: Option<String>,
    model: Option<String>,
    key: Option<Key>,
    key_header: Option<String>,
    key_scheme: Option<String>,
    prices: Prices,
    target: Option<Target>,
    allow_insecure_http: bool,
    headers: Vec<(String, String)>,
    query: Vec<(String, String)>,
    route: Route,
    caps: Caps,
}

#[derive(Clone)]
enum Key {
    Given(ApiKey),
    InVariable(String),
}

impl<W: Wire> HttpProviderBuilder<W> {
    pub(crate) fn new(wire: W) -> Self {
        Self {
            wire,
            base_url: None,
            model: None,
            key: None,
            key_header: None,
            key_scheme: None,
            prices: Prices::default(),
            target: None,
            allow_insecure_http: false,
            headers: Vec::new(),
            query: Vec::new(),
            route: Route::default(),
            caps: Caps::default(),
        }
    }

    /// Sets where the API begins, without the endpoint itself. Default: the provider's own.
    ///
    /// A URL without a path gets `/v1`, so `http://127.0.0.1:8080` and `http://127.0.0.1:8080/v1` are the same; a URL
    /// with a path is kept as it is. Plain `http` is for this machine only (loopback addresses and `localhost`), see
    /// [`allow_insecure_http`](Self::allow_insecure_http). Credentials, a query and a fragment are refused.
    ///
    /// With `OpenAi::builder` and `OpenAiResponses::builder`, any other host than OpenAI's is spoken to as
    /// `Dialect::COMPATIBLE`.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Sets the model; required.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Sets the key. Default: none, which hosted providers refuse.
    pub fn api_key(mut self, key: impl Into<ApiKey>) -> Self {
        self.key = Some(Key::Given(key.into()));
        self
    }

    /// Reads the key from an environment variable when [`build`](Self::build) is called; it must be set then.
    pub fn api_key_env(mut self, variable: impl Into<String>) -> Self {
        self.key = Some(Key::InVariable(variable.into()));
        self
    }

    /// Sets the header that carries the key: `authorization` carries it as a bearer token, any other, such as
    /// `api-key`, as it is, unless [`api_key_scheme`](Self::api_key_scheme) says more. Default: `authorization`; `x-api-key` for Anthropic's older API version.
    pub fn api_key_header(mut self, name: impl Into<String>) -> Self {
        self.key_header = Some(name.into());
        self
    }

    /// Sets the word before the key in its header, such as `Token` or `Basic` for a gateway; empty for none. Default:
    /// `Bearer` in `authorization`, none in any other. A gateway that wants a key of its own beside the provider's gets
    /// it by [`header`](Self::header), for which `authorization` is free while the provider's key stands in another
    /// header or there is none.
    pub fn api_key_scheme(mut self, scheme: impl Into<String>) -> Self {
        self.key_scheme = Some(scheme.into());
        self
    }

    /// Sets what the model costs, in dollars per million input and output tokens; other models have no price then.
    ///
    /// Default: the vendor's own prices where the server is the vendor's own (feature `prices`, see
    /// [`PriceBook::bundled_at`]), else unknown, so that the model is refused under a cost budget. A cost that the
    /// provider reports beats every price.
    pub fn price(mut self, input_usd: f64, output_usd: f64) -> Self {
        self.prices = Prices::PerMillion(input_usd, output_usd);
        self
    }

    /// Sets what models cost, this one and those that requests ask for instead. A model that is not in the book has
    /// no price.
    pub fn prices(mut self, book: PriceBook) -> Self {
        self.prices = Prices::Book(book);
        self
    }

    /// Sets what some models cost, over the vendor's own prices where the server is the vendor's own: models that are not
    /// in the book cost what they would without it.
    pub fn prices_of_some(mut self, book: PriceBook) -> Self {
        self.prices = Prices::Some(book);
        self
    }

    /// Declares every model of this server free: a server of one's own.
    pub fn free(mut self) -> Self {
        self.prices = Prices::Free;
        self
    }

    /// Sets the outside party that breakers and limits are keyed by. Default: the provider's name at the provider's own
    /// address, else the host of the base URL, with its port if it has one: servers of one's own fail each by itself.
    pub fn target(mut self, target: impl Into<Target>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// Whether plain `http` may go to another machine, where everybody on the way can read the key. Default `false`.
    pub fn allow_insecure_http(mut self, allow: bool) -> Self {
        self.allow_insecure_http = allow;
        self
    }

    /// Sets how long connecting may take, TLS included; default 5 s, and zero never connects. Every other limit on time
    /// belongs to the layers outside.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.route.connect_timeout = timeout;
        self
    }

    /// Sends every request through this proxy, to this machine too: `http://`, `https://` with the feature `tls`, and
    /// with credentials if need be, which are shown nowhere. Default: the proxies of the environment, and none to this
    /// machine.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.route.proxy = Some(url.into());
        self
    }

    /// Trusts these certificates too, PEM, one or more: those of a company's own authority. May be called again.
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.route.roots.push(pem.into());
        self
    }

    /// Adds a header to every request, such as `anthropic-beta` or the one that a gateway asks for. Its value is
    /// treated as a secret: it is shown nowhere, and its words of 8 bytes and more are left out of what a server says when
    /// it fails. The headers that the wire sets itself cannot be replaced.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds a name and a value to the URL of every request, as Azure's `api-version` wants it. The
    /// value is a secret, like that of a [`header`](Self::header).
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// Sends requests by a client of your own, with its own pool, proxies, certificates and limit on connecting.
    ///
    /// It must neither repeat requests nor follow redirects: `reqwest::retry::never()` and
    /// `reqwest::redirect::Policy::none()`. A repeat is paid for twice and seen by no layer; a redirect may carry the
    /// key elsewhere.
    pub fn client(mut self, client: reqwest::Client) -> Self {
        self.route.client = Some(client);
        self
    }

    /// Sets how many bytes of an answer are read at most, of a stream, of a whole answer and of embeddings alike.
    /// Default: 32 MiB, and for embeddings 256 KiB for each text where that is more. A longer one is unusable.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.caps.body = Some(bytes);
        self
    }

    /// Sets how many bytes one event of a stream may have; default 1 MiB. A longer one makes the answer unusable.
    pub fn max_event(mut self, bytes: usize) -> Self {
        self.caps.event = bytes;
        self
    }

    /// Makes the provider; it connects with its first call.
    ///
    /// # Errors
    /// `InvalidRequest` that points at the setting which is missing or wrong.
    pub fn build(self) -> Result<HttpProvider<W>, Error> {
        let Some(url) = self.base_url.as_deref().or(self.wire.server().base_url) else {
            return Err(Error::invalid("/base_url", "which server? set `base_url`"));
        };
        let Some(model) = self.model.filter(|model| !model.is_empty()) else {
            return Err(Error::invalid("/model", "which model? set `model`"));
        };
        let base = BaseUrl::parse(url, W::ENDPOINT, self.allow_insecure_http)?.with_query(&self.query);
        let wire = self.wire.at(base.host());
        let server = wire.server();
        let key = self.key.map(Key::resolve).transpose()?;
        if key.is_none() && server.needs_key {
            let reason = format!("{} needs a key: set `api_key_env` or `api_key`", server.name);
            return Err(Error::invalid("/api_key", reason));
        }
        let header = self.key_header.map_or_else(|| Ok(wire.key_header()), |name| header_name(&name))?;
        let scheme = self.key_scheme.as_deref().unwrap_or(if header == AUTHORIZATION { "Bearer" } else { "" });
        let credentials = key.as_ref().map(|key| key.header_value(scheme)).transpose()?;
        let mut headers = wire.headers();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.extend(credentials.map(|value| (header.clone(), value)));
        let given = given_headers(&self.headers, &headers)?;
        headers.extend(given.clone());
        let settings = Settings {
            route: self.route,
            caps: self.caps,
            secrets: given.keys().cloned().chain([header]).collect(),
            request_id: server.request_id.map(HeaderName::from_static),
        };
        Ok(HttpProvider {
            prices: self.prices.resolve(base.host(), &model)?,
            info: match self.target.or_else(|| elsewhere(&server, &base)) {
                Some(target) => ProviderInfo::new(server.name, model).with_target(target),
                None => ProviderInfo::new(server.name, model),
            },
            wire,
            endpoint: base.endpoint(W::ENDPOINT)?,
            secrets: secrets(key, &self.headers, &self.query, &base),
            transport: Transport::new(base, settings)?,
            headers,
            said_unseeded: Arc::new(Once::new()),
        })
    }
}

impl Key {
    fn resolve(self) -> Result<ApiKey, Error> {
        match self {
            Self::Given(key) => Ok(key),
            Self::InVariable(variable) => ApiKey::from_env(&variable),
        }
    }
}

impl<W: fmt::Debug> fmt::Debug for HttpProviderBuilder<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpProviderBuilder")
            .field("wire", &self.wire)
            .field("base_url", &self.base_url.as_deref().map(shown_text))
            .field("model", &self.model)
            .field("key", &self.key)
            .field("key_header", &self.key_header)
            .field("key_scheme", &self.key_scheme)
            .field("prices", &self.prices)
            .field("target", &self.target)
            .field("allow_insecure_http", &self.allow_insecure_http)
            .field("headers", &self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("query", &self.query.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("route", &self.route)
            .field("caps", &self.caps)
            .finish()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(key) => key.fmt(f),
            Self::InVariable(variable) => f.debug_tuple("InVariable").field(&shown_variable(variable)).finish(),
        }
    }
}

/// The target where the base URL is not the server's own: a name that many servers share tells none of them apart.
fn elsewhere(server: &Server, base: &BaseUrl) -> Option<Target> {
    let own = server.base_url.is_some_and(|own| base.is_at(own));
    (!own).then(|| Target::from(base.authority()))
}

/// The headers that the user adds; none may be one of our own, or one that the client sets.
fn given_headers(given: &[(String, String)], own: &HeaderMap) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    for (given, value) in given {
        let pointer = || format!("/headers/{given}");
        let name: HeaderName = given.parse().map_err(|_| Error::invalid(pointer(), "not the name of a header"))?;
        if own.contains_key(&name) || [CONTENT_LENGTH, HOST].contains(&name) {
            return Err(Error::invalid(pointer(), "is set by the provider itself"));
        }
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| Error::invalid(pointer(), "its value holds a character that a header cannot carry"))?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

/// What no error may repeat: the key, and the values that the user added, of the query as they stand in the URL too.
fn secrets(
    key: Option<ApiKey>,
    headers: &[(String, String)],
    query: &[(String, String)],
    base: &BaseUrl,
) -> Vec<ApiKey> {
    let given = headers.iter().chain(query).map(|(_, value)| value.as_str());
    let mut secrets: Vec<ApiKey> = given.chain(base.query_values()).flat_map(ApiKey::words).chain(key).collect();
    // One may stand in another.
    secrets.sort_by_key(|secret| Reverse(secret.len()));
    secrets.dedup();
    secrets
}

fn header_name(name: &str) -> Result<HeaderName, Error> {
    name.parse().map_err(|_| Error::invalid("/api_key_header", format!("`{name}` is not the name of a header")))
}
