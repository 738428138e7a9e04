use super::{Decision, StopRule, TallyView};

/// Stops once no further replicates can change the leader: its lead is larger than what may still come.
///
/// Where answers are equal or not (epsilon 0) it is exactly lossless: the group that leads is that of all K. With an epsilon
/// above 0 a later answer may divide near ones in another way, and the fields of the consensus of JSON, each of which is
/// voted on by itself, may still change while the leader does not. Source: majority voting with early decision.
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
