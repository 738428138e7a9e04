//! By what way requests go: a client of ours, made with the settings of the builder, or one of the user's own.

use std::fmt;
use std::time::Duration;

use orch_core::Error;

use super::BaseUrl;
use super::base_url::shown_text;
use super::body::chain;

/// The client, or how it is made. Its `Debug` shows no credentials.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) connect_timeout: Duration,
    pub(crate) proxy: Option<String>,
    /// PEM, one or more certificates each.
    pub(crate) roots: Vec<Vec<u8>>,
    pub(crate) client: Option<reqwest::Client>,
}

impl Default for Route {
    fn default() -> Self {
        Self { connect_timeout: Duration::from_secs(5), proxy: None, roots: Vec::new(), client: None }
    }
}

impl Route {
    /// # Errors
    /// `InvalidRequest` that points at the setting which is wrong.
    pub(super) fn client(self, base: &BaseUrl) -> Result<reqwest::Client, Error> {
        if let Some(client) = self.client {
            let beside = self.proxy.map(|_| "proxy").or((!self.roots.is_empty()).then_some("root_certificate"));
            return match beside {
                Some(setting) => Err(Error::invalid("/client", format!("set `{setting}` on the client of your own"))),
                None => Ok(client),
            };
        }
        let builder = reqwest::Client::builder()
            .user_agent(concat!("orch-providers/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.connect_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never());
        let builder = match self.proxy {
            Some(url) => builder.proxy(proxy(url.trim())?),
            None if base.is_loopback() => builder.no_proxy(),
            None => builder,
        };
        let builder = self.roots.iter().try_fold(builder, |builder, pem| with_roots(builder, pem))?;
        builder
            .build()
            .map_err(|error| Error::invalid("/base_url", format!("no client for `{base}`: {}", chain(&error))))
    }
}

/// The text is not shown: it may hold credentials. The client would go around a proxy whose scheme it does not know.
fn proxy(url: &str) -> Result<reqwest::Proxy, Error> {
    let refuse = |why: String| Error::invalid("/proxy", why);
    match url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase()).as_deref() {
        None | Some("http") => {}
        Some("https") if cfg!(feature = "tls") => {}
        Some("https") => return Err(refuse("it is https, and this build has no TLS: enable the feature `tls`".into())),
        Some(_) => return Err(refuse("its scheme is neither http nor https".into())),
    }
    reqwest::Proxy::all(url).map_err(|_| refuse("not the URL of a proxy, such as `http://proxy:3128`".into()))
}

#[cfg(feature = "tls")]
fn with_roots(builder: reqwest::ClientBuilder, pem: &[u8]) -> Result<reqwest::ClientBuilder, Error> {
    let refuse = |why: &str| Error::invalid("/root_certificate", why.to_owned());
    let roots = reqwest::Certificate::from_pem_bundle(pem).map_err(|error| refuse(&chain(&error)))?;
    if roots.is_empty() {
        return Err(refuse("there is no certificate in it: PEM begins with `-----BEGIN CERTIFICATE-----`"));
    }
    Ok(builder.tls_certs_merge(roots))
}

#[cfg(not(feature = "tls"))]
fn with_roots(_: reqwest::ClientBuilder, _: &[u8]) -> Result<reqwest::ClientBuilder, Error> {
    Err(Error::invalid("/root_certificate", "this build has no TLS: enable the feature `tls`"))
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route")
            .field("connect_timeout", &self.connect_timeout)
            .field("proxy", &self.proxy.as_deref().map(shown_text))
            .field("roots", &self.roots.len())
            .field("client", &self.client.as_ref().map(|_| "one of its own"))
            .finish()
    }
}
