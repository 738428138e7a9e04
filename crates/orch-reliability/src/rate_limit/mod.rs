//! At most so many requests per minute and target.
//!
//! Whether a request fits is [`governor`]'s decision (GCRA, on tokio's clock); who may ask next, and what providers say
//! of their own limits, is decided here (`gate.rs`, `ceiling.rs`).

mod ceiling;
mod clock;
mod config;
mod future;
mod gate;
mod gates;
mod layer;

pub use self::config::RateLimitConfig;
pub use self::future::ResponseFuture;
pub use self::layer::{RateLimit, RateLimitBuilder, RateLimitLayer};

#[cfg(test)]
mod tests;
