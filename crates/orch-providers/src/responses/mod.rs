//! The OpenAI Responses wire, for OpenAI and the servers that speak it.

mod answer;
mod calls;
mod decode;
mod encode;

use orch_core::Error;

use self::decode::Decoder;
use crate::chat::ChatRequest;
use crate::compatible::{Compatible, Dialect, Spoken};
use crate::wire::{HttpProvider, HttpProviderBuilder, Json, Protocol, Server, Speaker};

/// A model behind the OpenAI Responses wire: OpenAI's own, or that of any server that speaks it.
///
/// An answer is whole only when the response is completed or says why it is incomplete. Nothing is kept by the provider
/// (`store` is false) unless an extra field asks for it.
///
/// The wire has neither a seed nor stop texts: a request that sets one is refused by name. The seed of a replicate is
/// left out, and the first call that has one logs a warning: replicates differ by chance, or by what they are asked.
///
/// ```
/// use orch_providers::OpenAiResponses;
///
/// # fn main() -> Result<(), orch_core::Error> {
/// let model = OpenAiResponses::builder().base_url("http://127.0.0.1:8080").model("tiny").free().build()?;
/// # Ok(())
/// # }
/// ```
pub type OpenAiResponses = HttpProvider<Responses>;

/// Settings of an [`OpenAiResponses`], made by [`OpenAiResponses::builder`] or [`OpenAiResponses::compatible`].
pub type OpenAiResponsesBuilder = HttpProviderBuilder<Responses>;

/// The OpenAI Responses wire: `POST /responses`.
///
/// ```
/// use orch_providers::{ChatRequest, Dialect, Responses, Wire};
///
/// # fn main() -> Result<(), orch_core::Error> {
/// let request = ChatRequest::user("hi").with_max_tokens(9).with_stream(false);
/// let body = Responses::new(Dialect::OPENAI).encode(&request, "gpt-5")?;
/// assert_eq!(body, serde_json::json!({
///     "model": "gpt-5", "input": [{"role": "user", "content": "hi"}], "max_output_tokens": 9, "store": false,
/// }));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Responses(Spoken);

impl Responses {
    /// The wire as a server speaks it.
    #[must_use]
    pub const fn new(dialect: Dialect) -> Self {
        Self(Spoken::of(dialect))
    }
}

impl Compatible for Responses {
    fn spoken(spoken: Spoken) -> Self {
        Self(spoken)
    }
}

impl Protocol for Responses {
    const ENDPOINT: &'static str = "/responses";
    const SEEDED: bool = false;

    type Decoder<'a> = Decoder<'a>;

    fn body<'a>(&self, request: &'a ChatRequest, model: &'a str) -> Result<Json<'a>, Error> {
        self.write(request, model)
    }

    fn at(self, host: &str) -> Self {
        Self(self.0.at(host))
    }

    fn server(&self) -> Server {
        self.0.server()
    }

    fn decoder<'a>(&'a self, speaker: Speaker<'a>, request_id: Option<&'a str>) -> Decoder<'a> {
        Decoder::new(speaker, self.0.dialect.reports_cost, request_id)
    }
}

#[cfg(test)]
mod tests;
