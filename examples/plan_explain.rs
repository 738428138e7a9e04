//! Why which tool would serve a request. It only decides: nothing is run.
//!
//!     cargo run --example plan_explain -- --rules examples/data/planning_rules.toml \
//!         --request examples/data/planning_request.json --open premium_analysis=30
//!
//! The tools are those that the rules name. `--open` shows what an open circuit would change, `--tokens` what a
//! budget would, when every call took a thousand; `--schema` prints the JSON Schema of rule files.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Parser;
use orch_core::{
    BoxTool, CallContext, Circuit, Error, Estimate, HealthBoard, IntoTool, Limits, Meter, Registry, RegistryBuilder,
    Request, Target, ToolSpec, tool_fn,
};
use orch_facade::planning::rule_file::{RuleFile, schema};
use orch_facade::planning::{Catalog, Explanation};
use serde_json::Value;
use tokio::time::Instant;

#[derive(Parser)]
#[command(about = "Why which tool would serve a request. Nothing is run.")]
struct Options {
    /// The rules, a file in TOML or JSON.
    #[arg(long, required_unless_present = "schema")]
    rules: Option<PathBuf>,
    /// The request's input, a file in JSON.
    #[arg(long, required_unless_present = "schema")]
    request: Option<PathBuf>,
    /// A target whose circuit is open for so many seconds: `name=30`.
    #[arg(long, value_parser = open_circuit)]
    open: Vec<(String, u64)>,
    /// How many tokens the run has left; every call is taken to use a thousand.
    #[arg(long)]
    tokens: Option<u64>,
    /// Prints JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Prints the JSON Schema of rule files, and nothing else.
    #[arg(long)]
    schema: bool,
}

fn open_circuit(text: &str) -> Result<(String, u64), String> {
    let (target, seconds) = text.split_once('=').ok_or("expected `target=seconds`")?;
    Ok((target.to_owned(), seconds.parse().map_err(|_| "the seconds are no whole number".to_owned())?))
}

#[expect(clippy::print_stdout, reason = "a program")]
fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    if options.schema {
        println!("{}", serde_json::to_string_pretty(&schema())?);
        return Ok(());
    }
    let (Some(rules), Some(request)) = (&options.rules, &options.request) else {
        return Err(anyhow!("both --rules and --request are needed"));
    };
    let rules = RuleFile::read(rules)?;
    let text = fs::read_to_string(request).with_context(|| format!("{} cannot be read", request.display()))?;
    let input: Value = serde_json::from_str(&text).with_context(|| format!("{} is no JSON", request.display()))?;

    let (health, now) = (HealthBoard::new(), Instant::now());
    for (target, seconds) in &options.open {
        let until = now + Duration::from_secs(*seconds);
        health.update(&Target::new(target.as_str()), |health| health.circuit = Circuit::Open { until });
    }
    let registry = rules.tools().into_iter().map(tool).fold(Registry::builder(), RegistryBuilder::tool).build()?;
    let catalog = Catalog::new(registry, health);
    let planner = rules.planner(&catalog)?;
    for finding in planner.findings(&catalog) {
        println!("note: {finding}");
    }

    let left = Limits { tokens: options.tokens, cost: None };
    let request = Request::new(input).with_context(CallContext::new().with_meter(Meter::new(left)));
    let plan = planner.plan_at(&catalog, &request, now)?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(plan.explain())?);
    } else {
        println!("{}: {}", plan.route().tool(), plan.route().reason());
        println!("options: {}; confidence {:.1}\n", plan.route().options(), plan.confidence());
        print!("{}", tables(plan.explain()));
    }
    Ok(())
}

/// A tool of this name that would take a thousand tokens, and is never called.
fn tool(name: &str) -> BoxTool {
    let never = |_: Request| async { Err::<Value, _>(Error::tool_execution("nothing is run here")) };
    let estimate = Estimate::unknown().output(1_000);
    tool_fn(ToolSpec::pure(name), never).into_tool().estimator(move |_| Ok(estimate))
}

/// Every rule and every tool that came into question, and the notes.
fn tables(explanation: &Explanation) -> String {
    let rule = |report: &orch_facade::planning::RuleReport| {
        let outcome = report.why_not.as_ref().map_or_else(|| "matched".to_owned(), ToString::to_string);
        let tool = report.tool.as_deref().unwrap_or("(options only)").to_owned();
        [report.priority.to_string(), report.rule.to_string(), tool, outcome]
    };
    let rules = explanation.rules();
    let mut text = table(["priority", "rule", "tool", "outcome"], rules.iter().map(rule).collect());
    let tool = |considered: &orch_facade::planning::Considered| {
        let estimate = considered.estimate.and_then(|estimate| estimate.tokens());
        let estimate = estimate.map_or_else(|| "unknown".to_owned(), |tokens| format!("{tokens} tokens"));
        let outcome = match (&considered.skipped, considered.chosen) {
            (Some(skip), false) => format!("skipped: {skip}"),
            (Some(skip), true) => format!("chosen although {skip}"),
            (None, true) => "chosen".to_owned(),
            (None, false) => "can be used".to_owned(),
        };
        [considered.tool.to_string(), considered.basis.to_string(), estimate, outcome]
    };
    text += "\n";
    text += &table(["tool", "proposed by", "estimate", "outcome"], explanation.considered().iter().map(tool).collect());
    for note in explanation.notes() {
        text += &format!("note: {note}\n");
    }
    text
}

/// Columns as wide as their widest cell.
fn table(head: [&str; 4], rows: Vec<[String; 4]>) -> String {
    let mut lines = vec![head.map(str::to_owned)];
    lines.extend(rows);
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    let line =
        |[a, b, c, d]: &[String; 4]| format!("{a:<0$}  {b:<1$}  {c:<2$}  {d}\n", widths[0], widths[1], widths[2]);
    lines.iter().map(line).collect()
}
