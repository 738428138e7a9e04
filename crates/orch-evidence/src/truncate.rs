//! What of a summary is kept when it is limited.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::bundle::{Disagreement, FieldStatistics};
use crate::options::BundleLimits;

/// What is within the limits.
pub(crate) struct Kept {
    /// The most divided first.
    pub(crate) disagreements: Vec<Disagreement>,
    pub(crate) distributions: BTreeMap<String, FieldStatistics>,
    /// What is not, in words.
    pub(crate) left_out: Option<String>,
}

impl Kept {
    pub(crate) fn within(
        limits: BundleLimits,
        mut disagreements: Vec<Disagreement>,
        mut distributions: BTreeMap<String, FieldStatistics>,
    ) -> Self {
        disagreements.sort_by(|a, b| {
            b.entropy.total_cmp(&a.entropy).then_with(|| (&a.pointer, a.kind).cmp(&(&b.pointer, b.kind)))
        });
        let (differences, fields) = (disagreements.len(), distributions.len());
        let mut space = Space(limits.bytes());
        let fitting = disagreements.iter().take(limits.diffs()).take_while(|one| space.takes(one)).count();
        disagreements.truncate(fitting);
        let fitting = distributions.iter().take(limits.fields()).take_while(|one| space.takes(one)).count();
        if let Some(first) = distributions.keys().nth(fitting).cloned() {
            distributions.split_off(&first);
        }
        let mut left_out = Vec::new();
        if disagreements.len() < differences {
            let gone = differences - disagreements.len();
            left_out.push(format!("{gone} of {differences} disagreements, the least divided ones"));
        }
        if distributions.len() < fields {
            left_out.push(format!("the statistics of {} of {fields} fields", fields - distributions.len()));
        }
        Self { disagreements, distributions, left_out: (!left_out.is_empty()).then(|| left_out.join("; ")) }
    }
}

/// The bytes of JSON that are left; `None`: any number.
struct Space(Option<u64>);

impl Space {
    /// Whether there is room for one more; it is taken.
    fn takes(&mut self, item: &impl Serialize) -> bool {
        let Some(left) = self.0 else { return true };
        let length = serde_json::to_vec(item).map_or(u64::MAX, |json| json.len() as u64);
        let room = left.checked_sub(length);
        self.0 = Some(room.unwrap_or(0));
        room.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::DisagreementKind;

    fn disagreement(pointer: &str, entropy: f64) -> Disagreement {
        let pointer = pointer.to_owned();
        Disagreement { pointer, kind: DisagreementKind::Value, candidates: Vec::new(), entropy, consensus: None }
    }

    fn field() -> FieldStatistics {
        FieldStatistics { n: 1, distinct: 1, support: 1.0, entropy: 0.0, numbers: None }
    }

    fn kept(limits: BundleLimits) -> Kept {
        let differences = vec![disagreement("/b", 0.1), disagreement("/a", 0.1), disagreement("/c", 0.9)];
        Kept::within(limits, differences, ["/a", "/b", "/c"].map(|name| (name.to_owned(), field())).into())
    }

    fn pointers(kept: &Kept) -> Vec<&str> {
        kept.disagreements.iter().map(|one| one.pointer.as_str()).collect()
    }

    #[test]
    fn the_most_divided_come_first_and_nothing_is_left_out_by_default() {
        let kept = kept(BundleLimits::new());
        assert_eq!(pointers(&kept), ["/c", "/a", "/b"]);
        assert_eq!((kept.distributions.len(), kept.left_out), (3, None));
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let kept = kept(BundleLimits::new().max_diffs(2).max_fields(1));
        assert_eq!(pointers(&kept), ["/c", "/a"]);
        assert_eq!(kept.distributions.keys().collect::<Vec<_>>(), ["/a"]);
        let left_out = kept.left_out.unwrap();
        assert_eq!(left_out, "1 of 3 disagreements, the least divided ones; the statistics of 2 of 3 fields");
    }

    #[test]
    fn bytes_are_given_to_disagreements_first_and_never_passed() {
        for bytes in 0..600 {
            let kept = kept(BundleLimits::new().max_bytes(bytes));
            let length = |json: Vec<u8>| json.len() as u64;
            let differences: u64 = kept.disagreements.iter().map(|d| length(serde_json::to_vec(d).unwrap())).sum();
            let fields: u64 = kept.distributions.iter().map(|f| length(serde_json::to_vec(&f).unwrap())).sum();
            assert!(differences + fields <= bytes);
            assert!(kept.distributions.is_empty() || kept.disagreements.len() == 3);
        }
    }
}
