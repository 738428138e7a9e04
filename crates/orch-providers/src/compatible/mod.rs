//! The servers that speak OpenAI's wires, and how they differ: data, no code.

mod usage;

#[cfg(feature = "openai")]
pub(crate) use self::usage::ChatUsage;
#[cfg(feature = "responses")]
pub(crate) use self::usage::ResponsesUsage;
use crate::wire::{HttpProvider, HttpProviderBuilder, Server, Wire};

/// How a server differs from the others that speak OpenAI's wires.
///
/// The decoder takes every form of an answer and of an error that any of them sends; a dialect says only what must be
/// known before a request is sent, or cannot be told from an answer.
///
/// ```
/// use orch_providers::{Dialect, OpenAi};
///
/// # fn main() -> Result<(), orch_core::Error> {
/// let model = OpenAi::compatible(Dialect::LLAMA_CPP).model("tiny").free().build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    pub(crate) name: &'static str,
    pub(crate) base_url: Option<&'static str>,
    /// Whether a call without a key cannot succeed.
    pub(crate) needs_key: bool,
    /// What the field with the most tokens of an answer is called.
    pub(crate) max_tokens: &'static str,
    /// What the field with the id of the end user is called.
    pub(crate) user: &'static str,
    /// The header in which the server takes an id for the call.
    pub(crate) request_id: Option<&'static str>,
    /// Whether `usage.cost` is an amount of dollars.
    pub(crate) reports_cost: bool,
    /// Whether a 409 passes by itself.
    pub(crate) conflict_passes: bool,
}

impl Dialect {
    /// Any server of this wire: the base URL must be given, the key may be.
    pub const COMPATIBLE: Self = Self {
        name: "openai-compatible",
        base_url: None,
        needs_key: false,
        max_tokens: "max_tokens",
        user: "user",
        request_id: None,
        reports_cost: false,
        conflict_passes: false,
    };

    /// OpenAI itself: a key is needed, the most tokens are `max_completion_tokens`, a 409 is worth another attempt.
    pub const OPENAI: Self = Self {
        name: "openai",
        base_url: Some("https://api.openai.com/v1"),
        needs_key: true,
        max_tokens: "max_completion_tokens",
        user: "safety_identifier",
        request_id: Some("x-client-request-id"),
        conflict_passes: true,
        ..Self::COMPATIBLE
    };

    /// A llama.cpp server; by default on this machine, port 8080.
    pub const LLAMA_CPP: Self =
        Self { name: "llama.cpp", base_url: Some("http://127.0.0.1:8080/v1"), ..Self::COMPATIBLE };

    /// A vLLM server; by default on this machine, port 8000.
    pub const VLLM: Self = Self { name: "vllm", base_url: Some("http://127.0.0.1:8000/v1"), ..Self::COMPATIBLE };

    /// Ollama's compatible endpoint; by default on this machine, port 11434.
    pub const OLLAMA: Self = Self { name: "ollama", base_url: Some("http://127.0.0.1:11434/v1"), ..Self::COMPATIBLE };

    /// A LiteLLM gateway; by default on this machine, port 4000.
    pub const LITELLM: Self = Self { name: "litellm", base_url: Some("http://127.0.0.1:4000/v1"), ..Self::COMPATIBLE };

    /// OpenRouter: a key is needed, and the usage tells what the call cost in dollars.
    pub const OPENROUTER: Self = Self {
        name: "openrouter",
        base_url: Some("https://openrouter.ai/api/v1"),
        needs_key: true,
        reports_cost: true,
        ..Self::COMPATIBLE
    };

    /// The name, as in errors, and as target of a server at the dialect's own address where none is set.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

/// A wire that many servers speak, each in its dialect.
pub trait Compatible: Wire {
    /// The wire in a dialect.
    #[must_use]
    fn spoken(spoken: Spoken) -> Self;
}

impl<W: Compatible> HttpProvider<W> {
    /// A model of OpenAI, or of any other server if a base URL is set.
    pub fn builder() -> HttpProviderBuilder<W> {
        HttpProviderBuilder::new(W::spoken(Spoken::by_host()))
    }

    /// A model behind a server whose ways are known, wherever it is.
    pub fn compatible(dialect: Dialect) -> HttpProviderBuilder<W> {
        HttpProviderBuilder::new(W::spoken(Spoken::of(dialect)))
    }
}

/// A dialect, and whether it stays whatever host is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spoken {
    pub(crate) dialect: Dialect,
    by_host: bool,
}

impl Spoken {
    /// This dialect, everywhere.
    pub(crate) const fn of(dialect: Dialect) -> Self {
        Self { dialect, by_host: false }
    }

    /// OpenAI's at OpenAI's own hosts, regional ones included; that of any server elsewhere.
    pub(crate) const fn by_host() -> Self {
        Self { dialect: Dialect::OPENAI, by_host: true }
    }

    pub(crate) fn at(self, host: &str) -> Self {
        let openai =
            host.strip_suffix("api.openai.com").is_some_and(|region| region.is_empty() || region.ends_with('.'));
        if self.by_host && !openai { Self::of(Dialect::COMPATIBLE) } else { self }
    }

    pub(crate) fn server(&self) -> Server {
        let Dialect { name, base_url, needs_key, request_id, conflict_passes, .. } = self.dialect;
        Server { name, base_url, needs_key, request_id, conflict_passes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_regional_hosts_of_openai_are_openai_and_no_others() {
        let spoken = |host: &str| Spoken::by_host().at(host).dialect;
        for host in ["api.openai.com", "eu.api.openai.com", "us.api.openai.com"] {
            assert_eq!(spoken(host), Dialect::OPENAI, "{host}");
        }
        for host in ["openai.com", "notapi.openai.com", "api.openai.com.example.com", "localhost", ""] {
            assert_eq!(spoken(host), Dialect::COMPATIBLE, "{host}");
        }
        assert_eq!(Spoken::of(Dialect::VLLM).at("api.openai.com").dialect, Dialect::VLLM);
    }
}
