//! What users register: tools, and the services they become.

mod boxed;
mod function;
mod spec;

use std::sync::Arc;

use async_trait::async_trait;

pub use self::boxed::{BoxTool, IntoTool};
pub use self::function::{tool_fn, typed_tool_fn};
pub use self::spec::{Effect, ToolKind, ToolSpec};
use crate::{Error, Estimate, Output, Request};

/// Something expensive, slow or flaky that can be called by name.
///
/// Most tools are closures ([`tool_fn`], [`typed_tool_fn`]) or services
/// ([`BoxTool::new`]); implement the trait for a tool with state of its own.
///
/// ```
/// use std::sync::Arc;
/// use orch_core::{Error, Output, Request, Tool, ToolSpec};
///
/// struct Reverse { spec: ToolSpec }
///
/// #[async_trait::async_trait]
/// impl Tool for Reverse {
///     fn spec(&self) -> &ToolSpec {
///         &self.spec
///     }
///
///     async fn call(self: Arc<Self>, request: Request) -> Result<Output, Error> {
///         let text = request.input().as_text().ok_or_else(|| Error::invalid("", "expected a string"))?;
///         Ok(Output::from(text.chars().rev().collect::<String>()))
///     }
/// }
/// ```
///
/// # Cancellation
/// Dropping the future of `call` cancels the call. What was used until then is
/// booked from [`CallContext::progress`](crate::CallContext::progress), if the tool keeps it up to date.
#[async_trait]
pub trait Tool: Send + Sync + 'static {
    /// What the tool is called, expects and does.
    fn spec(&self) -> &ToolSpec;

    /// What a call is expected to use; unknown unless overridden.
    ///
    /// # Errors
    /// When the request cannot be called within the run's limits, such as a model without a price
    /// under a cost budget.
    fn estimate(&self, _request: &Request) -> Result<Estimate, Error> {
        Ok(Estimate::unknown())
    }

    /// Does the work. The future ends when the work has ended; progress goes through the request's context.
    ///
    /// # Errors
    /// Whatever went wrong, with the [`Class`](crate::Class) that tells the layers what to do about it.
    async fn call(self: Arc<Self>, request: Request) -> Result<Output, Error>;
}
