//! The same stacks of tower-resilience. Shared by the instruction counts and the throughput.

#![allow(dead_code, unreachable_pub, reason = "each program that includes this file uses a part of it")]

use std::time::Duration;

use orch_core::Error;
use tower::ServiceBuilder;
use tower_resilience::circuitbreaker::{CircuitBreaker, CircuitBreakerError, CircuitBreakerLayer, DefaultClassifier};
use tower_resilience::retry::{Retry, RetryLayer};
use tower_resilience::timelimiter::{FixedTimeout, TimeLimiter, TimeLimiterLayer};

use crate::subject::{Ask, Tool};

pub type Breaker = CircuitBreaker<Tool, DefaultClassifier>;
pub type Stack = TimeLimiter<Retry<Breaker, Ask, String, CircuitBreakerError<Error>>, FixedTimeout>;

fn layer() -> CircuitBreakerLayer {
    CircuitBreakerLayer::builder()
        .failure_rate_threshold(0.5)
        .sliding_window_size(100)
        .wait_duration_in_open(Duration::from_secs(30))
        .build()
        .expect("valid settings")
}

pub fn breaker(tool: Tool) -> Breaker {
    ServiceBuilder::new().layer(layer()).service(tool)
}

/// Deadline, retry and breaker, in this order.
pub fn stack(tool: Tool) -> Stack {
    ServiceBuilder::new()
        .layer(TimeLimiterLayer::builder().timeout_duration(Duration::from_secs(300)).build())
        .layer(RetryLayer::builder().max_attempts(3).exponential_backoff(Duration::from_millis(500)).build())
        .layer(layer())
        .service(tool)
}
