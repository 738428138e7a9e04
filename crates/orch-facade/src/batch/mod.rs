//! Many runs as one job: bounded, on one account, and able to go on where it was stopped.

mod builder;
mod item;
mod stream;

pub use self::builder::RunAll;
pub use self::item::{BatchItem, BatchSummary};
pub use self::stream::Batch;
