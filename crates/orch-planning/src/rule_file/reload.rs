use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use async_trait::async_trait;
use orch_core::{Error, Request};

use super::{RuleFile, RuleFileError};
use crate::{Catalog, Plan, Planner, PlanningError, RulePlanner, ScanLimits};

/// Rules from a file that can be read again while they are used.
///
/// New rules replace the old ones at once and whole, when all of them can work and all their tools are registered. A
/// file that is broken changes nothing: the old rules stay, [`reload`](Self::reload) says what is wrong, and
/// [`last_error`](Self::last_error) keeps saying it until a reload succeeds. A run that is being planned keeps the
/// rules that it began with, and its explanation speaks of those.
///
/// Nothing watches the file: call `reload` on a signal, by a timer, or from an administrator's request. Share it in
/// an `Arc`, which is a planner too.
#[derive(Debug)]
pub struct ReloadingRules {
    path: PathBuf,
    catalog: Catalog,
    limits: ScanLimits,
    current: RwLock<RulePlanner>,
    /// Held while a file is read, so that the last one that was read is the one that stays.
    reading: Mutex<()>,
    last_error: Mutex<Option<RuleFileError>>,
}

impl ReloadingRules {
    /// Reads rules for the tools of `catalog`. Blocks while it reads.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn open(path: impl Into<PathBuf>, catalog: &Catalog) -> Result<Self, RuleFileError> {
        let (path, catalog) = (path.into(), catalog.clone());
        let current = RwLock::new(RuleFile::read(&path)?.planner(&catalog)?);
        let limits = ScanLimits::default();
        Ok(Self { path, catalog, limits, current, reading: Mutex::default(), last_error: Mutex::default() })
    }

    /// Sets how much of a request the rules look through, those of this file and of every later one; see
    /// [`ScanLimits`].
    #[must_use]
    pub fn scan_limits(self, limits: ScanLimits) -> Self {
        let current = self.current.into_inner().unwrap_or_else(PoisonError::into_inner).scan_limits(limits);
        Self { limits, current: RwLock::new(current), ..self }
    }

    /// Reads the file again. Blocks while it reads: call it from `tokio::task::spawn_blocking`, or where blocking
    /// does no harm. Calls that are planned meanwhile do not wait, nor does
    /// [`last_error`](Self::last_error).
    ///
    /// # Errors
    /// What is wrong with the file; the old rules stay.
    pub fn reload(&self) -> Result<(), RuleFileError> {
        let _reading = lock(&self.reading);
        let read = RuleFile::read(&self.path).and_then(|file| file.planner(&self.catalog));
        let read = read.map(|planner| replace(&self.current, planner.scan_limits(self.limits)));
        *lock(&self.last_error) = read.as_ref().err().cloned();
        read
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The rules that are used now; they stay as they are when the file is read again.
    #[must_use]
    pub fn current(&self) -> RulePlanner {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why the last reload failed; `None` when it succeeded, or there was none.
    #[must_use]
    pub fn last_error(&self) -> Option<RuleFileError> {
        lock(&self.last_error).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts `new` in the place of the old one, which is dropped when nobody waits for the place any more: freeing many
/// rules takes time.
fn replace<T>(place: &RwLock<T>, new: T) {
    let old = std::mem::replace(&mut *place.write().unwrap_or_else(PoisonError::into_inner), new);
    drop(old);
}

#[async_trait]
impl Planner for ReloadingRules {
    async fn plan(&self, catalog: &Catalog, request: &Request) -> Result<Plan, Error> {
        let rules = self.current();
        rules.plan(catalog, request).await
    }

    fn check(&self, catalog: &Catalog) -> Result<(), PlanningError> {
        self.current().check(catalog)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Weak};

    use super::*;

    /// Notes when it is dropped whether its place can be read.
    struct Probe {
        place: Weak<RwLock<Self>>,
        readable: Arc<Mutex<Option<bool>>>,
    }

    impl Drop for Probe {
        fn drop(&mut self) {
            if let Some(place) = self.place.upgrade() {
                *lock(&self.readable) = Some(place.try_read().is_ok());
            }
        }
    }

    #[test]
    fn old_rules_are_freed_when_the_new_ones_can_be_read_already() {
        let readable = Arc::default();
        let probe = |place: &Weak<_>| Probe { place: Weak::clone(place), readable: Arc::clone(&readable) };
        let place = Arc::new_cyclic(|place| RwLock::new(probe(place)));
        replace(&place, probe(&Arc::downgrade(&place)));
        assert_eq!(*lock(&readable), Some(true));
    }
}
