use std::path::PathBuf;

use orch_core::Error;

use crate::PlanningError;

/// What is wrong with a rule file, and where.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}{reason}", at(self))]
#[non_exhaustive]
pub struct RuleFileError {
    /// The file, if the rules came from one.
    pub file: Option<PathBuf>,
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    /// A JSON Pointer to the place; empty for the whole text.
    pub pointer: String,
    /// What is wrong there, and what may have been meant.
    pub reason: String,
    /// The rule that cannot work, if that is what is wrong.
    #[source]
    pub rule: Option<Box<PlanningError>>,
}

impl RuleFileError {
    pub(super) fn with_source(mut self, error: PlanningError) -> Self {
        self.rule = Some(Box::new(error));
        self
    }
}

/// `rules.toml:12: /rules/0/op: `, as far as it is known.
fn at(error: &RuleFileError) -> String {
    let place = match (&error.file, error.line) {
        (Some(file), Some(line)) => format!("{}:{line}: ", file.display()),
        (Some(file), None) => format!("{}: ", file.display()),
        (None, Some(line)) => format!("line {line}: "),
        (None, None) => String::new(),
    };
    if error.pointer.is_empty() { place } else { format!("{place}{}: ", error.pointer) }
}

/// An `InvalidRequest` that points at the planner, so that `?` works where rules are read for a client.
impl From<RuleFileError> for Error {
    fn from(error: RuleFileError) -> Self {
        Self::invalid("/planner", error.to_string()).with_source(error)
    }
}
