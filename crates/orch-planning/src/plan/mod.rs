//! The planner as a tower layer.

mod future;
mod layer;
mod service;
#[cfg(test)]
mod tests;

pub use self::future::PlanFuture;
pub use self::layer::{PlanLayer, PlanObserver};
pub use self::service::Planned;
