#![doc = include_str!("../README.md")]

mod backoff;
pub mod budget;
pub mod bulkhead;
pub mod catch_panic;
pub mod classify;
mod commit;
mod config;
pub mod fallback;
pub mod retry;
mod retry_budget;
pub mod timeout;
mod timer;
pub mod trace;

pub use backoff::Backoff;
pub use budget::BudgetLayer;
pub use bulkhead::BulkheadLayer;
pub use catch_panic::CatchPanicLayer;
pub use classify::ClassifyLayer;
pub use config::ConfigError;
pub use fallback::FallbackLayer;
pub use retry::{RetryLayer, RetryPolicy};
pub use retry_budget::{RatioBudget, RatioBudgetBuilder, RetryBudget, Withdrawal};
pub use timeout::TimeoutLayer;
pub use trace::TraceLayer;
