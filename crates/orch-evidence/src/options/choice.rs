//! Settings that are one of a few.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::stopping::{Epsilon, Lock, Never, StopRule, adaptive};

/// How many replicates are started at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Waves {
    /// Two, then one at a time, as long as they are needed: the cheapest. The default.
    #[default]
    Careful,
    /// As many as may run at the same time; a stop cancels those that still run: the fastest.
    All,
}

/// In which order ended replicates are looked at to decide whether to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// As they were launched. The default: the decision does not depend on which one is fast.
    #[default]
    Launch,
    /// As they end: sooner, but it favours fast answers, which are often the short ones.
    Completion,
}

impl Order {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Launch => "launch",
            Self::Completion => "completion",
        }
    }
}

/// What listeners get of the answer while a bundle is made. The bundle itself always comes at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Nothing: the answer at the end. The default.
    #[default]
    Quiet,
    /// The pieces of the first replicate as they arrive, then the first valid answer as
    /// [`Provisional`](orch_core::Event::Provisional), and in the end [`Confirmed`](orch_core::Event::Confirmed) or
    /// [`Revised`](orch_core::Event::Revised): the soonest to be read.
    Leader,
    /// The consensus as [`Settled`](orch_core::Event::Settled) as soon as it is decided, before what still runs is
    /// cancelled.
    Settled,
}

/// The stop rules that have a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StopName {
    /// [`adaptive`](crate::stopping::adaptive), the default.
    Adaptive,
    /// [`Epsilon`] with the bundle's epsilon.
    Epsilon,
    /// [`Lock`].
    Lock,
    /// [`Never`].
    Never,
}

impl StopName {
    pub(crate) fn rule(self) -> Arc<dyn StopRule> {
        match self {
            Self::Adaptive => Arc::new(adaptive()),
            Self::Epsilon => Arc::new(Epsilon::new()),
            Self::Lock => Arc::new(Lock),
            Self::Never => Arc::new(Never),
        }
    }
}
