use std::sync::Arc;
use std::time::Duration;

use orch_core::{Class, Content, ReplicateStatus, Usage};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::options::Variation;

/// One execution of the call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Replicate {
    /// `r1` for the first one that was launched.
    pub id: String,
    /// What it answered. In JSON, `null` is the answer of a valid replicate and none of any other.
    #[serde(default, deserialize_with = "super::said")]
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

/// Replicates as they were: `null` for the answer of one that gave none is no answer.
pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Replicate>, D::Error> {
    let mut replicates = Vec::<Replicate>::deserialize(deserializer)?;
    for replicate in &mut replicates {
        replicate.forget_null();
    }
    Ok(replicates)
}

impl Replicate {
    /// An answer of `null` that does not count is none.
    pub(crate) fn forget_null(&mut self) {
        let null = |content: &Content| content.to_json().is_ok_and(|value| value.is_null());
        if self.status != ReplicateStatus::Valid && self.output.as_ref().is_some_and(null) {
            self.output = None;
        }
    }
}
