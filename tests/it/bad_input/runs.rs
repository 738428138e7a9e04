//! Options and inputs of runs, and of batches.

use std::time::Duration;

use futures_util::stream;
use orch_core::{CallContext, Error, Input, Output, Request, ToolSpec, tool_fn, typed_tool_fn};
use orch_facade::{Budget, Client, Run};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Row, row};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Place {
    city: String,
    #[serde(default)]
    days: u8,
    #[serde(default)]
    around: Vec<Coordinate>,
}

#[derive(Deserialize, JsonSchema)]
struct Coordinate {
    #[serde(rename = "lat")]
    _lat: f64,
}

fn client() -> Client {
    let shout = tool_fn(ToolSpec::pure("shout"), |request: Request| async move {
        let text = request.input().as_text().ok_or_else(|| Error::invalid("", "expected a text"))?;
        Ok::<_, Error>(Output::from(text.to_uppercase()))
    });
    let weather = typed_tool_fn(ToolSpec::pure("weather"), |place: Place, _: CallContext| async move {
        Ok::<_, Error>(format!("{} {} {}", place.city, place.days, place.around.len()))
    });
    Client::builder().tool(shout).tool(weather).build().unwrap()
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

pub(super) async fn rows() -> Vec<Row> {
    let client = client();
    let shout = || client.run("hello").tool("shout");
    let weather = |input: Value| client.run(input).tool("weather");
    let long_key = "k".repeat(256);
    let runs: Vec<(&'static str, Run, &'static str)> = vec![
        (
            "an empty idempotency key",
            shout().idempotency_key(""),
            "invalid request at `/idempotency_key`: 0 bytes: an idempotency key has 1 to 255",
        ),
        (
            "an idempotency key of 256 bytes",
            shout().idempotency_key(long_key),
            "invalid request at `/idempotency_key`: 256 bytes: an idempotency key has 1 to 255",
        ),
        (
            "a key for the orchestrator that remembers nothing",
            client.orchestrator().run("hello").tool("shout").idempotency_key("k"),
            "invalid request at `/idempotency_key`: `k`: this orchestrator remembers nothing; use the reliable one",
        ),
        (
            "no tool for the orchestrator that plans nothing",
            client.orchestrator().run("hello"),
            "invalid request at `/tool`: no tool was named, and no planner chose one",
        ),
        (
            "an empty traceparent",
            shout().traceparent(""),
            "invalid request at `/traceparent`: ``: expected version-trace-parent-flags",
        ),
        (
            "a traceparent without flags",
            shout().traceparent(&format!("00-{TRACE}-00f067aa0ba902b7")),
            "invalid request at `/traceparent`: `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7`: expected version-trace-parent-flags",
        ),
        (
            "a traceparent in capitals",
            shout().traceparent("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"),
            "invalid request at `/traceparent`: `00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01`: the trace id must be 32 lower-case hexadecimal digits",
        ),
        (
            "a traceparent of zeros",
            shout().traceparent(&format!("00-{TRACE}-0000000000000000-01")),
            "invalid request at `/traceparent`: `00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01`: an id of zeros is none",
        ),
        (
            "a confidence of 0",
            shout().min_confidence(0.0),
            "invalid request at `/min_confidence`: 0: it must be above 0 and at most 1",
        ),
        (
            "a confidence in percent",
            shout().min_confidence(80.0),
            "invalid request at `/min_confidence`: 80: it must be above 0 and at most 1",
        ),
        (
            "a confidence that is no number",
            shout().min_confidence(f64::NAN),
            "invalid request at `/min_confidence`: NaN: it must be above 0 and at most 1",
        ),
        (
            "a budget of no tokens",
            shout().budget(Budget::new().tokens(0)),
            "invalid request at `/budget/tokens`: 0 tokens: a budget must be above zero",
        ),
        (
            "a budget of no money",
            shout().budget(Budget::new().cost_usd(0.0)),
            "invalid request at `/budget/cost_usd`: 0 dollars: a budget must be a finite amount above zero",
        ),
        (
            "a budget of less than no money",
            shout().budget(Budget::new().cost_usd(-1.0)),
            "invalid request at `/budget/cost_usd`: -1 dollars: a budget must be a finite amount above zero",
        ),
        (
            "a budget of infinite money",
            shout().budget(Budget::new().cost_usd(f64::INFINITY)),
            "invalid request at `/budget/cost_usd`: inf dollars: a budget must be a finite amount above zero",
        ),
        (
            "a budget of no time",
            shout().budget(Budget::new().time(Duration::ZERO)),
            "invalid request at `/budget/time_ms`: 0 ms: a budget must be above zero",
        ),
        ("a deadline of 0 s", shout().deadline(Duration::ZERO), "the deadline passed"),
        (
            "a tool whose name is nearly right",
            client.run("hello").tool("shuot"),
            "no tool named `shuot`, did you mean `shout`?",
        ),
        ("a tool whose name is like no other", client.run("hello").tool("translate"), "no tool named `translate`"),
        ("an empty name of a tool", client.run("hello").tool(""), "no tool named ``"),
        (
            "a number for a tool that takes a text",
            client.run(json!(7)).tool("shout"),
            "invalid request: expected a text",
        ),
        (
            "a text for a tool that takes an object",
            weather(json!("Bergen")),
            "invalid request: invalid type: string \"Bergen\", expected struct Place",
        ),
        ("a field that is missing", weather(json!({})), "invalid request: missing field `city`"),
        (
            "a field of another type",
            weather(json!({ "city": 7 })),
            "invalid request at `/city`: invalid type: integer `7`, expected a string",
        ),
        (
            "a field out of its range",
            weather(json!({ "city": "Bergen", "days": 300 })),
            "invalid request at `/days`: invalid value: integer `300`, expected u8",
        ),
        (
            "a field that there is not",
            weather(json!({ "citty": "Bergen" })),
            "invalid request at `/citty`: unknown field `citty`, expected one of `city`, `days`, `around`",
        ),
        (
            "a field of an item that is missing",
            weather(json!({ "city": "B", "around": [{ "lat": 1 }, {}] })),
            "invalid request at `/around/1`: missing field `lat`",
        ),
    ];
    let mut rows = Vec::new();
    for (given, run, expected) in runs {
        rows.push(row(given, run.await, expected));
    }
    let batch = client.run_all(stream::iter([shout()])).budget(Budget::new().tokens(0)).start();
    rows.push(row(
        "a batch with a budget of no tokens",
        batch,
        "invalid request at `/budget/tokens`: 0 tokens: a budget must be above zero",
    ));
    let mut batch = client.run_all(stream::iter([shout()])).key("k".repeat(255)).start().unwrap();
    rows.push(row(
        "a key of a batch that leaves no room for the runs' numbers",
        batch.next().await.unwrap().result,
        "invalid request at `/idempotency_key`: 257 bytes: an idempotency key has 1 to 255",
    ));
    let keys = std::collections::BTreeMap::from([(vec![1, 2], "two")]);
    rows.push(row(
        "an input with keys that JSON does not have",
        Input::of(&keys).map(drop),
        "invalid request: not JSON: key must be a string",
    ));
    rows
}
