#![doc = include_str!("../README.md")]

pub mod contract;
#[cfg(feature = "fault-server")]
pub mod fault_server;
mod faults;
pub mod ledger;
mod probe;
mod rule;
mod scripted;
mod skipped;
pub mod store;
pub mod time;

pub use contract::LayerContract;
#[cfg(feature = "fault-server")]
pub use fault_server::FaultServer;
pub use faults::{Fault, FaultKind, FaultLayer, Faults, FaultsFuture, Site};
pub use ledger::check_budget_ledger;
pub use probe::{Counts, Probe, ProbeFuture, ProbeService};
pub use scripted::{Calls, ScriptedTool};
pub use skipped::skipped;
pub use store::check_idempotency_store;
