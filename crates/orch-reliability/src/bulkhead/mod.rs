//! At most so many calls per target at the same time.

mod future;
mod layer;
mod places;

pub use self::future::ResponseFuture;
pub use self::layer::{Bulkhead, BulkheadBuilder, BulkheadLayer};

#[cfg(test)]
mod tests;
