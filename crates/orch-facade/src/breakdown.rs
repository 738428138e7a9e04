use std::iter;
use std::sync::Arc;

use orch_core::{AttemptRecord, Usage, Usd};
use serde::Serialize;

use crate::Outcome;

/// What one attempt of a run used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CostLine {
    /// The tool that was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<Arc<str>>,
    /// Which replicate it served, counted from 1; none outside bundles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicate: Option<u32>,
    /// Which attempt of its call it was, counted from 1.
    pub attempt: u32,
    /// Whether it failed and was paid for all the same.
    pub failed: bool,
    /// Input and output tokens.
    pub tokens: u64,
    /// Money.
    #[serde(rename = "cost_usd")]
    pub cost: Usd,
}

/// Tokens and money, which can be added and taken away.
#[derive(Clone, Copy, Default, PartialEq)]
struct Spent {
    tokens: u64,
    cost: Usd,
}

impl Spent {
    fn of(usage: &Usage) -> Self {
        Self { tokens: usage.tokens(), cost: usage.cost.map_or(Usd::ZERO, |cost| cost.value) }
    }

    fn less(self, lines: &[CostLine], of: impl Fn(&CostLine) -> bool) -> Self {
        let lines = lines.iter().filter(|line| of(line));
        lines.fold(self, |left, line| Self {
            tokens: left.tokens.saturating_sub(line.tokens),
            cost: left.cost.saturating_sub(line.cost),
        })
    }
}

/// Every attempt that used anything: the failed ones as they were recorded, then what is left for those that succeeded.
pub(crate) fn breakdown(outcome: &Outcome) -> Vec<CostLine> {
    if outcome.replayed() {
        return Vec::new();
    }
    let mut lines: Vec<CostLine> = failed(outcome).collect();
    for (replicate, usage) in replicates(outcome) {
        let left = Spent::of(usage).less(&lines, |line| line.replicate == Some(replicate));
        lines.extend(succeeded(outcome, Some(replicate), left));
    }
    let left = Spent::of(outcome.usage()).less(&lines, |_| true);
    lines.extend(succeeded(outcome, None, left));
    lines.sort_by_key(|line| (line.replicate, !line.failed));
    lines
}

fn failed(outcome: &Outcome) -> impl Iterator<Item = CostLine> {
    let records = outcome.attempts().iter().filter(|record| record.class.is_some());
    let line = |record: &AttemptRecord| {
        let Spent { tokens, cost } = Spent::of(&record.usage);
        let (tool, replicate, attempt) = (record.tool.clone(), record.replicate, record.attempt);
        CostLine { tool, replicate, attempt, failed: true, tokens, cost }
    };
    records.map(line).filter(|line| line.tokens > 0 || line.cost > Usd::ZERO)
}

fn replicates(outcome: &Outcome) -> impl Iterator<Item = (u32, &Usage)> {
    let replicates = outcome.evidence().map_or(&[][..], |bundle| &bundle.replicates[..]);
    iter::zip(1.., replicates).map(|(number, replicate)| (number, &replicate.usage))
}

/// The attempt that no record tells of, since it succeeded.
fn succeeded(outcome: &Outcome, replicate: Option<u32>, Spent { tokens, cost }: Spent) -> Option<CostLine> {
    let tool = outcome.served_by();
    let same = |record: &&AttemptRecord| {
        record.class.is_some() && record.replicate == replicate && record.tool.as_deref() == tool
    };
    let before = outcome.attempts().iter().filter(same).map(|record| record.attempt).max().unwrap_or(0);
    let (tool, attempt) = (tool.map(Arc::from), before + 1);
    (tokens > 0 || cost > Usd::ZERO).then_some(CostLine { tool, replicate, attempt, failed: false, tokens, cost })
}
