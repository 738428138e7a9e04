//! Options of bundles, given with a run.

use orch_core::{Error, Output, Request, ToolSpec, tool_fn};
use orch_facade::{BundleTool, Client};
use serde_json::{Value, json};

use super::{Row, row};

pub(super) async fn rows() -> Vec<Row> {
    let ask = tool_fn(ToolSpec::pure("ask"), |_: Request| async { Ok::<_, Error>(Output::from("yes")) });
    let client = Client::builder().bundle(BundleTool::new("bundle", ask)).build().unwrap();
    let options: Vec<(&'static str, Value, &'static str)> = vec![
        (
            "options that are a list",
            json!([3]),
            "invalid request at `/tool_options`: [3]: the options of a bundle are an object",
        ),
        (
            "no replicates",
            json!({ "k": 0 }),
            "invalid request at `/tool_options/k`: 0 replicates: there must be 1 to 64",
        ),
        (
            "too many replicates",
            json!({ "k": 65 }),
            "invalid request at `/tool_options/k`: 65 replicates: there must be 1 to 64",
        ),
        (
            "replicates in words",
            json!({ "k": "three" }),
            "invalid request at `/tool_options/k`: invalid type: string \"three\", expected u32",
        ),
        (
            "replicates below zero",
            json!({ "k": -1 }),
            "invalid request at `/tool_options/k`: invalid value: integer `-1`, expected u32",
        ),
        (
            "an epsilon above 1",
            json!({ "epsilon": 1.5 }),
            "invalid request at `/tool_options/epsilon`: 1.5 is not between 0 and 1",
        ),
        (
            "an option that there is not",
            json!({ "replicats": 3 }),
            "invalid request at `/tool_options/replicats`: unknown field `replicats`, expected one of `k`, `epsilon`, `seed`, `seeds`, `waves`, `order`, `stop`, `max_parallel`, `per_replicate_budget`, `allow_empty`, `min_valid`, `delivery`, `diversity`, `budget`, `timeout_ms`, `bundle_limits`, `schema`, `schema_uri`, `rules`, `weights`, `parse_json`, `inner`",
        ),
        (
            "no replicates at a time",
            json!({ "max_parallel": 0 }),
            "invalid request at `/tool_options/max_parallel`: 0 replicates at the same time: there must be at least 1",
        ),
        (
            "fewer seeds than replicates",
            json!({ "k": 3, "seeds": [1, 2] }),
            "invalid request at `/tool_options/seeds`: 2 seeds for 3 replicates",
        ),
        (
            "a weight below zero",
            json!({ "k": 2, "weights": [1.0, -1.0] }),
            "invalid request at `/tool_options/weights/1`: -1: a weight must be finite and above 0",
        ),
        (
            "fewer weights than replicates",
            json!({ "k": 3, "weights": [1.0] }),
            "invalid request at `/tool_options/weights`: 1 weights for 3 replicates",
        ),
        (
            "more valid answers than replicates",
            json!({ "k": 3, "min_valid": 4 }),
            "invalid request at `/tool_options/min_valid`: 4 valid answers: there must be 1 to 3, which is `k`",
        ),
        (
            "no time",
            json!({ "timeout_ms": 0 }),
            "invalid request at `/tool_options/timeout_ms`: 0 ms: there must be more",
        ),
        (
            "a stop rule that there is not",
            json!({ "stop": "soon" }),
            "invalid request at `/tool_options/stop`: unknown variant `soon`, expected one of `adaptive`, `epsilon`, `lock`, `never`",
        ),
        (
            "a delivery that there is not",
            json!({ "delivery": "fast" }),
            "invalid request at `/tool_options/delivery`: unknown variant `fast`, expected one of `quiet`, `leader`, `settled`",
        ),
        (
            "an empty list of models",
            json!({ "diversity": { "models": [] } }),
            "invalid request at `/tool_options/diversity/models`: an empty list: there must be a value",
        ),
        (
            "a temperature below zero",
            json!({ "diversity": { "temperature": [-1.0] } }),
            "invalid request at `/tool_options/diversity/temperature/0`: -1: a temperature is a number from 0 up",
        ),
        (
            "a budget of a replicate that there is not",
            json!({ "per_replicate_budget": { "token": 10 } }),
            "invalid request at `/tool_options/per_replicate_budget/token`: unknown field `token`, expected one of `tokens`, `cost_usd`, `time_ms`",
        ),
        (
            "a rule at no JSON Pointer",
            json!({ "rules": { "fields": { "total": { "compare": "exact" } } } }),
            "invalid request at `/tool_options/rules/fields/total`: `total` is no JSON Pointer: it is empty or begins with `/`",
        ),
        (
            "a tolerance below zero",
            json!({ "rules": { "fields": { "/total": { "compare": { "number": { "rel": -0.5 } } } } } }),
            "invalid request at `/tool_options/rules/fields/~1total`: `rel` is -0.5: a tolerance must be finite and at least 0",
        ),
    ];
    let mut rows = Vec::new();
    for (given, options, expected) in options {
        rows.push(row(given, client.run("hello").tool("bundle").tool_options(options).await, expected));
    }
    rows
}
