//! What is read from JSON: budgets and reliability, by the names of the two documents too.

use orch_core::{Budget, ToolSpec};
use orch_facade::{CircuitBreakerConfig, IdempotencyConfig, RetryPolicy};
use orch_reliability::ReliabilityConfig;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Row, row};

fn read<T: DeserializeOwned>(value: &Value) -> Result<T, serde_json::Error> {
    serde_json::from_str(&value.to_string())
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        row(
            "a budget of something else",
            read::<Budget>(&json!({ "dollars": 1 })),
            "unknown field `dollars`, expected one of `tokens`, `cost_usd`, `time_ms` at line 1 column 10",
        ),
        row(
            "a budget of tokens in words",
            read::<Budget>(&json!({ "tokens": "many" })),
            "invalid type: string \"many\", expected u64 at line 1 column 16",
        ),
        row(
            "a budget below zero",
            read::<Budget>(&json!({ "tokens": -1 })),
            "invalid value: integer `-1`, expected u64 at line 1 column 12",
        ),
        row(
            "a delay without a unit",
            read::<RetryPolicy>(&json!({ "initial_delay": "30" })),
            "`initial_delay` cannot be \"30\": expected seconds, or a text such as \"30s\" or \"500ms\"",
        ),
        row(
            "a delay below zero",
            read::<RetryPolicy>(&json!({ "initial_delay": -1 })),
            "`initial_delay` cannot be -1: it must be finite and not negative",
        ),
        row(
            "a setting of retry that there is not",
            read::<RetryPolicy>(&json!({ "attempts": 3 })),
            "unknown field `attempts`, expected one of `max_attempts`, `class_attempts`, `initial_delay`, `max_delay`, `backoff_factor`, `respect_retry_after`, `retry_after_cap`, `max_total_delay`, `seed` at line 1 column 11",
        ),
        row(
            "no attempts",
            read::<RetryPolicy>(&json!({ "max_attempts": 0 })),
            "`max_attempts` cannot be 0: the first attempt counts, so it must be at least 1",
        ),
        row(
            "one setting of a breaker under both its names",
            read::<CircuitBreakerConfig>(&json!({ "cooldown": 10, "timeout": 10 })),
            "`cooldown` cannot be given twice: `timeout` is another spelling of it, give one of the two",
        ),
        row(
            "one setting of idempotency under both its names",
            read::<IdempotencyConfig>(&json!({ "ttl": 10, "idempotency_ttl_ms": 10_000 })),
            "`ttl` cannot be given twice: `idempotency_ttl_ms` is another spelling of it, give one of the two",
        ),
        row(
            "a rate above 1",
            read::<CircuitBreakerConfig>(&json!({ "failure_rate": 50 })),
            "`failure_rate` cannot be 50: it must be above 0 and at most 1",
        ),
        row(
            "a part of reliability that there is not",
            read::<ReliabilityConfig>(&json!({ "retry_polcy": {} })),
            "unknown field `retry_polcy`, expected one of `retry`, `retry_policy`, `circuit_breaker`, `circuit_breakers`, `circuit_breaker_configs`, `rate_limits`, `bulkheads`, `tools`, `idempotency`, `idempotency_enabled`, `idempotency_ttl_ms`, `conflict_detection`, `budget`, `deadline`, `attempt_timeout`, `first_chunk_timeout`, `idle_timeout`, `max_in_flight`, `max_wait` at line 1 column 14",
        ),
        row(
            "a wrong setting of one target",
            read::<ReliabilityConfig>(&json!({ "circuit_breaker_configs": { "openai": { "failure_threshold": 0 } } })),
            "`failure_threshold` cannot be 0: it must be at least 1 at line 1 column 61",
        ),
        row(
            "an effect that there is not",
            read::<ToolSpec>(&json!({ "name": "pay", "version": "1", "effect": "once" })),
            "unknown variant `once`, expected one of `pure`, `idempotent_downstream`, `at_most_once` at line 1 column 16",
        ),
    ]
}
