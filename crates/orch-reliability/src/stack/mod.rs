//! The documented stacks, made from one configuration.

mod config;
mod layers;

pub use self::config::ReliabilityConfig;
pub use self::layers::{ReliabilityStack, RunStackLayer, ToolStackLayer};

#[cfg(test)]
mod tests;
