use std::fmt;
use std::net::IpAddr;

use http::Uri;
use orch_core::Error;
use reqwest::Url;

use super::api_key::REDACTED;

/// Where requests of a kind go: read once, for the layers and for the client. Its `Debug` shows no query.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(super) uri: Uri,
    pub(super) url: Url,
}

/// Where a server's API begins: scheme, host, port and the path before the first endpoint. Its `Debug` shows no query.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct BaseUrl {
    /// Without a slash at its end.
    url: String,
    /// What every request has behind its path, with the question mark; empty if nothing.
    query: String,
    host: String,
    loopback: bool,
}

impl BaseUrl {
    /// Reads a URL that lacks only `endpoint`. Without a path it gets `/v1`; a path is kept as it is, without a slash
    /// at its end.
    ///
    /// # Errors
    /// `InvalidRequest` naming the URL, without credentials, when it is not `http` or `https`, has credentials, a
    /// query or a fragment, ends in an endpoint, or is plain `http` to another machine without `allow_insecure_http`.
    pub(crate) fn parse(text: &str, endpoint: &str, allow_insecure_http: bool) -> Result<Self, Error> {
        // The text itself is not shown: it may hold credentials.
        let mut url: Url =
            text.trim().parse().map_err(|error| invalid(format!("not a URL, such as `https://host/v1`: {error}")))?;
        let shown = shown(&url);
        let refuse = |why: &str| Err(invalid(format!("`{shown}` {why}")));
        let Some(host) = url.host_str().map(str::to_owned).filter(|_| matches!(url.scheme(), "http" | "https")) else {
            return refuse("is neither http nor https");
        };
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("was given with credentials in it: use the API key");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return refuse("was given with a query or a fragment, which a base URL cannot have");
        }
        if url.path().trim_end_matches('/').ends_with(endpoint) {
            return refuse(&format!("names an endpoint: leave out `{endpoint}`"));
        }
        let loopback = is_loopback(&host);
        if url.scheme() == "http" && !loopback && !allow_insecure_http {
            return refuse(
                "is plain http to another machine, which shows the key to everybody on the way: use https, \
                           or `allow_insecure_http(true)` where the network is trusted",
            );
        }
        if cfg!(not(feature = "tls")) && url.scheme() == "https" {
            return refuse("is https, and this build has no TLS: enable the feature `tls`");
        }
        if url.path() == "/" {
            url.set_path("/v1");
        }
        Ok(Self { url: url.as_str().trim_end_matches('/').to_owned(), query: String::new(), host, loopback })
    }

    /// With these names and values behind the path of every request.
    pub(crate) fn with_query(mut self, pairs: &[(String, String)]) -> Self {
        if let (false, Ok(mut url)) = (pairs.is_empty(), Url::parse(&self.url)) {
            url.query_pairs_mut().extend_pairs(pairs);
            self.query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        }
        self
    }

    /// The values of the query as they stand in the URL.
    pub(crate) fn query_values(&self) -> impl Iterator<Item = &str> {
        self.query.split(['?', '&']).filter_map(|pair| pair.split_once('=')).map(|(_, value)| value)
    }

    /// The URL of an endpoint; `path` begins with a slash.
    pub(crate) fn endpoint(&self, path: &str) -> Result<Endpoint, Error> {
        let text = format!("{}{path}{}", self.url, self.query);
        let uri = text.parse().map_err(|error| invalid(format!("`{self}{path}`: {error}")))?;
        let url = text.parse().map_err(|error| invalid(format!("`{self}{path}`: {error}")))?;
        Ok(Endpoint { uri, url })
    }

    /// The host, without the port.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The host, with the port where it is not the scheme's own: what tells one server from another.
    pub(crate) fn authority(&self) -> &str {
        authority(&self.url)
    }

    /// Whether `url` is of the same server.
    pub(crate) fn is_at(&self, url: &str) -> bool {
        authority(url) == self.authority()
    }

    /// Whether it is this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.loopback
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoint").field(&shown(&self.url)).finish()
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BaseUrl").field(&self.url).finish()
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

fn invalid(reason: String) -> Error {
    Error::invalid("/base_url", reason)
}

/// A text that somebody gave as a base URL, as far as it may be shown: what is no URL may hold anything.
pub(crate) fn shown_text(text: &str) -> String {
    Url::parse(text.trim()).map_or_else(|_| REDACTED.to_owned(), |url| shown(&url))
}

/// Of a URL without credentials.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split_once('/').map_or(rest, |(authority, _)| authority)
}

/// Scheme, host and path alone: credentials stand before the host, or in a query. Without a host they may be the path,
/// as in `user:password@proxy`, unless it begins with a port, as in `localhost:8080`.
fn shown(url: &Url) -> String {
    let Some(host) = url.host_str() else {
        let port = url.path().split('/').next().is_some_and(|port| port.parse::<u16>().is_ok());
        return if port && !url.path().contains('@') {
            format!("{}:{}", url.scheme(), url.path())
        } else {
            REDACTED.into()
        };
    };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}{}", url.scheme(), url.path())
}

/// Not the names below `localhost`: some resolvers ask the network for them.
fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<BaseUrl, Error> {
        BaseUrl::parse(text, "/chat/completions", false)
    }

    #[test]
    fn v1_is_added_only_where_there_is_no_path() {
        for (given, kept) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/v1"),
            ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
            ("http://127.0.0.1:8080/v1/", "http://127.0.0.1:8080/v1"),
            ("http://localhost/api/v1", "http://localhost/api/v1"),
            ("http://[::1]:4000/proxy//", "http://[::1]:4000/proxy"),
        ] {
            assert_eq!(parse(given).unwrap().to_string(), kept, "{given}");
        }
        let endpoint = parse("http://127.0.0.1:8080").unwrap().endpoint("/chat/completions").unwrap();
        assert_eq!(endpoint.uri, "http://127.0.0.1:8080/v1/chat/completions");
        assert_eq!(endpoint.url.as_str(), "http://127.0.0.1:8080/v1/chat/completions");
    }

    #[test]
    fn plain_http_is_for_this_machine_unless_allowed() {
        for url in ["http://127.8.9.1/v1", "http://[::1]/v1", "http://localhost:1/v1"] {
            assert!(parse(url).unwrap().is_loopback(), "{url}");
        }
        for url in [
            "http://example.com/v1",
            "http://10.0.0.7:8080",
            "http://localhost.example.com",
            "http://a.localhost/v1",
            "http://localhost./v1",
        ] {
            let error = parse(url).unwrap_err().to_string();
            assert!(error.contains(url) && error.contains("allow_insecure_http"), "{error}");
            assert!(!BaseUrl::parse(url, "/chat/completions", true).unwrap().is_loopback());
        }
    }

    #[cfg(feature = "tls")]
    #[test]
    fn https_goes_anywhere() {
        assert_eq!(parse("https://openrouter.ai/api/v1").unwrap().host(), "openrouter.ai");
    }

    #[test]
    fn errors_name_the_url_without_its_credentials() {
        for url in ["http://user:hush@example.com/v1", "http://hush@localhost/v1", "http://localhost/v1?key=hush"] {
            let error = parse(url).unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(text.contains("/v1`") && !text.contains("hush"), "{text}");
        }
    }

    #[test]
    fn what_has_no_scheme_shows_its_host_and_never_its_credentials() {
        assert!(parse("localhost:8080/v1").unwrap_err().to_string().contains("`localhost:8080/v1`"));
        for text in ["user:hush@example.com/v1", "user:80@hush", "user:80/hush@h", "hush@h", "user:hush", "u:80?hush"] {
            let shown = format!("{:?} {}", parse(text).unwrap_err(), shown_text(text));
            assert!(!shown.contains("hush"), "{shown}");
        }
    }

    #[test]
    fn the_authority_tells_one_server_from_another() {
        for (url, authority) in [
            ("http://127.0.0.1:8080/v1", "127.0.0.1:8080"),
            ("http://localhost:80", "localhost"),
            ("http://[::1]:4000/proxy", "[::1]:4000"),
        ] {
            assert_eq!(parse(url).unwrap().authority(), authority);
        }
        let base = parse("http://127.0.0.1:8080").unwrap();
        assert!(base.is_at("http://127.0.0.1:8080/other") && !base.is_at("http://127.0.0.1:8000/v1"));
    }

    #[test]
    fn what_is_no_base_url_is_refused() {
        for url in
            ["", "localhost:8080", "ftp://localhost", "/v1", "http://localhost/v1/chat/completions", "http://h/#x"]
        {
            assert!(parse(url).is_err(), "{url}");
        }
    }
}
