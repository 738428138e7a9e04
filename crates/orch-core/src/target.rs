use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The outside party a call reaches: a provider, an endpoint, a database.
///
/// Breakers, rate limits, cooldowns and [`Health`](crate::Health) are keyed by
/// it, so that tools of one provider share their fate and tools of two do not.
/// A tool that names none has its own name as target; a call outside any
/// [`ScopeLayer`](crate::ScopeLayer) has [`Target::default`], `default`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Target(Arc<str>);

impl Target {
    /// A target of this name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Target {
    fn default() -> Self {
        // One allocation for the process: a context is made for every call.
        static DEFAULT: std::sync::LazyLock<Target> = std::sync::LazyLock::new(|| Target::new("default"));
        DEFAULT.clone()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Target {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for Target {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

impl From<Arc<str>> for Target {
    fn from(name: Arc<str>) -> Self {
        Self(name)
    }
}
