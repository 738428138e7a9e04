//! Stores that live in this process.

mod finished;
mod ledger;
mod store;

pub use self::ledger::MemoryLedger;
pub use self::store::MemoryStore;
