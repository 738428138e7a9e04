use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a provider says is left of its limits, on [`Output`](crate::Output) and
/// [`Error`](crate::Error), so that a rate limit can slow down before it is hit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
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
