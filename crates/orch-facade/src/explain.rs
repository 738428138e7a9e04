use std::fmt;
use std::time::Duration;

use orch_core::{AskedBy, AttemptRecord, Limits, Usage, Verdict};
use orch_evidence::Bundle;
use serde_json::Value;

use crate::{Outcome, Status};

/// Why a run went as it did, in words: made after the fact, from what is always kept.
///
/// The verdict on an attempt is one of a closed list of words, those of
/// [`Verdict`]: *succeeded*, *repeated*, *stopped* (with the reason), *fell back*. A line of its own says which tool
/// fell back to which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    lines: Vec<String>,
}

impl Explanation {
    pub(crate) fn of(outcome: &Outcome) -> Self {
        let mut lines = vec![tool(outcome)];
        lines.extend(reason(outcome));
        lines.push(time(outcome));
        lines.extend(attempts(outcome));
        if let Ok(bundle) = outcome.evidence() {
            lines.extend(evidence(bundle));
        }
        if outcome.status() == Status::LowConfidence {
            lines.push("unsure    the answer is less sure than the run asked for".to_owned());
        }
        lines.push(spent(outcome.usage(), outcome.budget().limits()));
        Self { lines }
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

fn tool(outcome: &Outcome) -> String {
    let name = outcome.served_by().unwrap_or("a tool without a name");
    if outcome.replayed() {
        format!("tool      {name}, replayed from an earlier run with the same key: nothing was executed or spent")
    } else {
        format!("tool      {name}")
    }
}

/// Why this tool: the reason of the plan, else the one that the answer keeps.
fn reason(outcome: &Outcome) -> Option<String> {
    let plan = outcome.plan().and_then(|plan| plan.to_json().ok());
    let planned = plan.as_ref().and_then(|plan| plan.get("reason")).and_then(Value::as_str);
    planned.or(outcome.output().reason()).map(|reason| format!("because   {reason}"))
}

/// Every attempt in its order, with a line where another tool took over.
fn attempts(outcome: &Outcome) -> Vec<String> {
    let (mut lines, mut last) = (Vec::new(), None);
    for record in outcome.attempts() {
        lines.extend(took_over(last, record.tool.as_deref()));
        lines.push(attempt(record));
        last = record.tool.as_deref().or(last);
    }
    lines.extend(took_over(last, outcome.served_by()));
    lines
}

fn took_over(from: Option<&str>, to: Option<&str>) -> Option<String> {
    let (from, to) = (from?, to?);
    (from != to).then(|| format!("fallback  {from} fell back to {to}"))
}

fn time(outcome: &Outcome) -> String {
    let waits: Vec<_> = outcome.attempts().iter().filter_map(|record| record.wait).collect();
    let total: Duration = waits.iter().map(|wait| wait.duration).sum();
    let mut text = format!("time      {} in all", seconds(outcome.elapsed()));
    if waits.is_empty() {
        return text;
    }
    text.push_str(&format!(", {} waited between attempts (replicates wait side by side)", seconds(total)));
    for asked_by in [AskedBy::RetryAfter, AskedBy::Backoff, AskedBy::RateLimit] {
        let part: Duration = waits.iter().filter(|wait| wait.asked_by == asked_by).map(|wait| wait.duration).sum();
        if part > Duration::ZERO {
            text.push_str(&format!("; {} for {asked_by}", seconds(part)));
        }
    }
    text
}

fn attempt(record: &AttemptRecord) -> String {
    let who = record.replicate.map(|n| format!("r{n} ")).unwrap_or_default();
    let what = record.message.as_deref().unwrap_or("gave the answer");
    let mut text = format!("attempt   {who}#{} at {}: {what}; {}", record.attempt, record.target, record.verdict);
    if let Some(wait) = record.wait.filter(|_| record.verdict == Verdict::Repeated) {
        text.push_str(&format!(" after {}, asked for by {}", seconds(wait.duration), wait.asked_by));
    }
    if record.class.is_some() {
        text.push_str(&format!("; it cost {}", cost(&record.usage)));
    }
    text
}

fn evidence(bundle: &Bundle) -> Vec<String> {
    let meta = &bundle.meta;
    let mut lines = vec![format!("evidence  {} of {} replicates", meta.k_completed, meta.k)];
    if let Some(reason) = &meta.early_stop_reason {
        lines.push(format!("stopped   {reason}"));
    }
    let summary = &bundle.summary;
    lines.push(format!("trust     {:.2}: {}", summary.confidence, summary.confidence_kind.meaning()));
    lines
}

fn spent(usage: &Usage, limits: Limits) -> String {
    let mut text = format!("spent     {} tokens", usage.tokens());
    if let Some(limit) = limits.tokens {
        text.push_str(&format!(" of {limit}"));
    }
    text.push_str(&format!(", {}", cost(usage)));
    if let Some(limit) = limits.cost {
        text.push_str(&format!(" of {limit}"));
    }
    text
}

fn cost(usage: &Usage) -> String {
    usage.cost.map_or("an unknown amount".to_owned(), |cost| cost.value.to_string())
}

fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}
