use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use orch_core::Error;

use crate::provider::ProviderInfo;

/// A step of a [`ProviderCheck`](crate::ProviderCheck).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CheckStep {
    /// A whole answer: text, finish, usage.
    Plain,
    /// The same in a stream: the pieces are the answer, the first one was noted.
    Stream,
    /// A tool that must be called, and what the model makes of the tool's answer.
    ToolCall,
    /// An answer that keeps to a JSON Schema.
    JsonSchema,
    /// A wrong key is refused as such.
    WrongKey,
    /// A stream that is given up after its first piece: what it used until then is known, and the next call works.
    Cancel,
}

impl CheckStep {
    /// All steps, in their order.
    pub const ALL: [Self; 6] =
        [Self::Plain, Self::Stream, Self::ToolCall, Self::JsonSchema, Self::WrongKey, Self::Cancel];

    /// The step's name, as in the report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Stream => "stream",
            Self::ToolCall => "tool-call",
            Self::JsonSchema => "json-schema",
            Self::WrongKey => "wrong-key",
            Self::Cancel => "cancel",
        }
    }
}

impl fmt::Display for CheckStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for CheckStep {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|step| step.as_str() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            Error::invalid("/step", format!("`{name}` is none of {names}"))
        })
    }
}

/// What a step found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// It is as it should be; with what was seen.
    Passed(String),
    /// It is not, and why.
    Failed(String),
    /// It was not tried, or nothing can be said, and why.
    Skipped(String),
}

impl Finding {
    fn word(&self) -> &'static str {
        match self {
            Self::Passed(_) => "ok",
            Self::Failed(_) => "FAILED",
            Self::Skipped(_) => "skipped",
        }
    }

    /// What was seen, or why.
    #[must_use]
    pub fn remark(&self) -> &str {
        match self {
            Self::Passed(remark) | Self::Failed(remark) | Self::Skipped(remark) => remark,
        }
    }
}

/// One line of a [`CheckReport`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckRow {
    /// The step.
    pub step: CheckStep,
    /// What it found.
    pub finding: Finding,
    /// How long it took.
    pub took: Duration,
}

/// What a [`ProviderCheck`](crate::ProviderCheck) found; `Display` writes it as a table.
#[derive(Clone, Debug)]
pub struct CheckReport {
    provider: ProviderInfo,
    rows: Vec<CheckRow>,
}

impl CheckReport {
    pub(super) fn new(provider: &ProviderInfo, rows: Vec<CheckRow>) -> Self {
        Self { provider: provider.clone(), rows }
    }

    /// A row for each step, in their order.
    #[must_use]
    pub fn rows(&self) -> &[CheckRow] {
        &self.rows
    }

    /// What a step found.
    #[must_use]
    pub fn finding(&self, step: CheckStep) -> Option<&Finding> {
        self.rows.iter().find(|row| row.step == step).map(|row| &row.finding)
    }

    /// Whether no step has failed; one that was skipped has not.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.rows.iter().all(|row| !matches!(row.finding, Finding::Failed(_)))
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = &self.provider;
        writeln!(f, "{} at {}, model {}", info.name(), info.target(), info.model())?;
        for CheckRow { step, finding, took } in &self.rows {
            let (seconds, word) = (took.as_secs_f64(), finding.word());
            writeln!(f, "{step:<12} {word:<8} {seconds:>6.2} s  {}", finding.remark())?;
        }
        Ok(())
    }
}
