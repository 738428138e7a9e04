//! At most so many calls per target at the same time.

mod config;
mod layer;
mod places;
mod queue;

pub use self::config::BulkheadConfig;
pub use self::layer::{Bulkhead, BulkheadBuilder, BulkheadLayer};

/// The future of [`Bulkhead`].
pub type ResponseFuture<S, R> = crate::queued::QueuedFuture<S, R, queue::PlaceQueue>;

#[cfg(test)]
mod tests;
