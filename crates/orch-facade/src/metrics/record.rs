use std::sync::Arc;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use orch_core::{
    AskedBy, AttemptRecord, CallContext, Circuit, Class, Error, ErrorKind, ReplicateStatus, Stopped, Verdict,
};

use super::{Kind, METRICS, names};
use crate::{Client, Outcome, Status};

/// The tool of runs that called none.
const NO_TOOL: &str = "none";

/// Tells the recorder what each metric says and its unit. Call it once, after a recorder is installed.
pub fn describe() {
    for metric in METRICS {
        let unit = match metric.unit {
            "seconds" => Unit::Seconds,
            _ => Unit::Count,
        };
        match metric.kind {
            Kind::Counter => describe_counter!(metric.name, unit, metric.help),
            Kind::Gauge => describe_gauge!(metric.name, unit, metric.help),
            Kind::Histogram => describe_histogram!(metric.name, unit, metric.help),
        }
    }
}

/// Tells the recorder of a run that ended.
pub(crate) fn record(client: &Client, context: &CallContext, result: &Result<Outcome, Error>) {
    let tool = context.last_tool().unwrap_or_else(|| NO_TOOL.into());
    let (outcome, attempts) = (outcome(result), context.attempts().snapshot());
    counter!(names::RUNS, "tool" => tool.clone(), "outcome" => outcome.clone()).increment(1);
    histogram!(names::RUN_SECONDS, "tool" => tool.clone(), "outcome" => outcome).record(context.started().elapsed());
    usage(&tool, context);
    attempts.iter().for_each(attempt);
    // What the planner's own model was asked is no candidate.
    let tools = attempts.get(context.planning_attempts()..).unwrap_or_default();
    fallbacks(tools, result.as_ref().ok().and_then(Outcome::served_by));
    waits(context, &attempts);
    match result {
        Ok(outcome) => evidence(&tool, outcome),
        Err(error) => refused(error),
    }
    state(client);
}

/// A word of a closed list.
fn outcome(result: &Result<Outcome, Error>) -> String {
    match result.as_ref().map(Outcome::status) {
        Ok(Status::Completed) => "completed".to_owned(),
        Ok(Status::Replayed) => "replayed".to_owned(),
        Ok(Status::LowConfidence) => "low_confidence".to_owned(),
        Err(error) => error.class().to_string(),
    }
}

fn usage(tool: &Arc<str>, context: &CallContext) {
    let usage = context.meter().usage();
    for (direction, tokens) in [("input", usage.input_tokens), ("output", usage.output_tokens)] {
        if let Some(tokens) = tokens {
            counter!(names::TOKENS, "tool" => tool.clone(), "direction" => direction).increment(tokens.value);
        }
    }
    if let Some(cost) = usage.cost {
        counter!(names::COST, "tool" => tool.clone()).increment(cost.value.nanos());
    }
}

fn attempt(record: &AttemptRecord) {
    let Some(class) = record.class else { return };
    let (target, class) = (record.target.to_string(), class.to_string());
    let labels = [("target", target), ("class", class)];
    let verdict = [("verdict", word(record.verdict).to_owned())];
    counter!(names::FAILED_ATTEMPTS, &[&labels[..], &verdict[..]].concat()).increment(1);
    if let Some(wait) = record.wait {
        let asked_by = [("asked_by", who(wait.asked_by).to_owned())];
        counter!(names::RETRIES, &[&labels[..], &asked_by[..]].concat()).increment(1);
    }
}

/// Who asked for a wait, in one word.
fn who(asked_by: AskedBy) -> &'static str {
    match asked_by {
        AskedBy::RetryAfter => "retry_after",
        AskedBy::Backoff => "backoff",
        AskedBy::RateLimit => "rate_limit",
        AskedBy::Queue => "queue",
        AskedBy::Flight => "flight",
        AskedBy::Planner => "planner",
        _ => "other",
    }
}

/// The verdict in one word, as it is written in JSON.
fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Succeeded => "succeeded",
        Verdict::Repeated => "repeated",
        Verdict::FellBack => "fell_back",
        Verdict::Stopped(why) => match why {
            Stopped::Class => "stopped_class",
            Stopped::Attempts => "stopped_attempts",
            Stopped::Effect => "stopped_effect",
            Stopped::Deadline => "stopped_deadline",
            Stopped::TotalDelay => "stopped_total_delay",
            Stopped::Spend => "stopped_spend",
            Stopped::RetryBudget => "stopped_retry_budget",
            Stopped::RetryAfterTooLong => "stopped_retry_after_too_long",
            Stopped::Committed => "stopped_committed",
            _ => "stopped",
        },
    }
}

/// One candidate after the other: another tool took over wherever the name changes.
fn fallbacks(attempts: &[AttemptRecord], served_by: Option<&str>) {
    let mut tools = attempts.iter().map(|record| (record.tool.as_deref(), record.class)).collect::<Vec<_>>();
    tools.extend(served_by.map(|tool| (Some(tool), None)));
    for pair in tools.windows(2) {
        let ((Some(from), class), (Some(to), _)) = (pair[0], pair[1]) else { continue };
        if from != to {
            let class = class.map_or_else(String::new, |class: Class| class.to_string());
            counter!(names::FALLBACKS, "tool" => from.to_owned(), "class" => class).increment(1);
        }
    }
}

fn waits(context: &CallContext, attempts: &[AttemptRecord]) {
    let between = attempts.iter().filter_map(|record| record.wait).map(|wait| (wait.asked_by, wait.duration));
    let stretches = context.attempts().stretches();
    let queued = stretches.iter().filter_map(|stretch| Some((stretch.asked_by?, stretch.elapsed)));
    for (asked_by, duration) in between.chain(queued) {
        histogram!(names::WAIT_SECONDS, "asked_by" => who(asked_by)).record(duration);
    }
}

fn evidence(tool: &Arc<str>, outcome: &Outcome) {
    // What was replayed was counted when it was executed.
    let Ok(bundle) = outcome.evidence() else { return };
    if outcome.replayed() {
        return;
    }
    for replicate in &bundle.replicates {
        let status = match replicate.status {
            ReplicateStatus::Valid => "valid",
            ReplicateStatus::Invalid => "invalid",
            ReplicateStatus::Failed => "failed",
            ReplicateStatus::Cancelled => "cancelled",
            _ => "other",
        };
        counter!(names::REPLICATES, "tool" => tool.clone(), "status" => status).increment(1);
    }
    histogram!(names::CONFIDENCE, "tool" => tool.clone()).record(bundle.summary.confidence);
}

fn refused(error: &Error) {
    if let ErrorKind::BudgetExceeded { budget, .. } = error.kind() {
        counter!(names::BUDGET_REFUSALS, "budget" => budget.to_string()).increment(1);
    }
}

fn state(client: &Client) {
    for (target, health) in client.health() {
        let state = match health.circuit {
            Circuit::Closed => 0.0,
            Circuit::HalfOpen => 1.0,
            Circuit::Open { .. } => 2.0,
        };
        gauge!(names::CIRCUIT, "target" => target.to_string()).set(state);
    }
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53 runs")]
    gauge!(names::IN_FLIGHT).set(client.in_flight().len() as f64);
}
