//! What a client is built of.

use std::time::Duration;

use orch_core::{Error, Output, Request, Tool, ToolSpec, tool_fn};
use orch_facade::{
    Budget, BundleTool, CircuitBreakerConfig, Client, ClientBuilder, RateLimitConfig, RetryPolicy, Rule, RulePlanner,
};

use super::{Row, row};

fn tool(spec: ToolSpec) -> impl Tool + use<> {
    tool_fn(spec, |_: Request| async { Ok::<_, Error>(Output::from("yes")) })
}

fn ask() -> impl Tool + use<> {
    tool(ToolSpec::pure("ask"))
}

fn with(change: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Result<Client, orch_facade::BuildError> {
    change(Client::builder().tool(ask())).build()
}

pub(super) fn rows() -> Vec<Row> {
    let breaker = CircuitBreakerConfig::default;
    let bundle = || BundleTool::new("bundle", ask());
    vec![
        row("two tools of one name", with(|client| client.tool(ask())), "two tools are named `ask`"),
        row("a tool without a name", with(|client| client.tool(tool(ToolSpec::pure("")))), "a tool has an empty name"),
        row(
            "a bundle over a tool that must not run twice",
            with(|client| client.bundle(BundleTool::new("pay_bundle", tool(ToolSpec::at_most_once("pay"))))),
            "the bundle `pay_bundle` would run a tool several times whose effect is AtMostOnce: only tools of effect Pure can be replicated",
        ),
        row(
            "a bundle of no replicates",
            with(|client| client.bundle(bundle().k(0))),
            "the bundle `bundle`: invalid request at `/k`: 0 replicates: there must be 1 to 64",
        ),
        row(
            "a bundle with an epsilon that is no number",
            with(|client| client.bundle(bundle().epsilon(f64::NAN))),
            "the bundle `bundle`: invalid request at `/epsilon`: NaN is not between 0 and 1",
        ),
        row(
            "a rule for a tool that is not registered",
            with(|client| client.planner(RulePlanner::new([Rule::keywords(["x"]).tool("aks")]).unwrap())),
            "rule `keywords(x)` names the tool `aks`, which is not registered",
        ),
        row(
            "no attempts",
            with(|client| client.retry(RetryPolicy::default().max_attempts(0))),
            "`max_attempts` cannot be 0: the first attempt counts, so it must be at least 1",
        ),
        row(
            "a backoff that shrinks",
            with(|client| client.retry(RetryPolicy::default().backoff_factor(0.5))),
            "`backoff_factor` cannot be 0.5: it must be finite and at least 1",
        ),
        row(
            "a backoff that is no number",
            with(|client| client.retry(RetryPolicy::default().backoff_factor(f64::NAN))),
            "`backoff_factor` cannot be NaN: it must be finite and at least 1",
        ),
        row(
            "a first delay above the longest",
            with(|client| client.retry(RetryPolicy::default().initial_delay(Duration::from_secs(60)))),
            "`max_delay` cannot be 30s: it must not be below `initial_delay` (60s)",
        ),
        row(
            "a breaker that opens without a failure",
            with(|client| client.default_circuit_breaker(breaker().failure_threshold(0))),
            "`failure_threshold` cannot be 0: it must be at least 1",
        ),
        row(
            "a rate above 1",
            with(|client| client.circuit_breaker("vendor", breaker().failure_rate(2.0))),
            "`failure_rate` of `vendor` cannot be 2: it must be above 0 and at most 1",
        ),
        row(
            "no cooldown",
            with(|client| client.default_circuit_breaker(breaker().cooldown(Duration::ZERO))),
            "`cooldown` cannot be 0s: it must be above zero",
        ),
        row(
            "no window",
            with(|client| client.default_circuit_breaker(breaker().window(Duration::ZERO))),
            "`window` cannot be 0s: it must be above zero",
        ),
        row(
            "no probes",
            with(|client| client.default_circuit_breaker(breaker().probes(0))),
            "`probes` cannot be 0: it must be at least 1",
        ),
        row(
            "no requests a minute",
            with(|client| client.rate_limit("vendor", RateLimitConfig::per_minute(0))),
            "`requests_per_minute` of `vendor` cannot be 0: it must be above zero",
        ),
        row(
            "no calls in flight",
            with(|client| client.bulkhead(0, Duration::from_secs(1))),
            "`max_in_flight` cannot be 0: it must be at least 1",
        ),
        row(
            "no deadline",
            with(|client| client.deadline(Duration::ZERO)),
            "`deadline` cannot be 0s: it must be above zero",
        ),
        row(
            "no time for an attempt",
            with(|client| client.attempt_timeout(Duration::ZERO)),
            "`attempt_timeout` cannot be 0s: it must be above zero",
        ),
        row(
            "no time for the first chunk",
            with(|client| client.first_chunk_timeout(Duration::ZERO)),
            "`first_chunk_timeout` cannot be 0s: it must be above zero",
        ),
        row(
            "no time between chunks",
            with(|client| client.idle_timeout(Duration::ZERO)),
            "`idle_timeout` cannot be 0s: it must be above zero",
        ),
        row(
            "no requests a minute to one target of two",
            with(|client| {
                client.rate_limit("a", RateLimitConfig::per_minute(60)).rate_limit("b", RateLimitConfig::per_minute(0))
            }),
            "`requests_per_minute` of `b` cannot be 0: it must be above zero",
        ),
        row(
            "more calls in flight than can be counted",
            with(|client| client.bulkhead(usize::MAX, Duration::from_secs(1))),
            "`max_in_flight` cannot be 18446744073709551615: it must be at most 2305843009213693951",
        ),
        row(
            "a budget for all runs of no tokens",
            with(|client| client.budget(Budget::new().tokens(0))),
            "`budget` cannot be {\"tokens\":0}: invalid request at `/budget/tokens`: 0 tokens: a budget must be above zero",
        ),
    ]
}
