use std::sync::Arc;
use std::time::Duration;

use orch_core::{Class, Content, ReplicateStatus, Usage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::options::Variation;

/// One execution of the call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Replicate {
    /// `r1` for the first one that was launched.
    pub id: String,
    /// What it answered.
    pub output: Option<Content>,
    /// Whether the answer can be used.
    pub quality: Quality,
    /// What it used, its failed attempts included.
    #[serde(default)]
    pub usage: Usage,
    /// How long it took; `None` when it did not end.
    #[serde(default, rename = "elapsed_ms", with = "orch_core::serde_ms::option")]
    #[schemars(with = "Option<f64>")]
    pub elapsed: Option<Duration>,
    /// Its seed.
    pub seed: u64,
    /// In what it differs from the others on purpose, besides its seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variation: Option<Variation>,
    /// The model that answered.
    pub model: Option<Arc<str>>,
    /// What became of it.
    pub status: ReplicateStatus,
    /// Whether the summary includes it. A valid replicate does not count when it ended out of order,
    /// after the decision to stop had been made without it.
    pub counted: bool,
}

/// Whether an answer can be used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct Quality {
    /// Whether it can.
    pub valid: bool,
    /// Why it cannot.
    pub errors: Vec<String>,
    /// What is odd about it.
    pub warnings: Vec<String>,
    /// The schema that the answer was checked against: its `$id`, else its URI as named by the caller; `None`: none.
    pub schema_version: Option<Arc<str>>,
    /// The class of the failure, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
}
