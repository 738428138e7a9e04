use std::borrow::Cow;

use serde_json::Value;

use crate::bundle::{ConsensusSource, Disagreement, DisagreementKind, FieldStatistics, Summary};
use crate::rules::child;

/// What a bundle knows of one field of its consensus, or of one part with all that is in it.
#[derive(Clone, Debug)]
pub struct Field<'a> {
    summary: &'a Summary,
    pointer: Cow<'a, str>,
}

impl<'a> Field<'a> {
    pub(super) fn new(summary: &'a Summary, pointer: impl Into<Cow<'a, str>>) -> Self {
        Self { summary, pointer: pointer.into() }
    }

    /// Every value of the consensus that is neither an object nor an array.
    pub(super) fn leaves(summary: &'a Summary) -> Vec<Self> {
        let mut found = Vec::new();
        if let Some(consensus) = &summary.consensus {
            leaves(consensus, String::new(), &mut |pointer| found.push(Self::new(summary, pointer)));
        }
        found
    }

    /// Where it is, as a JSON Pointer.
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// Its value; `None`: the consensus has no such field.
    #[must_use]
    pub fn value(&self) -> Option<&'a Value> {
        self.summary.consensus.as_ref()?.pointer(&self.pointer)
    }

    /// Which part of the compared replicates stands behind the value, 0 to 1: those that have the field, times the
    /// part of them, by weight, that says the same. Of an object or an array it is that of its weakest part. It ranks
    /// fields, and is no chance of being right.
    ///
    /// `None`: the consensus has no such field, or there was no vote about it: it is ignored, or the consensus is the
    /// answer of one replicate ([`ConsensusSource::Fallback`]); or the vote may be among what a
    /// [`truncated`](Summary::truncated) summary has left out.
    #[must_use]
    pub fn support(&self) -> Option<f64> {
        let value = self.value()?;
        if self.summary.consensus_source == ConsensusSource::Fallback {
            return None;
        }
        let voted = || self.summary.distributions.iter().filter(|(pointer, _)| self.concerns(pointer));
        let is_voted = voted().next().is_some();
        // Of a single value its own statistics are enough.
        let is_known = is_voted && !(value.is_object() || value.is_array());
        let is_ignored = !is_voted && has_values(value);
        if is_ignored || (self.summary.truncated && !is_known) {
            return None;
        }
        let values = voted().map(|(_, statistics)| self.part_of_all(statistics.support, statistics.n as usize));
        // A vote about a value is in the statistics above, unless it was a tie.
        let shapes =
            self.disagreements().filter(|found| found.kind != DisagreementKind::Value || found.consensus.is_none());
        let shapes = shapes.map(|found| {
            let said: usize = found.candidates.iter().map(|candidate| candidate.replicate_ids.len()).sum();
            self.part_of_all(followed(found), said)
        });
        Some(values.chain(shapes).fold(1.0, f64::min))
    }

    /// The statistics of its values; `None` of an object or an array, which have none of their own.
    #[must_use]
    pub fn statistics(&self) -> Option<&'a FieldStatistics> {
        self.summary.distributions.get(self.pointer.as_ref())
    }

    /// Where the answers differ in this field or in what is inside it, the most divided first.
    pub fn disagreements(&self) -> impl Iterator<Item = &'a Disagreement> + use<'a, '_> {
        self.summary.disagreements.iter().filter(|found| is_within(&found.pointer, &self.pointer))
    }

    /// Whether a vote at this place was one about this part of the consensus: about a value in it, or about an array
    /// around it that was voted for as a whole.
    fn concerns(&self, voted: &str) -> bool {
        let consensus = self.summary.consensus.as_ref();
        is_within(&self.pointer, voted)
            || is_within(voted, &self.pointer) && consensus.is_some_and(|whole| whole.pointer(voted).is_some())
    }

    fn part_of_all(&self, support: f64, n: usize) -> f64 {
        support * n as f64 / self.summary.compared.len() as f64
    }
}

/// The part of those who differ that says what the consensus follows; in a tie that of the first alternative.
fn followed(found: &Disagreement) -> f64 {
    let winner = match &found.consensus {
        Some(winner) => found.candidates.iter().find(|candidate| candidate.value == *winner),
        None => found.candidates.first(),
    };
    winner.map_or(0.0, |winner| winner.support)
}

fn leaves(value: &Value, at: String, found: &mut impl FnMut(String)) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| leaves(value, child(&at, key), found)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| leaves(item, child(&at, &index.to_string()), found));
        }
        _ => found(at),
    }
}

/// Whether it is, or holds, anything but empty objects and arrays.
fn has_values(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.values().any(has_values),
        Value::Array(items) => items.iter().any(has_values),
        _ => true,
    }
}

/// Whether a pointer is another one, or points into what that one points at.
fn is_within(pointer: &str, outer: &str) -> bool {
    pointer.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
