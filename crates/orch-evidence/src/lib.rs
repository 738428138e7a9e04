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
mod matrix;
mod normalise;
mod options;
mod replicate;
mod seeds;
mod statistics;
pub mod stopping;
mod summarise;

pub use bundle::{
    Bundle, BundleContent, Candidate, Cluster, ConfidenceKind, Disagreement, DisagreementKind, DistanceStatistics,
    FieldStatistics, Interval, Meta, NumberStatistics, Quality, Replicate, Statistics, StopRecord, Summary,
};
pub use bundle_tool::BundleTool;
pub use bundler::{Bundler, Command, Input, Measurement, Notice, Row};
use count::count;
pub use distance::{Distance, Exact, Prepared, TokenJaccard, TokenLevenshtein};
pub use normalise::normalise;
pub use options::{BundleOptions, Order, StopName, Waves};
pub use replicate::{ReplicateFuture, ReplicateLayer, ReplicateService};
pub use seeds::seeds;
pub use stopping::{StopRule, TallyView};
