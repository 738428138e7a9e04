//! The account of a run: what it may spend, and what is said when it spends too much.

mod above;
mod account;
mod future;
mod layer;
mod warning;

pub use self::future::ResponseFuture;
pub use self::layer::{BudgetLayer, Budgeted};

#[cfg(test)]
mod tests;

#[cfg(test)]
mod ledger_tests;
