//! What all wires share: the provider and its builder, the decoders without a network, and what a failure means.
//!
//! A wire is a pure pair: a request becomes a JSON body, an answer becomes events. Everything that does input and
//! output, or that is the same everywhere, stands here, once.

#[cfg(feature = "openai")]
mod ask;
mod body;
mod builder;
mod classify;
mod failure;
mod json;
mod lenient;
mod loose;
mod provider;
mod pure;
mod read;
mod telemetry;
#[cfg(test)]
pub(crate) mod testing;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};
use orch_core::Error;
use serde_json::Value;

pub(crate) use self::body::{Body, notes, parts, refuse};
pub use self::builder::HttpProviderBuilder;
pub(crate) use self::failure::{Failure, Speaker};
pub(crate) use self::json::{Json, known, object};
pub(crate) use self::lenient::{Items, Numeric, Perhaps};
pub(crate) use self::loose::{Loose, Text, as_text};
pub use self::provider::HttpProvider;
pub use self::pure::{decode_json, decode_sse, decode_sse_chunks};
pub(crate) use self::read::{Begin, Bill, DONE, string};
#[cfg(any(feature = "responses", feature = "anthropic"))]
pub(crate) use self::read::{quick, too_many_items};
use crate::chat::{ChatEvent, ChatRequest};

/// A format in which a provider is spoken to: what a request becomes, and how its answer is read.
///
/// It needs no network: use it to see what a request becomes, to read a recorded answer with [`decode_sse`] or
/// [`decode_json`], or to speak the wire over another client. The wires of this crate implement it; no other type can.
pub trait Wire: Protocol {
    /// The body of the HTTP request. `model` is used unless the request names one; extra fields of the request go over
    /// all others but those that a budget relies on.
    ///
    /// # Errors
    /// `InvalidRequest` that points at what this wire cannot say, for nothing is left out in silence, or at an extra
    /// field that [`ChatRequest::check`] refuses.
    fn encode(&self, request: &ChatRequest, model: &str) -> Result<Value, Error> {
        self.body(request, model).map(Value::from)
    }
}

/// Whether more of a stream is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Yes.
    More,
    /// No: the terminal event has come.
    Done,
}

/// Reads one answer, whole or event by event.
pub trait Decode {
    /// The data of one event of a stream.
    fn frame(&mut self, data: &str, emit: &mut impl FnMut(ChatEvent)) -> Result<Step, Error>;

    /// A whole answer.
    fn whole(&mut self, body: &str, emit: &mut impl FnMut(ChatEvent)) -> Result<(), Error>;

    /// Whether the answer has ended, so that nothing but the usage can be lost any more.
    fn has_ended(&self) -> bool;
}

/// What must be known of a server before it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    /// The provider's name.
    pub(crate) name: &'static str,
    /// Where the API begins, if there is one place for all.
    pub(crate) base_url: Option<&'static str>,
    /// Whether a call without a key cannot succeed.
    pub(crate) needs_key: bool,
    /// The header in which the server takes an id for the call.
    pub(crate) request_id: Option<&'static str>,
    /// Whether a 409 passes by itself.
    pub(crate) conflict_passes: bool,
}

/// The side of a [`Wire`] that only this crate sees.
pub trait Protocol: Clone + std::fmt::Debug + Send + Sync + 'static {
    /// The endpoint's path below the base URL.
    const ENDPOINT: &'static str;

    /// Whether the wire carries a seed.
    const SEEDED: bool;

    /// What reads an answer.
    type Decoder<'a>: Decode + Send;

    /// The body of the HTTP request, as [`Wire::encode`] shows it.
    fn body<'a>(&self, request: &'a ChatRequest, model: &'a str) -> Result<Json<'a>, Error>;

    /// The wire as it is spoken at a host.
    #[must_use]
    fn at(self, host: &str) -> Self;

    /// The server.
    fn server(&self) -> Server;

    /// The header that carries the key unless the user names another.
    fn key_header(&self) -> HeaderName {
        AUTHORIZATION
    }

    /// Headers that every request has.
    fn headers(&self) -> HeaderMap {
        HeaderMap::new()
    }

    /// The most tokens of an answer to a request that does not say; `None` is the provider's own bound.
    fn default_max_tokens(&self) -> Option<u64> {
        None
    }

    /// A reader of one answer. `request_id` is the provider's id of the request, if a header had it.
    fn decoder<'a>(&'a self, speaker: Speaker<'a>, request_id: Option<&'a str>) -> Self::Decoder<'a>;
}
