use orch_core::Error;

use super::Replay;

/// What a flight gave.
#[derive(Clone, Debug)]
pub(super) enum Landed<T> {
    /// Executed for the first caller.
    Fresh(T),
    /// Executed some time before, for nobody of those who wait.
    Replay(T),
    /// Executed for the first caller, to whom it is an error that carries the work.
    Overrun(Error, T),
    /// Nothing was done that could be kept.
    Failed(Error),
}

impl<T: Replay> Landed<T> {
    /// The answer to the first caller, or to another one.
    pub(super) fn answer(&self, first: bool) -> Result<T, Error> {
        match self {
            Self::Fresh(response) if first => Ok(response.clone()),
            Self::Overrun(error, _) if first => Err(error.clone()),
            Self::Fresh(response) | Self::Replay(response) | Self::Overrun(_, response) => {
                Ok(response.clone().mark_replayed())
            }
            Self::Failed(error) => Err(error.clone()),
        }
    }
}
