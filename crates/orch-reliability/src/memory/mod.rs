//! Stores that live in this process.

mod finished;
mod store;

pub use self::store::MemoryStore;
