#![doc = include_str!("../README.md")]

mod basis;
mod capability;
mod catalog;
mod compile;
mod compiled;
mod considered;
mod decide;
mod error;
mod explain;
mod findings;
mod index;
mod matching;
mod model;
mod options;
pub mod plan;
mod planner;
mod replicates;
mod rule;
#[cfg(feature = "rules-file")]
pub mod rule_file;
mod rule_planner;
mod rules;
#[cfg(test)]
mod testing;

pub use basis::Basis;
pub use capability::Capability;
pub use catalog::Catalog;
pub use considered::{BlockedBy, Considered, Skip};
pub use error::PlanningError;
pub use explain::{Explanation, RuleReport};
pub use findings::Finding;
pub use matching::{Op, ScanLimits, When, WhyNot};
pub use model::{ModelPlanner, OptionLimit};
pub use plan::{PlanLayer, Planned};
pub use planner::{Plan, Planner};
pub use rule::{Rule, Then};
pub use rule_planner::RulePlanner;
