//! Spans around calls and attempts: who, where, how often, and how it ended; never what was said.

mod layer;
mod span;

pub use self::layer::{ResponseFuture, Trace, TraceLayer};
pub(crate) use self::span::attempt_span;

#[cfg(test)]
mod tests;
