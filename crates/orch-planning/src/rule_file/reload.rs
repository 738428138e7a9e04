use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use async_trait::async_trait;
use orch_core::{Error, Request};

use super::{RuleFile, RuleFileError};
use crate::{Catalog, Plan, Planner, PlanningError, RulePlanner};

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
    current: RwLock<RulePlanner>,
    /// Held while a file is read, so that the last one that was read is the one that stays.
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
        Ok(Self { path, catalog, current, last_error: Mutex::new(None) })
    }

    /// Reads the file again. Blocks while it reads: call it from `tokio::task::spawn_blocking`, or where blocking
    /// does no harm. Calls that are planned meanwhile do not wait.
    ///
    /// # Errors
    /// What is wrong with the file; the old rules stay.
    pub fn reload(&self) -> Result<(), RuleFileError> {
        let mut last_error = self.lock();
        match RuleFile::read(&self.path).and_then(|file| file.planner(&self.catalog)) {
            Ok(planner) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = planner;
                *last_error = None;
                Ok(())
            }
            Err(error) => {
                *last_error = Some(error.clone());
                Err(error)
            }
        }
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
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<RuleFileError>> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
