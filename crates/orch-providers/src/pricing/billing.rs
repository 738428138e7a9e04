use serde::{Deserialize, Serialize};

/// How urgently a provider works on a call; each may have a price of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ServiceTier {
    /// As usual.
    #[default]
    Standard,
    /// Within a day, for less.
    Batch,
    /// When there is room, for less.
    Flex,
    /// Before others, for more.
    Priority,
    /// On faster machines, for more.
    Fast,
    /// A tier that has no name here.
    Unknown,
}

impl ServiceTier {
    /// The tier of this name on a wire.
    #[must_use]
    pub fn of(name: &str) -> Self {
        match name {
            "" | "default" | "standard" | "standard_only" | "auto" | "on_demand" => Self::Standard,
            "batch" => Self::Batch,
            "flex" => Self::Flex,
            "priority" => Self::Priority,
            "fast" => Self::Fast,
            _ => Self::Unknown,
        }
    }

    /// Whether the usual price is at least that of this tier.
    pub(super) fn costs_no_more_than_standard(self) -> bool {
        matches!(self, Self::Standard | Self::Batch | Self::Flex)
    }
}

/// What decides a call's price beside the counters of its usage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Billing {
    /// The tier in which the call was served.
    pub tier: ServiceTier,
    /// How many of the tokens that were written to the provider's cache stay there for an hour; the others stay for
    /// minutes, and cost less.
    pub cache_write_1h_tokens: u64,
}

impl Billing {
    /// The usual tier, and nothing in the cache for an hour.
    #[must_use]
    pub const fn standard() -> Self {
        Self { tier: ServiceTier::Standard, cache_write_1h_tokens: 0 }
    }

    /// Sets the tier.
    #[must_use]
    pub const fn with_tier(self, tier: ServiceTier) -> Self {
        Self { tier, ..self }
    }

    /// Sets how many tokens stay in the cache for an hour.
    #[must_use]
    pub const fn with_cache_write_1h(self, tokens: u64) -> Self {
        Self { cache_write_1h_tokens: tokens, ..self }
    }
}
