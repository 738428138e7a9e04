use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the valid replicates say together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Summary {
    /// The answer they agree on. Of texts it is the medoid of the leading cluster; of JSON it is put
    /// together field by field, without the fields that have no winner; so it may be an answer that nobody gave
    /// (the `medoid` is one that somebody did). `null` is an answer.
    #[serde(default, deserialize_with = "super::said")]
    pub consensus: Option<Value>,
    /// How it was found.
    pub consensus_source: ConsensusSource,
    /// Whether there are fewer valid answers than `min_valid` asked for: what is said here rests on too little.
    pub insufficient: bool,
    /// Where they differ, the most divided first.
    pub disagreements: Vec<Disagreement>,
    /// The distance of each pair, 0 to 1, with a row and a column for each id of `compared`.
    pub pairwise_distance: Vec<Vec<f64>>,
    /// The replicates that the summary is about, in launch order.
    pub compared: Vec<String>,
    /// Statistics of each field, by JSON Pointer; that of a whole text or number is the empty one.
    pub distributions: BTreeMap<String, FieldStatistics>,
    /// How sure one may be, 0 to 1. What that means is said by `confidence_kind`.
    pub confidence: f64,
    /// Which of the numbers below `confidence` is.
    pub confidence_kind: ConfidenceKind,
    /// The chance that one more replicate joins the consensus, by its formula, uncalibrated. It knows nothing of
    /// errors that all replicates share.
    pub agreement: f64,
    /// The chance that the most frequent answer is also the most probable one; `None` with one replicate.
    pub mode_posterior: Option<f64>,
    /// How far all answers together are from saying different things, 0 to 1, by
    /// [`kernel_confidence`](crate::confidence::kernel_confidence) over their words; a score that ranks, and no chance
    /// of anything. `None` with one replicate.
    #[serde(default)]
    pub kernel_confidence: Option<f64>,
    /// The chance that the consensus is right; `None` without a calibrator that was fitted on labels.
    pub p_correct: Option<f64>,
    /// The groups of equal answers, the largest first.
    pub clusters: Vec<Cluster>,
    /// The replicate whose answer lies in the middle of the leading cluster.
    pub medoid: String,
    /// Counts and spreads.
    pub statistics: Statistics,
    /// Whether some distance is an approximation because an answer is very large; `metadata.warnings` says which.
    #[serde(default)]
    pub approximate: bool,
    /// Whether something was left out to keep the summary short.
    pub truncated: bool,
    /// What was left out.
    pub truncation_info: Option<String>,
}

/// How a consensus was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConsensusSource {
    /// It is the medoid's answer.
    Medoid,
    /// It was put together field by field.
    Fields,
    /// It was put together field by field, which gave an answer that is not valid; the medoid's took its place.
    Fallback,
}

/// What a confidence means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConfidenceKind {
    /// The chance that one more replicate joins the consensus.
    Agreement,
    /// The chance that the most frequent answer is the most probable one.
    ModePosterior,
    /// The chance that the consensus is right, from a calibrator that was fitted on labels.
    PCorrect,
}

impl ConfidenceKind {
    /// What it means, in words.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Agreement => "the chance that one more replicate joins the consensus",
            Self::ModePosterior => "the chance that the most frequent answer is the most probable one",
            Self::PCorrect => "the chance that the consensus is right, by a calibrator fitted on labels",
        }
    }
}

/// A group of answers that are all within epsilon of each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Cluster {
    /// Its replicates, in launch order.
    pub replicate_ids: Vec<String>,
    /// The sum of their weights; each replicate weighs 1.
    pub weight: f64,
    /// The replicate in its middle.
    pub medoid: String,
}

/// A place where replicates differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Disagreement {
    /// Where, as a JSON Pointer; empty for the whole answer.
    pub pointer: String,
    /// How they differ.
    pub kind: DisagreementKind,
    /// The alternatives, the best supported first. Of `missing` the values are `"present"` and `"absent"`,
    /// of `type` `"object"`, `"array"` and `"value"`, of `length` the lengths, of `order` the arrays.
    pub candidates: Vec<Candidate>,
    /// How divided they are, in nats: 0 when one alternative has all the weight.
    pub entropy: f64,
    /// The alternative that the consensus follows, which may be `null`; `None`, which is not written: there was no winner.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "super::said")]
    pub consensus: Option<Value>,
}

/// How replicates differ at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DisagreementKind {
    /// Different values.
    Value,
    /// Some lack the field.
    Missing,
    /// Values of different JSON types.
    Type,
    /// Arrays of different lengths.
    Length,
    /// Arrays of the same scalars in another order.
    Order,
}

/// One of the alternatives at a place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Candidate {
    /// What is said; of a group of similar values, one that occurred.
    pub value: Value,
    /// The part of those who say anything here that say this, 0 to 1.
    pub support: f64,
    /// The sum of their weights.
    pub weight: f64,
    /// Who says it, in launch order.
    pub replicate_ids: Vec<String>,
}

/// Statistics of one field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct FieldStatistics {
    /// How many replicates have it.
    pub n: u32,
    /// How many different values they give.
    pub distinct: u32,
    /// The part of them that gives the most frequent value, 0 to 1.
    pub support: f64,
    /// How divided they are, in nats.
    pub entropy: f64,
    /// More, if all values are numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<NumberStatistics>,
}

/// Statistics of a field of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct NumberStatistics {
    /// How many there are.
    pub n: u32,
    /// The smallest.
    pub min: f64,
    /// The one in the middle (the mean of both when their number is even).
    pub median: f64,
    /// The mean.
    pub mean: f64,
    /// The largest.
    pub max: f64,
    /// The sample standard deviation; `None` of one number.
    pub sd: Option<f64>,
    /// The median of the differences from the median.
    pub mad: f64,
}

/// Counts and spreads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Statistics {
    /// How many replicates were asked for.
    pub requested: u32,
    /// How many were started.
    pub started: u32,
    /// How many gave a valid answer that counts.
    pub valid: u32,
    /// How many failed.
    pub failed: u32,
    /// How many gave an answer that cannot be used.
    pub invalid: u32,
    /// How many were cancelled because they were not needed any more.
    pub cancelled: u32,
    /// Distances; `None` with one replicate.
    pub distance: Option<DistanceStatistics>,
    /// The entropy of the clusters, in nats.
    pub entropy: f64,
    /// The entropy as a part of the highest possible, `ln K`; `None` with one replicate.
    pub entropy_ratio: Option<f64>,
    /// To how many equally frequent answers the entropy corresponds.
    pub effective_answers: f64,
    /// The part of pairs that are in the same cluster; `None` with one replicate.
    pub pair_agreement: Option<f64>,
    /// The weight of the leading cluster less that of the second, as a part of the whole.
    pub margin: f64,
    /// The 95 % Wilson interval of the leading cluster's part: a bound, not a ranking.
    pub wilson: Interval,
    /// The von Neumann entropy of all distances by words, in nats, see
    /// [`von_neumann_entropy`](crate::confidence::von_neumann_entropy); `None` with one replicate.
    pub von_neumann: Option<f64>,
    /// The mean distance of all ordered pairs, each with itself included: the degree measure of Lin et al. 2024.
    pub degree: f64,
    /// Krippendorff's alpha over all fields: 1 is full agreement, 0 that of chance. Numbers count by the square of
    /// their difference if all fields are numbers, else values are the same or not. `None` with fewer than two fields, and
    /// when there is nothing but one value.
    pub alpha: Option<f64>,
    /// How much more models differ from each other than from themselves; `None` unless the replicates are of several
    /// models, one of them twice.
    pub model_gap: Option<ModelGap>,
}

/// Distances among the compared replicates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct DistanceStatistics {
    /// The smallest.
    pub min: f64,
    /// The one in the middle (the mean of both when their number is even).
    pub median: f64,
    /// The mean.
    pub mean: f64,
    /// The largest.
    pub max: f64,
    /// The mean distance of the other replicates to the medoid.
    pub to_medoid: f64,
}

/// Mean distances of pairs of replicates, by whether both are of the same model.
///
/// A wide gap is a warning that no statistic within one model gives: each model agrees with itself and not with the
/// other.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ModelGap {
    /// Of the same model.
    pub within: f64,
    /// Of different models.
    pub between: f64,
    /// `between` less `within`.
    pub gap: f64,
}

/// Two ends.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}
