use orch_core::Error;

use super::{Decision, StopRule, TallyView};

/// Stops once a whole window of answers is unanimous.
///
/// Windows follow each other without overlap, and all replicates of one may run at the same time. It stops late for a
/// small K, and does not see that a window's answer may differ from the one that leads. Source: early-stopping
/// self-consistency (Li et al. 2024).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    size: u32,
}

impl Window {
    /// The rule with windows of this many valid answers, at least 2; the paper's is 5.
    #[must_use]
    pub const fn new(size: u32) -> Self {
        Self { size }
    }

    fn unanimous(self, tally: &TallyView<'_>) -> bool {
        match tally.sequence() {
            Some(sequence) => {
                let mut windows = sequence.chunks_exact(self.size.max(1) as usize);
                windows.any(|window| window.iter().all(|cluster| *cluster == window[0]))
            }
            // Whatever their order: there is but one answer.
            None => tally.counts().len() == 1 && tally.valid() >= self.size,
        }
    }
}

impl StopRule for Window {
    fn decide(&self, tally: &TallyView<'_>) -> Decision {
        if self.unanimous(tally) {
            return Decision::stop("window", format!("{} answers in a row are the same", self.size));
        }
        let size = self.size.max(1);
        Decision::Continue { want: size - tally.valid() % size }
    }

    fn check(&self) -> Result<(), Error> {
        if self.size >= 2 {
            return Ok(());
        }
        Err(Error::invalid("/stop", format!("window: a size of {}: there must be at least 2 answers", self.size)))
    }
}
