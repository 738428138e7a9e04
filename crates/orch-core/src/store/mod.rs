//! What stores must do, for those who write one: plain values and narrow verbs.
//!
//! Each verb is one atomic step on the store's side, and time is always the
//! store's own clock. Reliability ships an in-memory store; adapters for
//! engines implement these traits with this crate alone.

mod fingerprint;
mod idempotency;
mod ledger;

pub(crate) use fingerprint::Field;
pub use fingerprint::{Fingerprint, HasFingerprint};
pub use idempotency::{Claim, IdempotencyStore, Key, Lease, OwnerId, Record, StoreError, Takeover};
pub use ledger::{BudgetLedger, CooldownStore, Hold, HoldId, Level, Standing};
