/// A version of Anthropic's API, as `anthropic-version` names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ApiVersion {
    /// `2023-06-01`: takes sampling options; the key goes in `x-api-key`.
    V2023_06_01,
    /// `2026-10-21`: refuses sampling options and documents in the model's own messages; the key goes as a bearer token.
    #[default]
    V2026_10_21,
}

impl ApiVersion {
    /// As the header has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2023_06_01 => "2023-06-01",
            Self::V2026_10_21 => "2026-10-21",
        }
    }

    /// Whether the model's sampling can be set.
    pub(super) const fn takes_sampling(self) -> bool {
        matches!(self, Self::V2023_06_01)
    }
}
