//! The documented stacks, made from one configuration.

mod builder;
mod config;
mod run;
mod tool;
mod tool_config;

pub use self::builder::{ReliabilityStack, StackBuilder};
pub use self::config::ReliabilityConfig;
pub use self::run::{RunStack, RunStackLayer};
pub use self::tool::{ToolStack, ToolStackLayer};
pub use self::tool_config::ToolReliability;

#[cfg(test)]
mod tests;
