//! The OpenAI Chat Completions wire: a pure encode and decode pair, and the provider that sends one and reads the
//! other over a guarded transport.
//!
//! [`encode`], [`decode_sse`] and [`decode_json`] need no network: to see what a request becomes, to read a recorded
//! answer, or to speak the wire over another client.

mod builder;
mod classify;
mod decode;
mod encode;
mod failure;
mod provider;
mod pure;
mod telemetry;
mod usage;
mod wire;

pub use self::builder::OpenAiBuilder;
pub use self::encode::encode;
pub use self::provider::OpenAi;
pub use self::pure::{decode_json, decode_sse};

#[cfg(test)]
mod tests;
