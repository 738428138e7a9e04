//! What travels with a call through every layer.

mod call;
mod deadline;
mod identity;
mod in_flight;
mod progress;

pub use self::call::{CallContext, Cancellation, Part};
pub use self::deadline::Deadline;
pub(crate) use self::identity::Identity;
pub use self::in_flight::{InFlight, Place};
pub use self::progress::Progress;

/// A request that carries a [`CallContext`]: what every layer of this workspace asks of a request.
///
/// Implement it for your own request type, or wrap a foreign one with [`ContextLayer`](crate::ContextLayer).
#[diagnostic::on_unimplemented(
    message = "`{Self}` carries no `CallContext`, so orch's layers cannot see its deadline, meter and ids",
    label = "this request type does not implement `HasContext`",
    note = "for a foreign request: put `orch_core::ContextLayer::new()` right around the foreign service, inside orch's layers, and send `orch_core::Call`; for a request of your own: implement `HasContext`"
)]
pub trait HasContext {
    /// The context.
    fn context(&self) -> &CallContext;

    /// The context, to be changed for the layers inside.
    fn context_mut(&mut self) -> &mut CallContext;
}
