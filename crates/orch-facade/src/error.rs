use orch_core::{Effect, Error, RegistryError};
use orch_planning::PlanningError;
use orch_reliability::ConfigError;

/// Why a client cannot be built. Each message names the setting and its value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The tools cannot be registered together.
    #[error(transparent)]
    Tools(#[from] RegistryError),
    /// A layer's settings are wrong.
    #[error(transparent)]
    Settings(#[from] ConfigError),
    /// The planner's rules do not fit the tools.
    #[error(transparent)]
    Planner(#[from] PlanningError),
    /// A bundle's settings are wrong.
    #[error("the bundle `{bundle}`: {error}")]
    Bundle {
        /// The bundle.
        bundle: String,
        /// What is wrong.
        #[source]
        error: Error,
    },
    /// A bundle would run a tool several times whose effect forbids it.
    #[error(
        "the bundle `{bundle}` would run a tool several times whose effect is {effect:?}: only tools of effect Pure can be replicated"
    )]
    NotReplicable {
        /// The bundle.
        bundle: String,
        /// The effect of its tool.
        effect: Effect,
    },
}
