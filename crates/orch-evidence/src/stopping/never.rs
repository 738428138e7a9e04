use super::{Decision, StopRule, TallyView};

/// Never stops: all K replicates run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Never;

impl StopRule for Never {
    fn decide(&self, tally: &TallyView<'_>) -> Decision {
        Decision::Continue { want: tally.remaining().max(1) }
    }
}
