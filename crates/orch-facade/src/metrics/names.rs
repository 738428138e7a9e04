/// How values of a metric are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// They add up.
    Counter,
    /// The last one counts.
    Gauge,
    /// They are a distribution.
    Histogram,
}

impl Kind {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// What is known of a metric beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// How its values are put together.
    pub kind: Kind,
    /// The unit of its values: `1` is a number of things.
    pub unit: &'static str,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

const fn metric(
    name: &'static str,
    kind: Kind,
    unit: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric { name, kind, unit, labels, help }
}

pub(crate) const RUNS: &str = "orch_runs_total";
pub(crate) const RUN_SECONDS: &str = "orch_run_duration_seconds";
pub(crate) const TOKENS: &str = "orch_tokens_total";
pub(crate) const COST: &str = "orch_cost_nanodollars_total";
pub(crate) const FAILED_ATTEMPTS: &str = "orch_failed_attempts_total";
pub(crate) const RETRIES: &str = "orch_retries_total";
pub(crate) const FALLBACKS: &str = "orch_fallbacks_total";
pub(crate) const WAIT_SECONDS: &str = "orch_wait_seconds";
pub(crate) const BUDGET_REFUSALS: &str = "orch_budget_refusals_total";
pub(crate) const REPLICATES: &str = "orch_replicates_total";
pub(crate) const CONFIDENCE: &str = "orch_confidence";
pub(crate) const CIRCUIT: &str = "orch_circuit_state";
pub(crate) const IN_FLIGHT: &str = "orch_runs_in_flight";

/// Every metric of a client.
pub const METRICS: [Metric; 13] = [
    metric(RUNS, Kind::Counter, "1", &["tool", "outcome"], "runs that ended, by what became of them"),
    metric(RUN_SECONDS, Kind::Histogram, "seconds", &["tool", "outcome"], "how long runs took"),
    metric(TOKENS, Kind::Counter, "tokens", &["tool", "direction"], "tokens used, failed runs included"),
    metric(COST, Kind::Counter, "nano-dollars", &["tool"], "money spent, as far as known, failed runs included"),
    metric(FAILED_ATTEMPTS, Kind::Counter, "1", &["target", "class", "verdict"], "attempts that failed"),
    metric(RETRIES, Kind::Counter, "1", &["target", "class", "asked_by"], "attempts that were repeated, by the reason"),
    metric(
        FALLBACKS,
        Kind::Counter,
        "1",
        &["tool", "class"],
        "candidates that failed and that another one took over from",
    ),
    metric(
        WAIT_SECONDS,
        Kind::Histogram,
        "seconds",
        &["asked_by"],
        "each wait in a run, in queues and between attempts",
    ),
    metric(BUDGET_REFUSALS, Kind::Counter, "1", &["budget"], "runs that a budget ended"),
    metric(REPLICATES, Kind::Counter, "1", &["tool", "status"], "replicates that were started, by what became of them"),
    metric(CONFIDENCE, Kind::Histogram, "1", &["tool"], "the confidence of bundles, 0 to 1"),
    metric(CIRCUIT, Kind::Gauge, "1", &["target"], "0 closed, 1 half-open, 2 open"),
    metric(IN_FLIGHT, Kind::Gauge, "1", &[], "runs in progress, and executions that outlive their caller"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_habits_of_prometheus() {
        for Metric { name, kind, labels, .. } in METRICS {
            assert_eq!(name.ends_with("_total"), kind == Kind::Counter, "{name}");
            assert!(labels.iter().all(|label| !["request_id", "trace_id", "key"].contains(label)), "{name}");
        }
    }
}
