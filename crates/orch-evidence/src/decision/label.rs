use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::bundle::Summary;

/// Whether an answer turned out to be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was.
    Right,
    /// It was not.
    Wrong,
}

impl From<bool> for Verdict {
    fn from(right: bool) -> Self {
        if right { Self::Right } else { Self::Wrong }
    }
}

/// The number of a summary by which a policy ranks answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Score {
    /// The agreement: for short answers and JSON. The default.
    #[default]
    Agreement,
    /// The chance that the most frequent answer is the most probable one.
    ModePosterior,
    /// The kernel score: for free texts.
    KernelConfidence,
}

impl Score {
    /// The number, 0 to 1; 0 where one replicate leaves it unknown.
    #[must_use]
    pub fn of(self, summary: &Summary) -> f64 {
        match self {
            Self::Agreement => summary.agreement,
            Self::ModePosterior => summary.mode_posterior.unwrap_or(0.0),
            Self::KernelConfidence => summary.kernel_confidence.unwrap_or(0.0),
        }
    }
}

/// A run whose verdict is awaited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Awaited {
    pub(super) run: String,
    pub(super) score: f64,
    /// Since the Unix epoch.
    #[serde(rename = "at_ms", with = "orch_core::serde_ms")]
    pub(super) at: Duration,
}

/// A run whose verdict is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Label {
    pub(super) of: Awaited,
    pub(super) verdict: Verdict,
}
