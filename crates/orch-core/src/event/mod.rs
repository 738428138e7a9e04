//! What a run tells while it works.

mod kinds;
mod lane;
mod sink;

pub use self::kinds::{DeltaKind, Envelope, Event, Origin, ReplicateStatus};
pub use self::sink::{EventSink, EventStream};

#[cfg(test)]
mod tests;
