//! What a client counts, for whoever installs a recorder of the `metrics` crate (feature `metrics`).
//!
//! Everything is told at the end of a run, from what its outcome or error keeps anyway. Labels are names of tools, targets and
//! words of closed lists: what somebody asked or answered is in none, and an unknown tool's name neither.

mod names;
#[cfg(feature = "metrics")]
mod record;

pub use self::names::{Kind, METRICS, Metric};
#[cfg(feature = "metrics")]
pub use self::record::describe;
#[cfg(feature = "metrics")]
pub(crate) use self::record::record;
