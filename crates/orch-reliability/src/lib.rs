#![doc = include_str!("../README.md")]

mod backoff;
mod circuit_breaker;
mod config;
mod memory;
mod retry_budget;
mod timer;

pub use backoff::Backoff;
pub use circuit_breaker::{
    CircuitBreaker, CircuitBreakerBuilder, CircuitBreakerConfig, CircuitBreakerFuture, CircuitBreakerHandle,
    CircuitBreakerLayer, CircuitSnapshot,
};
pub use config::ConfigError;
pub use memory::MemoryStore;
pub use retry_budget::{RatioBudget, RatioBudgetBuilder, RetryBudget, Withdrawal};
