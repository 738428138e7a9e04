use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a provider says is left of its limits, on [`Output`](crate::Output) and
/// [`Error`](crate::Error), so that a rate limit can slow down before it is hit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct LimitHint {
    /// Requests left in the provider's window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_left: Option<u64>,
    /// Tokens left in the provider's window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_left: Option<u64>,
    /// Time until the window starts anew.
    #[serde(rename = "reset_in_ms", with = "crate::serde_ms::option", skip_serializing_if = "Option::is_none")]
    pub reset_in: Option<Duration>,
}

impl LimitHint {
    /// Nothing said.
    #[must_use]
    pub const fn new() -> Self {
        Self { requests_left: None, tokens_left: None, reset_in: None }
    }

    /// Sets the requests that are left; `None` is unknown.
    #[must_use]
    pub fn requests_left(mut self, requests: impl Into<Option<u64>>) -> Self {
        self.requests_left = requests.into();
        self
    }

    /// Sets the tokens that are left; `None` is unknown.
    #[must_use]
    pub fn tokens_left(mut self, tokens: impl Into<Option<u64>>) -> Self {
        self.tokens_left = tokens.into();
        self
    }

    /// Sets the time until the window starts anew; `None` is unknown.
    #[must_use]
    pub fn reset_in(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.reset_in = time.into();
        self
    }
}
