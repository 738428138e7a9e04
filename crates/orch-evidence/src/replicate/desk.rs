//! Where the bundler works: here, or on another thread while there is much to do.

use std::pin::Pin;

use orch_core::Error;

use crate::bundler::{Bundler, Command};
use crate::scorer::run_aside;

/// About how many instructions of the bundler's work one poll may take: a tenth of a millisecond on a slow machine, and
/// what moving it to another thread costs with all it brings. Longer work goes there.
pub(super) const INLINE_WORK: u64 = 150_000;

type Work = Pin<Box<dyn Future<Output = Result<(Box<Bundler>, Vec<Command>), Error>> + Send>>;

/// Whether so much work goes to another thread; without a runtime there is none.
pub(super) fn is_much(instructions: u64) -> bool {
    instructions > INLINE_WORK && tokio::runtime::Handle::try_current().is_ok()
}

/// A bundler and where it is.
pub(super) enum Desk {
    /// It can be asked.
    Here(Box<Bundler>),
    /// It works, and comes back with what is to be done next.
    Away(Work),
    /// It was given away at the end, or lost to a panic.
    Gone,
}

impl Desk {
    pub(super) fn new(bundler: Bundler) -> Self {
        Self::Here(Box::new(bundler))
    }

    pub(super) fn bundler(&mut self) -> Option<&mut Bundler> {
        match self {
            Self::Here(bundler) => Some(bundler),
            Self::Away(_) | Self::Gone => None,
        }
    }

    pub(super) fn is_away(&self) -> bool {
        matches!(self, Self::Away(_))
    }

    /// Does a piece of work of about so many instructions: now if it is little, else on another thread, and then there
    /// is nothing to be done until the bundler is back.
    pub(super) fn work(
        &mut self,
        instructions: u64,
        work: impl FnOnce(&mut Bundler) -> Vec<Command> + Send + 'static,
    ) -> Vec<Command> {
        let Self::Here(bundler) = self else { return Vec::new() };
        if !is_much(instructions) {
            return work(bundler);
        }
        if let Self::Here(mut bundler) = std::mem::replace(self, Self::Gone) {
            *self = Self::Away(Box::pin(run_aside(move || {
                let commands = work(&mut bundler);
                (bundler, commands)
            })));
        }
        Vec::new()
    }

    /// Waits until the bundler is back; for ever if it is not away.
    pub(super) async fn back(&mut self) -> Result<Vec<Command>, Error> {
        let Self::Away(work) = self else { return std::future::pending().await };
        let (bundler, commands) = work.as_mut().await?;
        *self = Self::Here(bundler);
        Ok(commands)
    }

    /// The bundler itself, once it is here.
    pub(super) fn take(self) -> Option<Bundler> {
        match self {
            Self::Here(bundler) => Some(*bundler),
            Self::Away(_) | Self::Gone => None,
        }
    }
}
