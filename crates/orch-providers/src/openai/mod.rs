//! The OpenAI Chat Completions wire, for OpenAI and every server that speaks it.

mod answer;
mod decode;
mod embeddings;
mod encode;

use orch_core::Error;

use self::decode::Decoder;
use crate::chat::ChatRequest;
use crate::compatible::{Compatible, Dialect, Spoken};
use crate::wire::{HttpProvider, HttpProviderBuilder, Json, Protocol, Server, Speaker};

/// A model behind the OpenAI Chat Completions wire: OpenAI's own, or that of any server that speaks it.
///
/// An answer is whole only when the model has said why it stopped, or the stream its `[DONE]`.
///
/// ```
/// use orch_providers::OpenAi;
///
/// # fn main() -> Result<(), orch_core::Error> {
/// let model = OpenAi::builder().base_url("http://127.0.0.1:8080").model("tiny").free().build()?;
/// # Ok(())
/// # }
/// ```
pub type OpenAi = HttpProvider<ChatCompletions>;

/// Settings of an [`OpenAi`], made by [`OpenAi::builder`] or [`OpenAi::compatible`].
pub type OpenAiBuilder = HttpProviderBuilder<ChatCompletions>;

/// The OpenAI Chat Completions wire: `POST /chat/completions`.
///
/// ```
/// use orch_providers::{ChatCompletions, ChatRequest, Dialect, Wire};
///
/// # fn main() -> Result<(), orch_core::Error> {
/// let request = ChatRequest::user("hi").with_seed(7).with_stream(false);
/// let body = ChatCompletions::new(Dialect::LLAMA_CPP).encode(&request, "tiny")?;
/// assert_eq!(body, serde_json::json!({
///     "model": "tiny", "messages": [{"role": "user", "content": "hi"}], "seed": 7,
/// }));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatCompletions(Spoken);

impl ChatCompletions {
    /// The wire as a server speaks it.
    #[must_use]
    pub const fn new(dialect: Dialect) -> Self {
        Self(Spoken::of(dialect))
    }
}

impl Compatible for ChatCompletions {
    fn spoken(spoken: Spoken) -> Self {
        Self(spoken)
    }
}

impl Protocol for ChatCompletions {
    const ENDPOINT: &'static str = "/chat/completions";
    const SEEDED: bool = true;

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
