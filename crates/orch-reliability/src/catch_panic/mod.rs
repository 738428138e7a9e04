//! Panics become errors.

mod layer;

pub use self::layer::{CatchPanic, CatchPanicLayer, ResponseFuture};

#[cfg(test)]
mod tests;
