//! The class of foreign errors, and of our own where a tool knows better.

mod layer;

pub use self::layer::{Classify, ClassifyLayer, ResponseFuture};

#[cfg(test)]
mod tests;
