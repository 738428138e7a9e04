//! What to do with an answer: accept it, look at parts of it, or hand it on.

mod binomial;
mod drift;
mod label;
mod learnt;
mod policy;
mod promise;
mod shared;
mod stored;
mod threshold;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::binomial::clopper_pearson;
pub use self::drift::Drift;
pub use self::label::{Score, Verdict};
pub use self::policy::Policy;
pub use self::promise::Promise;
pub use self::shared::SharedPolicy;
pub use self::threshold::Threshold;
use crate::bundle::Bundle;

/// What a [`Policy`] says of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "decision", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Decision {
    /// Of answers like this one no more than the promised share is wrong.
    Accept {
        /// Why, in words and numbers.
        reason: String,
    },
    /// Somebody should look at it.
    Review {
        /// The fields in which replicates differ, as JSON Pointers, the most divided first; the empty one is the whole
        /// answer. None when all of them agree.
        fields: Vec<String>,
        /// Why.
        reason: String,
    },
    /// Of answers like this one most are wrong: somebody else should answer.
    Escalate {
        /// Why.
        reason: String,
    },
}

impl Decision {
    /// Review of all fields in which the replicates of a bundle differ.
    #[must_use]
    pub fn review(bundle: &Bundle, reason: impl Into<String>) -> Self {
        let mut fields: Vec<String> = Vec::new();
        for disagreement in &bundle.summary.disagreements {
            if !fields.contains(&disagreement.pointer) {
                fields.push(disagreement.pointer.clone());
            }
        }
        Self::Review { fields, reason: reason.into() }
    }

    /// Why, in words.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Accept { reason } | Self::Review { reason, .. } | Self::Escalate { reason } => reason,
        }
    }

    /// Whether nobody needs to look at the answer.
    #[must_use]
    pub fn is_accept(&self) -> bool {
        matches!(self, Self::Accept { .. })
    }
}

#[cfg(test)]
mod tests;
