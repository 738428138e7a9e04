//! The client: three tools, a planner, the reliability stack.

use std::time::Duration;

use orch_core::Budget;
use orch_evidence::{BundleTool, Waves};
use orch_facade::reliability::RetryPolicy;
use orch_facade::{Client, Op, Rule, RulePlanner, Run};
use serde_json::{Value, json};

use crate::args::Args;
use crate::document::Document;
use crate::tools;

pub(crate) fn client(args: &Args, document: &Document) -> anyhow::Result<Client> {
    let waves = if args.parallel { Waves::All } else { Waves::Careful };
    let bundle = BundleTool::new("answer_bundle", tools::ask(args, document)?)
        .description("asks the document several times and compares the answers")
        .k(args.k)
        .epsilon(args.epsilon)
        .seed(args.seed)
        .waves(waves);
    let planner = RulePlanner::new([
        Rule::named("questions").when("question", Op::Exists, Value::Null).tool("answer_bundle").priority(20),
        Rule::named("searches").when("search", Op::Exists, Value::Null).tool("search").priority(10),
        Rule::keywords(["outline", "contents"]).on("task").tool("outline"),
    ])?;
    Ok(Client::builder()
        .bundle(bundle)
        .tool(tools::search(document))
        .tool(tools::outline(document))
        .planner(planner)
        .retry(RetryPolicy::default().max_attempts(4).initial_delay(Duration::from_millis(200)).seed(args.seed))
        .max_parallel(args.k as usize)
        .build()?)
}

/// The n-th run about a question; all runs share one idempotency key.
pub(crate) fn run(client: &Client, args: &Args, question: &str, n: u32) -> Run {
    let mut budget = Budget::new().tokens(args.budget_tokens).time(Duration::from_millis(args.timeout_ms));
    if let Some(dollars) = args.budget_usd {
        budget = budget.cost_usd(dollars);
    }
    let run =
        client.run(json!({ "question": question })).budget(budget).idempotency_key(format!("quickstart-{}", args.seed));
    // With the local answerer a run is the same whenever it is repeated, its ids included.
    if args.base_url.is_some() {
        return run;
    }
    run.request_id(format!("quickstart-{}-{n}", args.seed)).trace_id(format!("{:032x}", args.seed))
}
