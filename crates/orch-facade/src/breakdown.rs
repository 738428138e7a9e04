use std::iter;
use std::sync::Arc;

use orch_core::{AttemptRecord, Usage, Usd};
use serde::Serialize;

use crate::Outcome;

/// What one attempt of a run used, or its planner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CostLine {
    /// The tool that was called; none for the planner's model, and for what an earlier candidate had used in ways that no record
    /// tells of, such as the replicates of a bundle that failed as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<Arc<str>>,
    /// Which replicate it served, counted from 1; none outside bundles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicate: Option<u32>,
    /// Which attempt of its call it was, counted from 1.
    pub attempt: u32,
    /// Whether it failed and was paid for all the same.
    pub failed: bool,
    /// Whether it is what the planner's own model used; then there is no tool.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub planning: bool,
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

/// What the planner used, its failed attempts included; then every attempt of a tool that used anything: the failed ones as they were recorded, then what is left for those
/// that succeeded.
pub(crate) fn breakdown(outcome: &Outcome) -> Vec<CostLine> {
    if outcome.replayed() {
        return Vec::new();
    }
    let mut lines: Vec<CostLine> = planning(outcome).into_iter().chain(failed(outcome)).collect();
    for (replicate, usage) in replicates(outcome) {
        let whose = (outcome.served_by(), Some(replicate));
        // Replicates of another bundle, which fell back to this one, have the same numbers.
        let left = Spent::of(usage).less(&lines, |line| (line.tool.as_deref(), line.replicate) == whose);
        lines.extend(left.line(outcome, Some(replicate)));
    }
    let left = Spent::of(outcome.usage()).less(&lines, |_| true);
    if fell_back(outcome) {
        let own = if outcome.evidence().is_ok() { Spent::default() } else { left.within(outcome.output().usage()) };
        lines.extend(own.line(outcome, None));
        let others = Spent { tokens: left.tokens - own.tokens, cost: left.cost.saturating_sub(own.cost) };
        lines.extend(others.line(outcome, None).map(|line| CostLine { tool: None, attempt: 1, failed: true, ..line }));
    } else {
        lines.extend(left.line(outcome, None));
    }
    lines.sort_by_key(|line| (!line.planning, line.replicate, !line.failed));
    lines
}

fn planning(outcome: &Outcome) -> Option<CostLine> {
    let spent = Spent::of(outcome.planning_usage()?);
    spent.line(outcome, None).map(|line| CostLine { tool: None, attempt: 1, planning: true, ..line })
}

/// The attempts that were not the planner's, whose line has them all.
fn tools(outcome: &Outcome) -> &[AttemptRecord] {
    outcome.attempts_by_purpose().1
}

/// Whether an earlier candidate had failed.
fn fell_back(outcome: &Outcome) -> bool {
    tools(outcome).iter().any(|record| record.tool.as_deref() != outcome.served_by())
}

fn failed(outcome: &Outcome) -> impl Iterator<Item = CostLine> {
    let records = tools(outcome).iter().filter(|record| record.class.is_some());
    let line = |record: &AttemptRecord| {
        let Spent { tokens, cost } = Spent::of(&record.usage);
        let (tool, replicate, attempt) = (record.tool.clone(), record.replicate, record.attempt);
        CostLine { tool, replicate, attempt, failed: true, planning: false, tokens, cost }
    };
    records.map(line).filter(|line| line.tokens > 0 || line.cost > Usd::ZERO)
}

fn replicates(outcome: &Outcome) -> impl Iterator<Item = (u32, &Usage)> {
    let replicates = outcome.evidence().map_or(&[][..], |bundle| &bundle.replicates[..]);
    iter::zip(1.., replicates).map(|(number, replicate)| (number, &replicate.usage))
}

impl Spent {
    /// The smaller of both, part by part.
    fn within(self, usage: &Usage) -> Self {
        let most = Self::of(usage);
        Self { tokens: self.tokens.min(most.tokens), cost: self.cost.min(most.cost) }
    }

    /// The line of the attempt that no record tells of, since it succeeded; none if it used nothing.
    fn line(self, outcome: &Outcome, replicate: Option<u32>) -> Option<CostLine> {
        let (Self { tokens, cost }, tool) = (self, outcome.served_by());
        let same = |record: &&AttemptRecord| {
            record.class.is_some() && record.replicate == replicate && record.tool.as_deref() == tool
        };
        let before = tools(outcome).iter().filter(same).map(|record| record.attempt).max().unwrap_or(0);
        let line = CostLine {
            tool: tool.map(Arc::from),
            replicate,
            attempt: before + 1,
            failed: false,
            planning: false,
            tokens,
            cost,
        };
        (tokens > 0 || cost > Usd::ZERO).then_some(line)
    }
}
