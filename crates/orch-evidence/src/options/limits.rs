use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How large a summary may be. What is left out is counted in its `truncation_info`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[must_use]
pub struct BundleLimits {
    max_fields: u32,
    max_diffs: u32,
    max_bytes: Option<u64>,
}

impl Default for BundleLimits {
    fn default() -> Self {
        Self { max_fields: Self::DEFAULT_MAX_FIELDS, max_diffs: Self::DEFAULT_MAX_DIFFS, max_bytes: None }
    }
}

impl BundleLimits {
    /// How many fields have statistics at most unless set.
    pub const DEFAULT_MAX_FIELDS: u32 = 1_000;
    /// How many disagreements are listed at most unless set.
    pub const DEFAULT_MAX_DIFFS: u32 = 100;

    /// The default limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// For how many fields there are statistics (`distributions`), in the order of their pointers; default 1,000.
    pub fn max_fields(mut self, fields: u32) -> Self {
        self.max_fields = fields;
        self
    }

    /// How many disagreements are listed, the most divided first; default 100.
    pub fn max_diffs(mut self, disagreements: u32) -> Self {
        self.max_diffs = disagreements;
        self
    }

    /// How many bytes of JSON disagreements and field statistics take together; the disagreements come first. Default:
    /// not limited.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    pub(crate) fn fields(&self) -> usize {
        self.max_fields as usize
    }

    pub(crate) fn diffs(&self) -> usize {
        self.max_diffs as usize
    }

    pub(crate) fn bytes(&self) -> Option<u64> {
        self.max_bytes
    }
}
