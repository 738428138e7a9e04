//! The Anthropic Messages wire, in both of its API versions.

mod answer;
mod blocks;
mod decode;
mod encode;
mod messages;
mod usage;
mod version;

pub use self::messages::Messages;
pub use self::version::ApiVersion;
use crate::wire::{HttpProvider, HttpProviderBuilder};

/// A model behind the Anthropic Messages wire: Anthropic's own, or that of any server that speaks it.
///
/// An answer is whole only with its `message_stop`. The wire needs a bound on every answer: a request without
/// `max_tokens` has [`default_max_tokens`](AnthropicBuilder::default_max_tokens).
///
/// # Sampling
/// The newer API version, which is the default here, refuses `temperature`, `top_p` and `top_k` whatever their values:
/// a request that sets one is refused by name and not sent. Neither version has a seed: a request that sets one is
/// refused by name; the seed of a replicate is left out, and the first call that has one logs a warning. Replicates
/// differ by chance, by their prompts, or by the models that are asked.
///
/// ```
/// use orch_providers::{Anthropic, ApiVersion};
///
/// # fn main() -> Result<(), orch_core::Error> {
/// let model = Anthropic::builder().api_key("sk-ant-...").model("claude-sonnet-5").build()?;
/// let older = Anthropic::builder().api_version(ApiVersion::V2023_06_01).api_key("sk-ant-...").model("claude-3-haiku");
/// # Ok(())
/// # }
/// ```
pub type Anthropic = HttpProvider<Messages>;

/// Settings of an [`Anthropic`], made by [`Anthropic::builder`].
pub type AnthropicBuilder = HttpProviderBuilder<Messages>;

impl Anthropic {
    /// A model of Anthropic, or of any other server if a base URL is set: that one may do without a key.
    pub fn builder() -> AnthropicBuilder {
        AnthropicBuilder::new(Messages::new(ApiVersion::default()))
    }
}

impl AnthropicBuilder {
    /// Sets the version of the API; default the newest, [`ApiVersion::V2026_10_21`].
    pub fn api_version(mut self, version: ApiVersion) -> Self {
        self.wire = self.wire.with_version(version);
        self
    }

    /// Sets the most tokens of an answer to a request that does not say; default 4,096. `0` counts as 1.
    pub fn default_max_tokens(mut self, tokens: u64) -> Self {
        self.wire = self.wire.with_default_max_tokens(tokens);
        self
    }
}

#[cfg(test)]
mod tests;
