use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use orch_core::{Amount, Estimate, Target};
use serde::{Serialize, Serializer};

use crate::error::hint;
use crate::{Basis, Capability};

/// A tool that came into question, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Considered {
    /// The tool.
    pub tool: Arc<str>,
    /// What proposed it.
    #[serde(flatten)]
    pub basis: Basis,
    /// Whether the plan is to use it.
    pub chosen: bool,
    /// Whether it says that it is made for such a request; only where nothing else proposes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capability: Option<Capability>,
    /// What one call is expected to use; `None` when there is no such tool or it refuses the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// Why it cannot be used now, if it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<Skip>,
}

impl Considered {
    /// How long the tool's target is blocked, if that is all that speaks against it.
    #[must_use]
    pub fn due_in(&self) -> Option<Duration> {
        match self.skipped {
            Some(Skip::Blocked { wait, .. }) => Some(wait),
            _ => None,
        }
    }
}

impl fmt::Display for Considered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({})", self.tool, self.basis)?;
        match (&self.skipped, self.chosen) {
            (None, false) => f.write_str(": can be used")?,
            (None, true) => f.write_str(": chosen")?,
            (Some(skip), false) => write!(f, ": skipped: {skip}")?,
            (Some(skip), true) => write!(f, ": chosen although {skip}")?,
        }
        match self.capability {
            Some(Capability::Declared) => f.write_str("; its input schema fits")?,
            Some(Capability::Mismatch) => f.write_str("; its input schema does not fit")?,
            _ => {}
        }
        match self.estimate {
            Some(estimate) if estimate != Estimate::unknown() => write!(f, "; one call: {}", Expected(&estimate)),
            _ => Ok(()),
        }
    }
}

/// Why a tool cannot be used now.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Skip {
    /// It is not registered.
    Unregistered {
        /// The nearest registered name, if one is near.
        #[serde(skip_serializing_if = "Option::is_none")]
        did_you_mean: Option<Arc<str>>,
    },
    /// It cannot say what the call would use, which means that it cannot be called.
    Refused {
        /// What it said.
        message: String,
    },
    /// More than the run has left of its tokens, its money or its time.
    TooMuch {
        /// What one call is expected to use.
        needed: Amount,
        /// What is left.
        left: Amount,
    },
    /// Its target is not to be called yet. It fits otherwise.
    Blocked {
        /// The target.
        target: Target,
        /// By what.
        by: BlockedBy,
        /// For how long from the moment of planning.
        #[serde(rename = "wait_ms", serialize_with = "as_ms")]
        wait: Duration,
    },
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unregistered { did_you_mean } => write!(f, "it is not registered{}", hint(did_you_mean.as_deref())),
            Self::Refused { message } => write!(f, "it refuses the request: {message}"),
            Self::TooMuch { needed, left } => write!(f, "one call needs {needed}, the run has {left} left"),
            Self::Blocked { target, by: BlockedBy::Circuit, wait } => {
                write!(f, "the circuit of `{target}` is open for another {wait:?}")
            }
            Self::Blocked { target, by: BlockedBy::Cooldown, wait } => {
                write!(f, "`{target}` asked to be left alone for another {wait:?}")
            }
            Self::Blocked { target, by: BlockedBy::Quota, wait } => {
                write!(f, "the quota of `{target}` is used up for another {wait:?}")
            }
        }
    }
}

/// What keeps a target from being called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BlockedBy {
    /// Its circuit is open.
    Circuit,
    /// It asked to be left alone.
    Cooldown,
    /// Its quota is used up.
    Quota,
}

/// An estimate in words.
struct Expected<'e>(&'e Estimate);

impl fmt::Display for Expected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Estimate { cost, duration, .. } = self.0;
        let parts = [self.0.tokens().map(Amount::Tokens), cost.map(Amount::Cost), duration.map(Amount::Time)];
        for (n, part) in parts.iter().flatten().enumerate() {
            write!(f, "{}{part}", if n > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

/// Milliseconds as a number, with three decimals.
#[expect(clippy::cast_precision_loss, reason = "exact below 285 years")]
fn as_ms<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    (duration.as_micros() as f64 / 1e3).serialize(serializer)
}
