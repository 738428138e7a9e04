#![doc = include_str!("../README.md")]

mod basis;
mod catalog;
mod compiled;
mod considered;
mod decide;
mod error;
mod explain;
mod matching;
pub mod plan;
mod planner;
mod replicates;
mod rule;
mod rule_planner;
#[cfg(test)]
mod testing;

pub use basis::Basis;
pub use catalog::Catalog;
pub use considered::{BlockedBy, Considered, Skip};
pub use error::PlanningError;
pub use explain::{Explanation, RuleReport};
pub use matching::{Op, WhyNot};
pub use plan::{PlanLayer, Planned};
pub use planner::{Plan, Planner};
pub use rule::Rule;
pub use rule_planner::RulePlanner;
