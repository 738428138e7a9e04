//! The seam: a tool is a tower service, and every service around it stays one.

mod dispatch;
mod foreign;
mod scope;
mod tool_service;
mod try_ready;

pub use self::dispatch::Dispatch;
pub use self::foreign::{Call, ContextLayer, ContextService};
pub use self::scope::{Scope, ScopeLayer};
pub use self::tool_service::ToolService;
pub use self::try_ready::{TryReady, try_ready};

#[cfg(test)]
mod tests;
