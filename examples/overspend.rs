//! Why a budget must be reserved before it is spent: 100 concurrent calls, money for 10, once with a check before each
//! call and a note after it, once with orch's budget.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use orch_core::store::{BudgetLedger, Level};
use orch_core::{BoxTool, Budget, Counted, Error, IntoTool, Limits, Output, Request, ToolSpec, Usage, Usd, tool_fn};
use orch_reliability::{BudgetLayer, MemoryLedger};
use tokio::task::JoinSet;
use tower::ServiceExt;

const CALLS: usize = 100;
const PRICE: Usd = Usd::from_nanos(10_000_000);
const MONEY: Usd = Usd::from_nanos(100_000_000);

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the result of a program")]
async fn main() -> Result<(), Error> {
    println!("{CALLS} concurrent calls at {PRICE}, and {MONEY} to spend");
    for (name, result) in
        [("check, call, record  ", check_then_record().await), ("reserve, call, settle", reserve_then_settle().await?)]
    {
        let Spent { dispatched, money } = result;
        println!("{name}: {dispatched:3} dispatched, {:2} refused before dispatch, {money} spent", CALLS - dispatched);
    }
    Ok(())
}

struct Spent {
    dispatched: usize,
    money: Usd,
}

/// A tool that takes a moment and costs [`PRICE`], and how often it was called.
fn paid_tool() -> (BoxTool, Arc<AtomicU64>) {
    let calls = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&calls);
    let tool = tool_fn(ToolSpec::pure("paid"), move |_: Request| {
        counter.fetch_add(1, Ordering::Relaxed);
        async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok::<_, Error>(Output::from("fine").with_usage(Usage::new().cost(Counted::reported(PRICE))))
        }
    });
    (tool.into_tool(), calls)
}

/// What many clients do: look whether money is left, call, and write down what it cost.
async fn check_then_record() -> Spent {
    let (tool, calls) = paid_tool();
    let spent = Arc::new(AtomicU64::new(0));
    let mut running = JoinSet::new();
    for _ in 0..CALLS {
        let (tool, spent) = (tool.clone(), Arc::clone(&spent));
        running.spawn(async move {
            if spent.load(Ordering::Relaxed) < MONEY.nanos() && tool.oneshot(Request::new("hello")).await.is_ok() {
                spent.fetch_add(PRICE.nanos(), Ordering::Relaxed);
            }
        });
    }
    running.join_all().await;
    Spent { dispatched: count(&calls), money: Usd::from_nanos(spent.load(Ordering::Relaxed)) }
}

/// The same calls under one account: each sets its price aside before it starts.
async fn reserve_then_settle() -> Result<Spent, Error> {
    let (tool, calls) = paid_tool();
    let tenant = Level { name: "tenant:acme".into(), limits: Limits { tokens: None, cost: Some(MONEY) } };
    let (ledger, level) = (Arc::new(MemoryLedger::new()), tenant.clone());
    let budget = BudgetLayer::new(Budget::new().cost_usd(PRICE.as_dollars()))?;
    let tool = tool.layer(budget.ledger(Arc::clone(&ledger) as _, move |_run| vec![level.clone()]));
    let mut running = JoinSet::new();
    for _ in 0..CALLS {
        running.spawn(tool.clone().oneshot(Request::new("hello")));
    }
    running.join_all().await;
    let standing = ledger.read(&tenant).await.map_err(|error| Error::tool_execution(error.to_string()))?;
    Ok(Spent { dispatched: count(&calls), money: standing.settled.cost })
}

fn count(calls: &AtomicU64) -> usize {
    usize::try_from(calls.load(Ordering::Relaxed)).unwrap_or(usize::MAX)
}
