//! One execution for each idempotency key.
//!
//! `flights` is the table of what runs in this process: who opened a flight, who joined, who left. `flight` is the
//! work itself, in a task of its own: claim, execute under a heartbeat, store the result, tell everyone.

mod config;
mod flight;
mod flights;
mod future;
mod layer;
mod record;
mod replay;
mod service;

pub use self::config::{IdempotencyConfig, OnAbandon};
pub use self::future::ResponseFuture;
pub use self::layer::IdempotencyLayer;
pub use self::replay::Replay;
pub use self::service::Idempotency;

#[cfg(test)]
mod tests;
