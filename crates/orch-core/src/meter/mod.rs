//! The synchronous, in-process account of one run.
//!
//! A [`Meter`] is a handle on one account in a tree. The root has the run's
//! limits; a child may be capped and tags its bookings; a [`Reservation`] is a
//! child with funds: what is reserved or booked below it comes out of those
//! funds as far as they reach, and the rest out of what the parent has left.
//!
//! The invariant, tested over random trees: as long as nobody books more than
//! was reserved, settled + held never exceeds the limit, at any level.

mod accounts;
mod layer;

use std::fmt;
use std::sync::Arc;

pub(crate) use layer::Booking;
pub use layer::{MeterLayer, Metered, MeteredFuture};

use self::accounts::{AccountId, Accounts};
use crate::sync::{Mutex, MutexGuard, lock};
use crate::{Error, Estimate, Limits, Spend, Usage};

/// The account of a run, or of a part of it. Cloning gives another handle on the same account.
#[derive(Clone)]
pub struct Meter(Arc<Handle>);

struct Handle {
    accounts: Arc<Mutex<Accounts>>,
    id: AccountId,
    /// Keeps the parent's account open for as long as this one is.
    _parent: Option<Meter>,
}

impl Meter {
    /// The account of a run that keeps to `limits`.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let (accounts, id) = Accounts::new("run".into(), limits);
        Self(Arc::new(Handle { accounts: Arc::new(Mutex::new(accounts)), id, _parent: None }))
    }

    /// An account without limits: it only counts.
    #[must_use]
    pub fn unlimited() -> Self {
        Self::new(Limits::NONE)
    }

    /// An account below this one, named `level` in errors, with a cap of its own ([`Limits::NONE`]: none).
    ///
    /// It holds no money: what is reserved or booked here is reserved or booked at every level above as well.
    #[must_use]
    pub fn child(&self, level: impl Into<Arc<str>>, cap: Limits) -> Self {
        let id = self.lock().open(self.0.id, level.into(), cap);
        self.handle(id)
    }

    /// Sets `estimate` aside before work starts. Unknown parts reserve nothing, but are refused
    /// once that budget is used up.
    ///
    /// # Errors
    /// `BudgetExceeded` naming the level whose limit would be passed; nothing is held then.
    pub fn reserve(&self, estimate: &Estimate) -> Result<Reservation, Error> {
        let id = self.lock().reserve(self.0.id, estimate)?;
        Ok(Reservation { meter: self.handle(id) })
    }

    /// Counts what was really used, here and at every level above. Work that was done is always
    /// counted, even beyond a limit; [`check`](Self::check) tells of the overrun.
    pub fn book(&self, usage: &Usage) {
        self.lock().book(self.0.id, usage);
    }

    /// Whether the limits still hold, here and at every level above.
    ///
    /// # Errors
    /// `BudgetExceeded` with the limit that was passed and what was really used.
    pub fn check(&self) -> Result<(), Error> {
        self.lock().check(self.0.id)
    }

    /// What was booked here and below.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.lock().account(self.0.id).usage.clone()
    }

    /// Tokens and money booked here and below.
    #[must_use]
    pub fn settled(&self) -> Spend {
        self.lock().account(self.0.id).settled
    }

    /// Tokens and money set aside here and below and not booked yet.
    #[must_use]
    pub fn held(&self) -> Spend {
        self.lock().account(self.0.id).claim()
    }

    /// Whether anything was booked here or below.
    #[must_use]
    pub fn has_bookings(&self) -> bool {
        self.lock().account(self.0.id).bookings > 0
    }

    /// What may still be reserved: the least that any level leaves. `None` means not limited.
    #[must_use]
    pub fn remaining(&self) -> Limits {
        self.lock().remaining(self.0.id)
    }

    /// Whether a `BudgetExceeded` of this `level` speaks of this account or of one above it, and not of another one that
    /// has the same name. Only an error that comes from the account itself is recognised: one that was stored and read
    /// back is not.
    #[must_use]
    pub fn is_limited_by(&self, level: &Arc<str>) -> bool {
        self.lock().is_limited_by(self.0.id, level)
    }

    /// The limits of this account itself.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.lock().account(self.0.id).cap
    }

    fn handle(&self, id: AccountId) -> Self {
        Self(Arc::new(Handle { accounts: Arc::clone(&self.0.accounts), id, _parent: Some(self.clone()) }))
    }

    fn lock(&self) -> MutexGuard<'_, Accounts> {
        self.0.lock()
    }
}

impl Handle {
    fn lock(&self) -> MutexGuard<'_, Accounts> {
        lock(&self.accounts)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.lock().close(self.id);
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let accounts = self.lock();
        let account = accounts.account(self.0.id);
        f.debug_struct("Meter")
            .field("level", &account.level)
            .field("limits", &account.cap)
            .field("settled", &account.settled)
            .field("held", &account.claim())
            .finish()
    }
}

/// Tokens and money set aside for work that is about to start.
///
/// Give [`meter`](Self::meter) to the work. Dropping the reservation gives back
/// whatever was not booked, on success, on error and on cancellation alike.
#[derive(Debug)]
#[must_use = "dropping a reservation gives it back"]
pub struct Reservation {
    meter: Meter,
}

impl Reservation {
    /// The account to book on: bookings come out of the reservation first.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Books `usage` unless the work has booked for itself.
    pub fn settle(&self, usage: &Usage) {
        if !self.meter.has_bookings() && !usage.is_unknown() {
            self.meter.book(usage);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.meter.lock().release(self.meter.0.id);
    }
}

#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(test)]
mod tests;
