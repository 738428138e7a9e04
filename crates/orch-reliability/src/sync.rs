//! The locks and counters of what several threads change at once: the standard library's, or those of `loom`, which tries every
//! order of their steps. Tests whose names begin with `loom_` run under it:
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release -p orch-reliability --lib loom_
//! ```

use std::sync::PoisonError;

#[cfg(not(all(test, loom)))]
pub(crate) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU64, Ordering},
};

#[cfg(all(test, loom))]
pub(crate) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU64, Ordering},
};

/// Takes a lock under which every change is complete before it can panic, so that a poisoned value is still right.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tries every order of the steps of the threads that `run` starts, with up to three switches where none is forced.
#[cfg(all(test, loom))]
pub(crate) fn try_every_order(run: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(run);
}
