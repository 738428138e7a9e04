//! Stops calling a target that keeps failing.
//!
//! `state` is the machine, pure and tested row by row; `breaker` is the shell that locks it, tells the health
//! board and the listeners, and makes sure that every admitted call reports exactly once; `fast_path` is the way
//! through a closed circuit without that lock.

mod breaker;
mod builder;
mod change;
mod config;
mod fast_path;
mod future;
mod handle;
mod layer;
mod registry;
mod service;
mod state;
mod verdict;
mod window;

pub use self::builder::CircuitBreakerBuilder;
pub use self::config::CircuitBreakerConfig;
pub use self::future::ResponseFuture;
pub use self::handle::{CircuitBreakerHandle, CircuitSnapshot};
pub use self::layer::CircuitBreakerLayer;
pub use self::service::CircuitBreaker;

#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(test)]
mod tests;
