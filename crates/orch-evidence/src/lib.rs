#![doc = include_str!("../README.md")]

mod bundle;
mod bundle_tool;
mod bundler;
mod cluster;
pub mod confidence;
mod consensus;
mod count;
pub mod decision;
mod distance;
mod json;
mod matrix;
mod normalise;
mod notes;
mod options;
mod replicate;
mod rules;
mod scorer;
mod seeds;
mod statistics;
pub mod stopping;
mod summarise;
mod tree;
mod truncate;
pub mod typed;
mod validate;
pub mod weights;

pub use bundle::{
    Bundle, BundleContent, Candidate, Cluster, ConfidenceKind, ConsensusSource, Disagreement, DisagreementKind,
    DistanceStatistics, FieldStatistics, Interval, Meta, ModelGap, NumberStatistics, Quality, Replicate, Statistics,
    StopRecord, Summary,
};
pub use bundle_tool::BundleTool;
pub use bundler::{Bundler, Command, Input, Measurement, Notice, Row};
use count::count;
pub use distance::{
    Containment, CosineTf, DamerauLevenshtein, Distance, Exact, JaroWinkler, Levenshtein, Max, Osa, Prepared, RougeL,
    SorensenDice, TextMetric, TokenJaccard, TokenLevenshtein, Weighted,
};
pub use normalise::{Normaliser, normalise};
pub use options::{BundleLimits, BundleOptions, Delivery, Diversity, Order, StopName, Variation, Waves};
pub use replicate::{ReplicateFuture, ReplicateLayer, ReplicateService};
pub use rules::{Compare, ConsensusRules, FieldRule, NullPolicy};
pub use scorer::{AsyncPairScorer, CosineScorer, TextPair};
pub use seeds::seeds;
pub use stopping::{StopRule, TallyView};
pub use typed::{Consensus, Evidence};
pub use validate::Validator;

#[cfg(feature = "derive")]
pub use orch_derive::Consensus;
