use std::fmt;

use orch_core::{AttemptRecord, Limits, Usage, Verdict};
use orch_evidence::Bundle;
use orch_planning::Explanation as Plan;

use crate::{CostLine, Outcome, Status};

/// Why a run went as it did, in words: made after the fact, from what is always kept.
///
/// Each line begins with one word of a closed list, [`WORDS`](Self::WORDS); the verdict on an attempt is one of those of
/// [`Verdict`], whoever asked for a wait one of [`AskedBy`](orch_core::AskedBy). `docs/explain.md` has them all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    lines: Vec<String>,
}

impl Explanation {
    /// The words that lines begin with, in their order.
    pub const WORDS: [&str; 13] = [
        "tool", "because", "rule", "choice", "time", "attempt", "fallback", "evidence", "stopped", "agreed", "trust",
        "spent", "cost",
    ];

    pub(crate) fn of(outcome: &Outcome) -> Self {
        let mut lines = vec![tool(outcome)];
        lines.extend(choice(outcome));
        lines.extend(time(outcome));
        lines.extend(attempts(outcome));
        if let Ok(bundle) = outcome.evidence() {
            lines.extend(evidence(bundle));
        }
        if outcome.status() == Status::LowConfidence {
            lines.push(line("trust", "the answer is less sure than the run asked for"));
        }
        lines.push(spent(outcome.usage(), outcome.budget().limits()));
        lines.extend(costs(&outcome.cost_breakdown()));
        let redactor = outcome.redactor();
        Self { lines: lines.into_iter().map(|line| redactor.text(&line).into_owned()).collect() }
    }

    /// The explanation, line by line.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines.join("\n"))
    }
}

fn line(word: &str, text: impl fmt::Display) -> String {
    format!("{word:<9} {text}")
}

fn tool(outcome: &Outcome) -> String {
    let name = outcome.served_by().unwrap_or("a tool without a name");
    let replayed = ", replayed from an earlier run with the same key: nothing was executed or spent";
    line("tool", format!("{name}{}", if outcome.replayed() { replayed } else { "" }))
}

/// How many rules, and how many tools, are told of; the plan has them all.
const MOST: usize = 12;

/// Why this tool, and not others: what the plan says, else the reason that the answer keeps.
fn choice(outcome: &Outcome) -> Vec<String> {
    let plan = outcome.plan().and_then(|plan| plan.downcast::<Plan>());
    let Some(plan) = plan else {
        return outcome.output().reason().map(|reason| line("because", reason)).into_iter().collect();
    };
    let mut lines = vec![line("because", plan.reason())];
    lines.extend(up_to("rule", &plan.rules()));
    lines.extend(up_to("choice", plan.considered()));
    lines.extend(plan.notes().iter().map(|note| line("choice", note)));
    lines
}

fn up_to(word: &str, all: &[impl fmt::Display]) -> Vec<String> {
    let mut lines: Vec<_> = all.iter().take(MOST).map(|one| line(word, one)).collect();
    if all.len() > MOST {
        lines.push(line(word, format!("{} more, see the plan", all.len() - MOST)));
    }
    lines
}

/// The parts add up to the whole.
fn time(outcome: &Outcome) -> Vec<String> {
    let whole = line("time", format!("{} in all", seconds(outcome.elapsed())));
    let parts = outcome.time_breakdown();
    let parts = parts.iter().filter(|_| parts.len() > 1);
    std::iter::once(whole).chain(parts.map(|part| line("time", part))).collect()
}

/// Every attempt in its order, with a line where another tool took over.
fn attempts(outcome: &Outcome) -> Vec<String> {
    let (planner, tools) = outcome.attempts_by_purpose();
    let (mut lines, mut last) = (planner.iter().map(attempt).collect::<Vec<_>>(), None);
    for record in tools {
        lines.extend(took_over(last, record.tool.as_deref()));
        lines.push(attempt(record));
        last = record.tool.as_deref().or(last);
    }
    lines.extend(took_over(last, outcome.served_by()));
    lines
}

fn took_over(from: Option<&str>, to: Option<&str>) -> Option<String> {
    let (from, to) = (from?, to?);
    (from != to).then(|| line("fallback", format!("{from} fell back to {to}")))
}

fn attempt(record: &AttemptRecord) -> String {
    let who = record.replicate.map(|n| format!("r{n} ")).unwrap_or_default();
    let what = record.message.as_deref().unwrap_or("gave the answer");
    let mut text = format!("{who}#{} at {}: {what}; {}", record.attempt, record.target, record.verdict);
    if let Some(wait) = record.wait.filter(|_| record.verdict == Verdict::Repeated) {
        text.push_str(&format!(" after {}, asked for by {}", seconds(wait.duration), wait.asked_by));
    }
    text.push_str(&format!("; it took {}", seconds(record.elapsed)));
    if record.class.is_some() {
        text.push_str(&format!(" and cost {}", cost(&record.usage)));
    }
    line("attempt", text)
}

fn evidence(bundle: &Bundle) -> Vec<String> {
    let (meta, summary) = (&bundle.meta, &bundle.summary);
    let mut lines = vec![line("evidence", format!("{} of {} replicates", meta.k_completed, meta.k))];
    if meta.early_stopped || bundle.stop.saved > 0 {
        let why = meta.early_stop_reason.as_deref().unwrap_or(&bundle.stop.reason);
        lines.push(line("stopped", why));
    }
    let largest = summary.clusters.iter().map(|cluster| cluster.replicate_ids.len()).max();
    if let Some(largest) = largest {
        let groups = summary.clusters.len();
        let rest = if groups > 1 { format!(", the others in {} more", groups - 1) } else { String::new() };
        lines.push(line("agreed", format!("{largest} of {} answers in the largest group{rest}", meta.k_completed)));
    }
    lines.push(line("trust", format!("{:.2}: {}", summary.confidence, summary.confidence_kind.meaning())));
    if let Some(decision) = &bundle.decision {
        lines.push(line("trust", format!("the policy says: {}", decision.reason())));
    }
    lines
}

fn spent(usage: &Usage, limits: Limits) -> String {
    let mut text = format!("{} tokens", usage.tokens());
    if let Some(limit) = limits.tokens {
        text.push_str(&format!(" of {limit}"));
    }
    text.push_str(&format!(", {}", cost(usage)));
    if let Some(limit) = limits.cost {
        text.push_str(&format!(" of {limit}"));
    }
    line("spent", text)
}

/// The lines add up to what was spent; a single one says nothing new.
fn costs(lines: &[CostLine]) -> Vec<String> {
    let several = lines.iter().filter(|_| lines.len() > 1);
    several.map(|spent| line("cost", format!("{}: {} tokens, {}", whose(spent), spent.tokens, spent.cost))).collect()
}

fn whose(line: &CostLine) -> String {
    if line.planning {
        return "the planner".to_owned();
    }
    let who = line.replicate.map(|n| format!("r{n} ")).unwrap_or_default();
    let failed = if line.failed { ", failed" } else { "" };
    match &line.tool {
        Some(tool) => format!("{who}#{} of {tool}{failed}", line.attempt),
        None => "an earlier candidate, in calls that succeeded".to_owned(),
    }
}

fn cost(usage: &Usage) -> String {
    usage.cost.map_or("an unknown amount".to_owned(), |cost| cost.value.to_string())
}

fn seconds(duration: std::time::Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}
