//! A planner that asks a model.

mod answer;
mod ask;
mod limits;
mod planner;
#[cfg(test)]
mod tests;

pub use self::limits::OptionLimit;
pub use self::planner::ModelPlanner;
