//! What a bundle says: plain values, in the JSON shape that leaves the process.

mod replicate;
mod schema;
mod summary;

use std::collections::BTreeMap;
use std::time::Duration;

use orch_core::{Error, Output, Usage, Usd};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

pub use self::replicate::{Quality, Replicate};
pub use self::summary::{
    Candidate, Cluster, ConfidenceKind, ConsensusSource, Disagreement, DisagreementKind, DistanceStatistics,
    FieldStatistics, Interval, ModelGap, NumberStatistics, Statistics, Summary,
};
use crate::decision::Decision;

/// The content of a replicated call: `{"evidence_bundle": {..}}` in JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct BundleContent {
    /// The bundle.
    pub evidence_bundle: Bundle,
}

impl BundleContent {
    /// The content of an output.
    #[must_use]
    pub fn new(bundle: Bundle) -> Self {
        Self { evidence_bundle: bundle }
    }
}

/// What K replicates of one call agree on, where they differ, how sure one may be, and what it cost.
///
/// Equal outputs, in whatever order they arrived, give equal bundles, byte for byte, but for the
/// times and what a policy makes of it. Times are only under keys that end in `_ms`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Bundle {
    /// The version of this shape; see [`Bundle::SCHEMA_VERSION`].
    pub schema_version: u32,
    /// What was asked for and what became of it.
    pub meta: Meta,
    /// Every replicate that was started, in launch order.
    #[serde(deserialize_with = "replicate::read")]
    pub replicates: Vec<Replicate>,
    /// What they say together.
    pub summary: Summary,
    /// Why no further replicate was started.
    pub stop: StopRecord,
    /// What all replicates used, those that failed or were cancelled included.
    #[serde(default)]
    pub usage_total: Usage,
    /// What they cost, in dollars; `None`: unknown.
    #[serde(default)]
    pub cost_total_usd: Option<Usd>,
    /// What each replicate cost, in dollars, by its id; those of unknown cost are absent.
    #[serde(default)]
    pub cost_breakdown: BTreeMap<String, Usd>,
    /// What a policy says of it; `None` without a policy. It depends on what was labelled by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// Facts for people and logs: `distance` (the metric), `reduced_to` (how many replicates the budget allowed, when
    /// those were fewer than asked for), `scorer` and `scored_pairs` (who told how many distances of texts), and `warnings`,
    /// each if there is any.
    #[serde(default)]
    pub metadata: Map<String, Value>,
}

/// A value that is there is one, and be it `null`.
fn said<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl Bundle {
    /// The version of the shape.
    pub const SCHEMA_VERSION: u32 = 1;

    /// The bundle in the output of a replicated call.
    ///
    /// # Errors
    /// `BadOutput` that points at what is missing, when the output is not that of a bundle.
    pub fn from_output(output: &Output) -> Result<Self, Error> {
        Ok(output.content().get::<BundleContent>()?.evidence_bundle)
    }

    /// Whether time, money or the driver ended the run before K replicates or the stop rule did, or too few
    /// answers were valid. What was learnt from
    /// whole runs says nothing of it.
    #[must_use]
    pub fn is_cut_short(&self) -> bool {
        self.metadata.contains_key("reduced_to")
            || matches!(self.stop.rule.as_str(), "budget" | "deadline" | "insufficient" | "unfinished")
    }
}

/// What was asked for and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Meta {
    /// The tool that was replicated.
    pub task: Option<String>,
    /// How many replicates were asked for.
    pub k: u32,
    /// How many were started.
    pub k_started: u32,
    /// How many gave a valid answer that counts in the summary.
    pub k_completed: u32,
    /// How many valid answers there should be.
    pub min_valid: u32,
    /// In what the replicates differ on purpose: `seeds` alone, or also `temperature`, `prompt_variants` or `models`.
    pub diversity: String,
    /// The distance, 0 to 1, up to which two answers count as the same.
    pub epsilon: f64,
    /// The model that answered, if all answers are from the same one.
    pub model: Option<String>,
    /// The seeds of the replicates that were started, in launch order.
    pub seeds: Vec<u64>,
    /// Whether fewer replicates than asked for were enough, or had to be.
    pub early_stopped: bool,
    /// Why, in words.
    pub early_stop_reason: Option<String>,
    /// How long the whole took.
    #[serde(rename = "total_elapsed_ms", with = "orch_core::serde_ms")]
    #[schemars(with = "f64")]
    pub total_elapsed: Duration,
    /// The schema that the answers follow, as named by the caller.
    pub schema_uri: Option<String>,
}

/// Why no further replicate was started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct StopRecord {
    /// The rule: that of the stop rule, or `complete`, `insufficient`, `budget`, `deadline`, `unfinished`.
    pub rule: String,
    /// Why, in words.
    pub reason: String,
    /// How many replicates had ended when it was decided.
    pub n: u32,
    /// The chance that the rest would not have changed the answer, if the rule has an idea of it.
    pub p_same: Option<f64>,
    /// How many replicates were not started at all.
    pub saved: u32,
    /// How many were started at a time.
    pub waves: Vec<u32>,
    /// In which order ended replicates were looked at: `launch` or `completion`.
    pub order: String,
}

#[cfg(test)]
mod tests;
