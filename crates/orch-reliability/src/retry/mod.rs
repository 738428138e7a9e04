//! Repeats calls that failed in a way that may pass.
//!
//! The decision is a pure function of the failure and the state of the call (`decision.rs`); the loop is
//! [`tower::retry::Retry`], driven by a policy of ours (`session.rs`) around a service that marks the
//! beginning of every attempt (`attempt.rs`).

mod attempt;
mod class_attempts;
mod decision;
mod layer;
mod policy;
mod service;
mod session;

pub use self::layer::RetryLayer;
pub use self::policy::RetryPolicy;
pub use self::service::{ResponseFuture, Retry};

#[cfg(test)]
mod tests;
