//! Replication of any service.

mod budget;
mod desk;
mod driver;
mod layer;
mod one;
mod service;
mod validation;

pub use self::layer::ReplicateLayer;
pub use self::service::{ReplicateFuture, ReplicateService};

#[cfg(test)]
mod tests;
