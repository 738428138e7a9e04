use std::fmt;

use serde_json::Value;

use super::seen::excerpt;
use super::{Op, Path};

/// An attribute of the input compared with a value.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    path: Path,
    op: Op,
    value: Value,
}

impl Condition {
    /// The condition, or what the operator takes instead of `value`.
    pub(crate) fn new(path: Path, op: Op, value: Value) -> Result<Self, &'static str> {
        op.takes(&value).map(|()| Self { path, op, value })
    }

    /// The attribute.
    pub(super) fn look<'v>(&self, input: &'v Value) -> Option<&'v Value> {
        self.path.look(input)
    }

    pub(super) fn holds(&self, input: &Value) -> bool {
        self.op.holds(self.look(input), &self.value)
    }
}

/// What the attribute must do.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.op.demand())?;
        if self.op.compares() { write!(f, " {}", excerpt(&self.value)) } else { Ok(()) }
    }
}
