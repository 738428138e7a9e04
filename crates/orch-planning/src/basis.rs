use std::fmt;
use std::sync::Arc;

use serde::Serialize;

/// What proposes a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "by", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Basis {
    /// A rule that fits the request.
    Rule {
        /// The rule.
        rule: Arc<str>,
    },
    /// A fallback of a rule that fits the request.
    Fallback {
        /// The rule.
        rule: Arc<str>,
    },
    /// Nothing but that the tool is registered: no rule fits the request.
    Default,
    /// A planner's own judgement.
    Judgement,
}

impl Basis {
    /// How well a choice made on this basis is founded, by convention and not by measurement: 0.9 for a
    /// rule, 0.7 for a rule's second choice, 0.5 for the default choice and for a planner that says nothing else.
    #[must_use]
    pub const fn confidence(&self) -> f64 {
        match self {
            Self::Rule { .. } => 0.9,
            Self::Fallback { .. } => 0.7,
            Self::Default | Self::Judgement => 0.5,
        }
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule { rule } => write!(f, "rule `{rule}`"),
            Self::Fallback { rule } => write!(f, "fallback of rule `{rule}`"),
            Self::Default => f.write_str("default choice"),
            Self::Judgement => f.write_str("the planner's judgement"),
        }
    }
}
