use std::fmt;

use orch_core::Error;

use super::Consensus;
use crate::rules::child;

/// Why a value is not sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where, as a JSON Pointer; empty for the whole value.
    pub pointer: String,
    /// Why.
    pub reason: String,
}

impl Violation {
    /// A complaint about the whole value.
    pub fn new(reason: impl fmt::Display) -> Self {
        Self { pointer: String::new(), reason: reason.to_string() }
    }

    /// The same complaint, where the value is a field or an item of another one.
    #[must_use]
    pub fn below(self, key: impl fmt::Display) -> Self {
        Self { pointer: child("", &key.to_string()) + &self.pointer, ..self }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => f.write_str(&self.reason),
            pointer => write!(f, "at `{pointer}`: {}", self.reason),
        }
    }
}

impl std::error::Error for Violation {}

/// A complaint about the whole value.
impl From<String> for Violation {
    fn from(reason: String) -> Self {
        Self::new(reason)
    }
}

/// A complaint about the whole value.
impl From<&str> for Violation {
    fn from(reason: &str) -> Self {
        Self::new(reason)
    }
}

/// `BadOutput` that points there.
impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::bad_output(violation.pointer, violation.reason)
    }
}

/// Checks a field; an empty name is the value itself.
///
/// # Errors
/// What the field's type complains of.
pub fn check_field<T: Consensus>(name: &str, value: &T) -> Result<(), Violation> {
    value.check().map_err(|violation| if name.is_empty() { violation } else { violation.below(name) })
}

/// Asks a function that somebody named in an attribute.
///
/// # Errors
/// What it complains of.
pub fn validate<T, E: Into<Violation>>(value: &T, check: impl Fn(&T) -> Result<(), E>) -> Result<(), Violation> {
    check(value).map_err(Into::into)
}
