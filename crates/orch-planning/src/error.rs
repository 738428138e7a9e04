use std::sync::Arc;

use orch_core::Error;
use serde_json::Value;

use crate::Op;

/// A planner that cannot work as it was set up, found before any request is planned.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanningError {
    /// A rule says what to look for but not what to do.
    #[error("rule `{rule}` names no tool")]
    NoTool {
        /// The rule.
        rule: Arc<str>,
    },
    /// A keyword rule without keywords, or with a blank one.
    #[error("rule `{rule}` has no keywords, or a blank one")]
    EmptyKeywords {
        /// The rule.
        rule: Arc<str>,
    },
    /// A rule without keywords says where to look for them.
    #[error("rule `{rule}` has no keywords to look for on `{attribute}`")]
    NotKeywords {
        /// The rule.
        rule: Arc<str>,
        /// The attribute.
        attribute: String,
    },
    /// Two rules of one name.
    #[error("two rules are named `{rule}`")]
    DuplicateName {
        /// The name.
        rule: Arc<str>,
    },
    /// A path that is neither dotted nor a JSON Pointer.
    #[error("rule `{rule}`: `{path}` is not a path: {reason}")]
    InvalidPath {
        /// The rule.
        rule: Arc<str>,
        /// The path.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A value that its operator cannot compare with.
    #[error("rule `{rule}`: on `{path}`, `{op}` takes {expected}, not {value}")]
    WrongValue {
        /// The rule.
        rule: Arc<str>,
        /// The attribute.
        path: String,
        /// The operator.
        op: Op,
        /// What it takes.
        expected: &'static str,
        /// The value.
        value: Value,
    },
    /// A regular expression that does not compile, or becomes too large.
    #[error("rule `{rule}`: on `{path}`, the regular expression does not compile: {reason}")]
    InvalidPattern {
        /// The rule.
        rule: Arc<str>,
        /// The attribute.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Keywords that are too short for so many typos, or typos without keywords.
    #[error("rule `{rule}` lets {typos} typos pass: each keyword needs at least three letters for each")]
    TooFuzzy {
        /// The rule.
        rule: Arc<str>,
        /// The typos.
        typos: usize,
    },
    /// A group of conditions that is empty, or nested too deep.
    #[error("rule `{rule}`: {reason}")]
    InvalidGroup {
        /// The rule.
        rule: Arc<str>,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A rule without a tool that asks for something only a tool can have.
    #[error("rule `{rule}` names no tool: it cannot have {what}")]
    OnlyOptions {
        /// The rule.
        rule: Arc<str>,
        /// What it cannot have.
        what: &'static str,
    },
    /// Options that are not an object.
    #[error("rule `{rule}`: the options of `{tool}` must be an object, not {options}")]
    OptionsNotObject {
        /// The rule.
        rule: Arc<str>,
        /// The tool.
        tool: Arc<str>,
        /// The options.
        options: Value,
    },
    /// A budget-aware rule without a number of replicates to reduce.
    #[error("rule `{rule}` is budget-aware: its tool options must give `k`, a whole number from 1 on")]
    NoReplicates {
        /// The rule.
        rule: Arc<str>,
    },
    /// A rule whose tool and fallbacks are not all different.
    #[error("rule `{rule}` tries `{tool}` twice")]
    RepeatedTool {
        /// The rule.
        rule: Arc<str>,
        /// The tool.
        tool: Arc<str>,
    },
    /// A rule names a tool that is not registered.
    #[error("rule `{rule}` names the tool `{tool}`, which is not registered{}", hint(did_you_mean.as_deref()))]
    UnknownTool {
        /// The rule.
        rule: Arc<str>,
        /// The tool.
        tool: Arc<str>,
        /// The nearest registered name, if one is near.
        did_you_mean: Option<Arc<str>>,
    },
    /// A model may set an option of a tool that is not registered.
    #[error("an option is allowed for the tool `{tool}`, which is not registered{}", hint(did_you_mean.as_deref()))]
    UnknownAllowed {
        /// The tool.
        tool: Arc<str>,
        /// The nearest registered name, if one is near.
        did_you_mean: Option<Arc<str>>,
    },
}

impl PlanningError {
    /// The rule that cannot work; `None` when it is no rule.
    #[must_use]
    pub fn rule(&self) -> Option<&Arc<str>> {
        match self {
            Self::NoTool { rule }
            | Self::EmptyKeywords { rule }
            | Self::NotKeywords { rule, .. }
            | Self::DuplicateName { rule }
            | Self::InvalidPath { rule, .. }
            | Self::WrongValue { rule, .. }
            | Self::InvalidPattern { rule, .. }
            | Self::TooFuzzy { rule, .. }
            | Self::InvalidGroup { rule, .. }
            | Self::OnlyOptions { rule, .. }
            | Self::OptionsNotObject { rule, .. }
            | Self::NoReplicates { rule }
            | Self::RepeatedTool { rule, .. }
            | Self::UnknownTool { rule, .. } => Some(rule),
            Self::UnknownAllowed { .. } => None,
        }
    }
}

/// An `InvalidRequest` that points at the planner, so that `?` works where rules are built for a client.
impl From<PlanningError> for Error {
    fn from(error: PlanningError) -> Self {
        Self::invalid("/planner", error.to_string()).with_source(error)
    }
}

/// The end of a message about an unknown name.
pub(crate) fn hint(did_you_mean: Option<&str>) -> String {
    did_you_mean.map(|name| format!(", did you mean `{name}`?")).unwrap_or_default()
}
