//! What is told of a circuit that changed.

use std::fmt;

/// A transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) from: &'static str,
    pub(super) to: &'static str,
    pub(super) reason: Reason,
}

/// Why a circuit changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Consecutive { failures: u32 },
    FailureRate { failures: u32, calls: u32 },
    SlowRate { slow: u32, calls: u32 },
    CooldownOver,
    ProbeFailed,
    ProbeHung,
    ProbesSucceeded,
    Forced,
    Reset,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Consecutive { failures } => write!(f, "{failures} failures in a row"),
            Self::FailureRate { failures, calls } => write!(f, "{failures} of {calls} calls failed"),
            Self::SlowRate { slow, calls } => write!(f, "{slow} of {calls} calls were slow"),
            Self::CooldownOver => f.write_str("the cooldown is over"),
            Self::ProbeFailed => f.write_str("a probe failed"),
            Self::ProbeHung => f.write_str("a probe did not come back"),
            Self::ProbesSucceeded => f.write_str("the probes succeeded"),
            Self::Forced => f.write_str("forced"),
            Self::Reset => f.write_str("reset"),
        }
    }
}
