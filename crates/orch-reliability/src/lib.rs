#![doc = include_str!("../README.md")]

mod backoff;
mod config;
mod retry_budget;
mod timer;

pub use backoff::Backoff;
pub use config::ConfigError;
pub use retry_budget::{RatioBudget, RatioBudgetBuilder, RetryBudget, Withdrawal};
