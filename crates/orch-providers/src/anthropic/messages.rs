use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use orch_core::Error;

use super::ApiVersion;
use super::decode::Decoder;
use crate::chat::ChatRequest;
use crate::wire::{Json, Protocol, Server, Speaker};

const HOST: &str = "api.anthropic.com";
const DEFAULT_MAX_TOKENS: u64 = 4_096;

/// The Anthropic Messages wire: `POST /messages`.
///
/// ```
/// use orch_providers::{ApiVersion, ChatRequest, Message, Messages, Wire};
///
/// # fn main() -> Result<(), orch_core::Error> {
/// let request = ChatRequest::new([Message::system("be brief"), Message::user("hi")]).with_stream(false);
/// let body = Messages::new(ApiVersion::V2026_10_21).encode(&request, "claude-sonnet-5")?;
/// assert_eq!(body, serde_json::json!({
///     "model": "claude-sonnet-5", "max_tokens": 4096, "system": "be brief",
///     "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
/// }));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Messages {
    version: ApiVersion,
    max_tokens: u64,
    /// Whether it is spoken to Anthropic itself.
    own: bool,
}

impl Messages {
    /// The wire in a version of the API.
    #[must_use]
    pub const fn new(version: ApiVersion) -> Self {
        Self { version, max_tokens: DEFAULT_MAX_TOKENS, own: true }
    }

    /// Sets the most tokens of an answer to a request that does not say; default 4,096. `0` counts as 1.
    #[must_use]
    pub const fn with_default_max_tokens(mut self, tokens: u64) -> Self {
        self.max_tokens = if tokens == 0 { 1 } else { tokens };
        self
    }

    pub(super) const fn with_version(mut self, version: ApiVersion) -> Self {
        self.version = version;
        self
    }

    /// The version of the API.
    #[must_use]
    pub const fn version(&self) -> ApiVersion {
        self.version
    }

    pub(super) const fn max_tokens(&self) -> u64 {
        self.max_tokens
    }
}

impl Protocol for Messages {
    const ENDPOINT: &'static str = "/messages";
    const SEEDED: bool = false;

    type Decoder<'a> = Decoder<'a>;

    fn body<'a>(&self, request: &'a ChatRequest, model: &'a str) -> Result<Json<'a>, Error> {
        self.write(request, model)
    }

    fn at(self, host: &str) -> Self {
        Self { own: host == HOST, ..self }
    }

    fn server(&self) -> Server {
        Server {
            name: if self.own { "anthropic" } else { "anthropic-compatible" },
            base_url: Some("https://api.anthropic.com/v1"),
            needs_key: self.own,
            request_id: None,
            conflict_passes: true,
        }
    }

    fn key_header(&self) -> HeaderName {
        match self.version {
            ApiVersion::V2023_06_01 => HeaderName::from_static("x-api-key"),
            ApiVersion::V2026_10_21 => AUTHORIZATION,
        }
    }

    fn headers(&self) -> HeaderMap {
        let version = HeaderValue::from_static(self.version.as_str());
        HeaderMap::from_iter([(HeaderName::from_static("anthropic-version"), version)])
    }

    fn default_max_tokens(&self) -> Option<u64> {
        Some(self.max_tokens)
    }

    fn decoder<'a>(&'a self, speaker: Speaker<'a>, request_id: Option<&'a str>) -> Decoder<'a> {
        Decoder::new(speaker, request_id)
    }
}
