#![doc = include_str!("../README.md")]

mod backoff;
pub mod budget;
pub mod bulkhead;
pub mod catch_panic;
pub mod circuit_breaker;
pub mod classify;
mod commit;
mod config;
pub mod fallback;
mod hashed_key;
pub mod idempotency;
pub mod memory;
mod per_target;
mod queued;
pub mod rate_limit;
pub mod retry;
mod retry_budget;
pub mod stack;
mod sync;
#[cfg(test)]
mod testing;
pub mod timeout;
mod timer;
pub mod trace;

pub use backoff::Backoff;
pub use budget::BudgetLayer;
pub use bulkhead::{BulkheadConfig, BulkheadLayer};
pub use catch_panic::CatchPanicLayer;
pub use circuit_breaker::{CircuitBreakerConfig, CircuitBreakerHandle, CircuitBreakerLayer};
pub use classify::ClassifyLayer;
pub use config::ConfigError;
pub use fallback::FallbackLayer;
pub use idempotency::{IdempotencyConfig, IdempotencyLayer, OnAbandon, RedactedStore, Replay};
pub use memory::{MemoryLedger, MemoryStore};
pub use rate_limit::{RateLimitConfig, RateLimitLayer};
pub use retry::{RetryLayer, RetryPolicy};
pub use retry_budget::{RatioBudget, RatioBudgetBuilder, RetryBudget, Withdrawal};
pub use stack::{ReliabilityConfig, ReliabilityStack, StackBuilder, ToolReliability};
pub use timeout::TimeoutLayer;
pub use trace::TraceLayer;
