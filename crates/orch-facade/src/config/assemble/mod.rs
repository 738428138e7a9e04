//! From the sections to a builder of a client, with everything that is wrong.

mod planner;
mod prices;
mod providers;
mod stores;
mod targets;
mod tools;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use orch_core::store::IdempotencyStore;
use orch_core::{Error, ErrorKind};

use super::Finding;
use super::environment::Variables;
use super::sections::Sections;
use super::tree::Tree;
use crate::ClientBuilder;

/// Where things come from that no table holds.
pub(super) struct Surroundings<'c> {
    /// The folder from which files are named.
    pub(super) folder: PathBuf,
    pub(super) variables: &'c Variables,
    pub(super) stores: &'c BTreeMap<String, Arc<dyn IdempotencyStore>>,
}

/// A configuration on the way to a client.
pub(super) struct Assembly<'c> {
    pub(super) tree: &'c Tree,
    pub(super) sections: &'c Sections,
    pub(super) around: &'c Surroundings<'c>,
    pub(super) found: Vec<Finding>,
    /// What could not be read, by its pointers.
    pub(super) left_out: Vec<String>,
}

impl Assembly<'_> {
    /// The builder of the code with everything that is written laid over it. No client is made, and nothing is connected.
    pub(super) fn builder(&mut self, code: ClientBuilder) -> ClientBuilder {
        let builder = code.reliability(self.sections.reliability.clone()).max_parallel(self.sections.max_parallel);
        let builder = self.stores(builder);
        let providers = self.providers();
        let builder = self.tools(builder, &providers);
        self.targets(&builder);
        self.planner(builder)
    }

    /// Whether everything in the table at `pointer` could be read; else what depends on the rest of it is not asked.
    fn is_whole(&self, pointer: &str) -> bool {
        let inside = format!("{pointer}/");
        !self.left_out.iter().any(|left_out| left_out.starts_with(&inside))
    }

    fn wrong(&mut self, pointer: &str, reason: impl Into<String>) {
        let finding = self.tree.finding(pointer, reason);
        self.found.push(finding);
    }

    /// Takes down an error of a builder that points at its own settings, which are those of the table at `pointer`.
    fn refused(&mut self, pointer: &str, error: &Error) {
        match error.kind() {
            ErrorKind::InvalidRequest { pointer: at, reason } => self.wrong(&format!("{pointer}{at}"), &**reason),
            _ => self.wrong(pointer, error.to_string()),
        }
    }

    /// The text of a file that the setting at `pointer` names.
    fn text_of(&mut self, pointer: &str, path: &Path) -> Option<String> {
        match std::fs::read_to_string(self.around.folder.join(path)) {
            Ok(text) => Some(text),
            Err(error) => {
                self.wrong(pointer, format!("cannot be read: {error}"));
                None
            }
        }
    }
}
