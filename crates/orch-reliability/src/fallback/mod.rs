//! The next candidate of a route, when one has failed.

mod chain;
mod layer;
mod policy;

pub use self::layer::{Fallback, FallbackLayer, ResponseFuture};

#[cfg(test)]
mod tests;
