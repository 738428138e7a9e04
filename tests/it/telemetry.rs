//! `docs/telemetry.md` and the code, compared both ways.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use orch_core::{Counted, Error, Output, Request, ToolSpec, Usage, Usd, tool_fn};
use orch_facade::metrics::METRICS;
use orch_facade::{Budget, BundleTool, Client, Op, RetryPolicy, Rule, RulePlanner};
use orch_providers::{ChatTool, OpenAi};
use orch_testkit::fault_server::{Answer, Failure, FaultServer};
use serde_json::json;

use crate::support::{Capture, Kind};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The rows of the table below a heading, cell by cell, without backticks.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let document = fs::read_to_string(root().join("docs/telemetry.md")).unwrap();
    let (_, rest) = document.split_once(&format!("\n## {heading}\n")).unwrap();
    let part = rest.split("\n## ").next().unwrap();
    let lines = part.lines().filter(|line| line.starts_with("| `"));
    lines.map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect()).collect()
}

/// The Rust files of all crates, tests aside, with their path below `crates`.
fn sources() -> Vec<(String, String)> {
    fn below(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            match path.is_dir() {
                true => below(&path, files),
                false if path.extension().is_some_and(|extension| extension == "rs") => files.push(path),
                false => {}
            }
        }
    }
    let (crates, mut files) = (root().join("crates"), Vec::new());
    for entry in fs::read_dir(&crates).unwrap().map(Result::unwrap) {
        below(&entry.path().join("src"), &mut files);
    }
    let text = |path: PathBuf| {
        let name = path.strip_prefix(&crates).unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        (name, text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned())
    };
    files.into_iter().map(text).filter(|(name, _)| !name.contains("tests") && !name.contains("orch-testkit")).collect()
}

async fn run_through_every_span() -> Capture {
    let capture = Capture::begin();
    let server = FaultServer::script([Answer::from(Failure::new(503)), Answer::text("fine")]);
    let provider =
        OpenAi::builder().base_url(format!("{}/v1", server.url())).model("tiny").api_key("sk-1").build().unwrap();
    let retry = RetryPolicy::default().initial_delay(Duration::from_millis(1));
    let client = Client::builder().tool(ChatTool::new("chat", provider)).retry(retry).build().unwrap();
    client.run("hello").tool("chat").await.unwrap();
    capture
}

#[tokio::test]
async fn every_span_and_field_is_documented_and_no_other() {
    let capture = run_through_every_span().await;
    let spans = capture.lines().into_iter().filter(|line| line.kind == Kind::Span && line.target.starts_with("orch_"));
    let (mut fields, mut heads) = (BTreeSet::new(), BTreeMap::new());
    for span in spans {
        fields.extend(span.declared.iter().map(|field| (span.name.to_owned(), (*field).to_owned())));
        heads.insert(span.name.to_owned(), (span.target.to_owned(), span.level.to_string()));
    }
    let rows = rows("Spans");
    let documented: BTreeSet<_> = rows.iter().map(|row| (row[0].clone(), row[3].clone())).collect();
    assert_eq!(documented, fields);
    let first = rows.iter().filter(|row| !row[1].is_empty());
    let documented: BTreeMap<_, _> = first.map(|row| (row[0].clone(), (row[1].clone(), row[2].clone()))).collect();
    assert_eq!(documented, heads);
    let written: usize = sources().iter().map(|(_, text)| text.matches("_span!(").count()).sum();
    assert_eq!(written, heads.len(), "a span that no run here comes by");
}

#[test]
fn every_log_is_documented_and_no_other() {
    let mut written = BTreeSet::new();
    for (name, text) in sources() {
        for level in ["error", "warn", "info", "debug", "trace"] {
            for log in text.split(&format!("tracing::{level}!(")).skip(1) {
                let message = log.split(");").next().unwrap().rsplit('"').nth(1);
                let message = message.unwrap_or_else(|| panic!("no message in {name}: {log:.80}"));
                written.insert((message.to_owned(), level.to_uppercase()));
            }
        }
    }
    let documented: BTreeSet<_> = rows("Logs").into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    assert_eq!(documented, written);
}

#[test]
fn every_event_is_documented_and_no_other() {
    let (_, text) = sources().into_iter().find(|(name, _)| name == "orch-core/src/event/kinds.rs").unwrap();
    let (_, variants) = text.split_once("pub enum Event {").unwrap();
    let variants = variants.split("\n}").next().unwrap().lines();
    let names =
        variants.filter_map(|line| line.strip_prefix("    ")).filter(|line| line.starts_with(char::is_uppercase));
    let snake = |line: &str| {
        let name: String = line.chars().take_while(|c| c.is_alphanumeric()).collect();
        let parts = name.split_inclusive(char::is_lowercase).collect::<String>();
        let mut snake = String::new();
        for (at, letter) in parts.char_indices() {
            if letter.is_uppercase() && at > 0 {
                snake.push('_');
            }
            snake.push(letter.to_ascii_lowercase());
        }
        snake
    };
    let written: BTreeSet<_> = names.map(snake).collect();
    let documented: BTreeSet<_> = rows("Events").into_iter().map(|row| row[0].clone()).collect();
    assert_eq!(documented, written);
}

#[test]
fn the_names_of_the_genai_conventions_stand_in_one_module() {
    for (name, text) in sources() {
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let uses = code.filter(|line| line.contains("gen_ai.")).count();
        assert_eq!(uses > 0, name == "orch-core/src/telemetry.rs", "{name}");
    }
}

#[test]
fn every_metric_is_documented_with_its_kind_unit_and_labels_and_no_other() {
    let documented: Vec<_> = rows("Metrics").into_iter().map(|row| row[..4].to_vec()).collect();
    let row = |metric: &orch_facade::metrics::Metric| {
        let labels = metric.labels.join(", ");
        vec![metric.name.to_owned(), metric.kind.name().to_owned(), metric.unit.to_owned(), labels]
    };
    assert_eq!(documented, METRICS.iter().map(row).collect::<Vec<_>>());
    for (row, metric) in rows("Metrics").iter().zip(METRICS) {
        assert!(row[4].starts_with(metric.help), "{}", metric.name);
    }
}

/// Keeps what it is told, by name and labels.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<BTreeMap<String, Vec<f64>>>>);

struct Value(Kept, String);

impl Value {
    fn push(&self, value: f64) {
        self.0.0.lock().unwrap().entry(self.1.clone()).or_default().push(value);
    }
}

impl CounterFn for Value {
    fn increment(&self, value: u64) {
        self.push(f64::from(u32::try_from(value).unwrap()));
    }
    fn absolute(&self, _: u64) {}
}

impl GaugeFn for Value {
    fn increment(&self, _: f64) {}
    fn decrement(&self, _: f64) {}
    fn set(&self, value: f64) {
        self.push(value);
    }
}

impl HistogramFn for Value {
    fn record(&self, value: f64) {
        self.push(value);
    }
}

impl Kept {
    fn value(&self, key: &Key) -> Arc<Value> {
        let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        Arc::new(Value(self.clone(), format!("{}{{{}}}", key.name(), labels.join(","))))
    }

    fn sum(&self, key: &str) -> f64 {
        self.0.lock().unwrap().get(key).unwrap_or_else(|| panic!("no {key} in {:#?}", self.keys())).iter().sum()
    }

    fn keys(&self) -> Vec<String> {
        self.0.lock().unwrap().keys().cloned().collect()
    }
}

impl Recorder for Kept {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.value(key))
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.value(key))
    }
    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.value(key))
    }
}

/// One tool that fails twice and answers, one that is down, one that takes the place of that.
fn client() -> Client {
    let usage = Usage::new().input(Counted::reported(3)).output(Counted::reported(10));
    let usage = usage.cost(Counted::reported(Usd::from_nanos(5_000)));
    let failures = Mutex::new(1);
    let ask = tool_fn(ToolSpec::pure("ask").with_target("openai"), move |_: Request| {
        let fails = {
            let mut left = failures.lock().unwrap();
            std::mem::replace(&mut *left, 0) > 0
        };
        let usage = usage.clone();
        async move {
            match fails {
                true => Err(Error::transient("busy").with_retry_after(Duration::from_secs(2))),
                false => Ok(Output::from("fine").with_usage(usage)),
            }
        }
    });
    let down = tool_fn(ToolSpec::pure("down"), |_: Request| async { Err::<Output, _>(Error::transient("no")) });
    let rule = Rule::named("any").when("go", Op::Equals, true).tool("down").fallback("bundle");
    Client::builder()
        .bundle(BundleTool::new("bundle", ask).k(2))
        .tool(down)
        .planner(RulePlanner::new([rule]).unwrap())
        .circuit_breaker("down", orch_facade::CircuitBreakerConfig::default().failure_threshold(1))
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_run_tells_every_metric_what_it_did_and_nothing_that_was_said() {
    let kept = Kept::default();
    let _guard = metrics::set_default_local_recorder(&kept);
    let client = client();
    let run = || client.run(json!({ "go": true, "name": "secret-text" }));
    run().idempotency_key("secret-key").await.unwrap();
    run().idempotency_key("secret-key").await.unwrap();
    client.run("secret-text").tool("bundle").budget(Budget::new().tokens(1)).await.unwrap_err();
    client.run("secret-text").tool("no-such-tool").await.unwrap_err();

    assert_eq!(kept.sum("orch_runs_total{tool=bundle,outcome=completed}"), 1.0);
    assert_eq!(kept.sum("orch_runs_total{tool=none,outcome=replayed}"), 1.0);
    assert_eq!(kept.sum("orch_runs_total{tool=none,outcome=permanent}"), 1.0, "the unknown name is no label");
    assert!(kept.sum("orch_run_duration_seconds{tool=bundle,outcome=completed}") >= 2.0);
    assert_eq!(kept.sum("orch_retries_total{target=openai,class=transient,asked_by=retry_after}"), 1.0);
    assert!(kept.sum("orch_wait_seconds{asked_by=retry_after}") >= 2.0);
    assert_eq!(kept.sum("orch_fallbacks_total{tool=down,class=local_reject}"), 1.0, "its circuit had opened");
    assert_eq!(kept.sum("orch_budget_refusals_total{budget=tokens}"), 1.0);
    assert!(kept.sum("orch_replicates_total{tool=bundle,status=valid}") >= 2.0);
    assert!(kept.sum("orch_tokens_total{tool=bundle,direction=output}") >= 20.0);
    assert!(kept.sum("orch_cost_nanodollars_total{tool=bundle}") >= 10_000.0);
    assert!(kept.sum("orch_circuit_state{target=down}") >= 2.0, "open");
    assert_eq!(kept.sum("orch_runs_in_flight{}"), 0.0);

    let keys = kept.keys();
    let named =
        |metric: &orch_facade::metrics::Metric| keys.iter().any(|key| key.starts_with(&format!("{}{{", metric.name)));
    let silent: Vec<_> = METRICS.iter().filter(|metric| !named(metric)).map(|metric| metric.name).collect();
    assert!(silent.is_empty(), "{silent:?} of {keys:#?}");
    for key in &keys {
        let (name, labels) = key.trim_end_matches('}').split_once('{').unwrap();
        let metric = METRICS.iter().find(|metric| metric.name == name).unwrap_or_else(|| panic!("undocumented {key}"));
        let names: Vec<_> =
            labels.split(',').filter_map(|label| label.split('=').next()).filter(|l| !l.is_empty()).collect();
        assert_eq!(names, metric.labels, "{key}");
        assert!(!key.contains("secret") && !key.contains("no-such-tool"), "{key}");
    }
}
