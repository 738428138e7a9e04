//! One execution for each idempotency key.
//!
//! `flights` is the table of what runs in this process: who opened a flight, who joined, who left. `seat` is a caller's
//! place in one. `work` is what flies: claim, execute under a `heartbeat`, store the result, tell everyone; the store it
//! asks is `bounded` in time.

mod bounded;
mod config;
mod flights;
mod future;
mod heartbeat;
mod landed;
mod layer;
mod record;
mod redacted;
mod replay;
mod seat;
mod service;
mod work;

pub use self::config::{IdempotencyConfig, OnAbandon};
pub use self::future::ResponseFuture;
pub use self::layer::IdempotencyLayer;
pub use self::redacted::RedactedStore;
pub use self::replay::Replay;
pub use self::service::Idempotency;

#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(test)]
mod tests;
