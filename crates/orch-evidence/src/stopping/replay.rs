use super::{Decision, StopRule, TallyView};

/// How many of these answers a rule would have looked at, had it seen them one after the other; all of them if it
/// never stops. What it saves on recorded runs is what it can be expected to save on the next.
///
/// `answers` says of each valid answer, in the order of the replicates, which cluster it belongs to; any
/// numbers will do. The rule sees counts and their order: no distances and no usage.
///
/// ```
/// use orch_evidence::stopping::{Lock, adaptive, replay};
///
/// assert_eq!(replay(&Lock, &[0, 0, 1, 0, 0]), 4);
/// assert_eq!(replay(&adaptive(), &[7; 10]), 4); // so it saves six
/// ```
#[must_use]
pub fn replay(rule: &(impl StopRule + ?Sized), answers: &[u32]) -> usize {
    let k = crate::count(answers.len());
    let mut sizes: Vec<(u32, u32)> = Vec::new();
    for (at, cluster) in answers.iter().enumerate() {
        match sizes.iter_mut().find(|(label, _)| label == cluster) {
            Some((_, size)) => *size += 1,
            None => sizes.push((*cluster, 1)),
        }
        let mut counts: Vec<u32> = sizes.iter().map(|(_, size)| *size).collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let tally = TallyView::new(&counts, crate::count(at + 1), k).with_sequence(&answers[..=at]);
        if matches!(rule.decide(&tally), Decision::Stop { .. }) {
            return at + 1;
        }
    }
    answers.len()
}
