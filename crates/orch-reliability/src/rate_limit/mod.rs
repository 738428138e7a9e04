//! At most so many requests per minute and target.
//!
//! Whether a request fits is [`governor`]'s decision (GCRA, on tokio's clock); who may ask next, and what providers say
//! of their own limits, is decided here (`gate.rs`, `ceiling.rs`).

mod ceiling;
mod clock;
mod config;
mod gate;
mod gates;
mod layer;
mod queue;

pub use self::config::RateLimitConfig;
pub use self::layer::{RateLimit, RateLimitBuilder, RateLimitLayer};

/// The future of [`RateLimit`].
pub type ResponseFuture<S, R> = crate::queued::QueuedFuture<S, R, queue::TurnQueue>;

#[cfg(test)]
mod tests;
