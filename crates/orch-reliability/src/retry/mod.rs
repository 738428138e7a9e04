//! Repeats calls that failed in a way that may pass.
//!
//! The decision is a pure function of the failure and the state of the call (`decision.rs`); what a call remembers from
//! attempt to attempt is its session (`session.rs`), and the loop is the future (`future.rs`).

mod class_attempts;
mod decision;
mod future;
mod layer;
mod policy;
mod service;
mod session;

pub use self::future::ResponseFuture;
pub use self::layer::RetryLayer;
pub use self::policy::RetryPolicy;
pub use self::service::Retry;

#[cfg(test)]
mod tests;
