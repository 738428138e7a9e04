use super::{Decision, StopRule, TallyView};

/// Stops once no further replicates can change the leader: its lead is larger than what may still come.
///
/// Exactly lossless: the answer is that of all K. Source: majority voting with early decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lock;

impl StopRule for Lock {
    fn decide(&self, tally: &TallyView<'_>) -> Decision {
        let (first, second, rest) = (tally.leader(), tally.runner_up(), tally.remaining());
        if first.saturating_sub(second) <= rest {
            return Decision::go_on();
        }
        let reason = format!("{first} agree against {second}, and {rest} more cannot change that");
        Decision::stop("lock", reason).with_p_same(1.0)
    }
}
