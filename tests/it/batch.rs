//! Many runs as one job.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use orch_core::{BudgetKind, Counted, Error, ErrorKind, Estimate, Output, Request, ToolSpec, Usage, tool_fn};
use orch_facade::{Batch, Budget, Client, IdempotencyConfig, Run};
use orch_reliability::OnAbandon;
use orch_testkit::ScriptedTool;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::support::{Calls, FileStore, counting_tool};

const SECOND: Duration = Duration::from_secs(1);

fn runs(client: &Client, inputs: impl IntoIterator<Item = u64>) -> stream::Iter<std::vec::IntoIter<Run>> {
    let runs: Vec<_> = inputs.into_iter().map(|input| client.run(json!(input)).tool("t")).collect();
    stream::iter(runs)
}

/// Answers after as many seconds as it is told to.
fn sleeper() -> (Client, Calls) {
    let calls = Calls::default();
    let counter = calls.clone();
    let tool = tool_fn(ToolSpec::pure("t"), move |request: Request| {
        counter.add();
        let seconds = request.input().as_json().as_u64().unwrap();
        async move {
            sleep(SECOND * u32::try_from(seconds).unwrap()).await;
            Ok::<_, Error>(Output::from(json!(seconds)).with_usage(Usage::new().output(Counted::reported(10))))
        }
    });
    (Client::builder().tool(tool).build().unwrap(), calls)
}

async fn indices(mut batch: Batch) -> Vec<usize> {
    let mut seen = Vec::new();
    while let Some(item) = batch.next().await {
        assert!(item.result.is_ok(), "{item:?}");
        seen.push(item.index);
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn results_come_as_they_end_or_in_the_order_of_the_runs() {
    let (client, _) = sleeper();
    let batch = |client: &Client| client.run_all(runs(client, [3, 1, 2]));
    assert_eq!(indices(batch(&client).start().unwrap()).await, [1, 2, 0]);
    assert_eq!(indices(batch(&client).ordered().start().unwrap()).await, [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn no_more_runs_work_at_a_time_than_allowed() {
    let tool = (0..10).fold(ScriptedTool::new(ToolSpec::pure("t")), |tool, _| tool.then_wait(SECOND).then_ok("fine"));
    let calls = tool.calls();
    let client = Client::builder().tool(tool).build().unwrap();
    let begun = Instant::now();
    let summary = client.run_all(runs(&client, 0..10)).concurrency(3).start().unwrap().finish().await;
    assert_eq!((summary.started, summary.succeeded, calls.max_in_flight()), (10, 10, 3));
    assert_eq!((begun.elapsed(), summary.elapsed), (SECOND * 4, SECOND * 4));
}

#[tokio::test(start_paused = true)]
async fn a_run_is_taken_from_the_stream_only_when_there_is_a_place_for_it() {
    let (client, calls) = sleeper();
    let mut batch = client.run_all(runs(&client, [1, 1, 1, 1, 1])).concurrency(2).start().unwrap();
    assert_eq!(batch.summary().started, 0, "nothing works before somebody reads");
    batch.next().await.unwrap();
    assert!(batch.summary().started <= 3, "{:?}", batch.summary());
    drop(batch);
    sleep(SECOND * 10).await;
    assert!(calls.count() <= 3, "a dropped batch starts nothing more");
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_its_own_runs_and_the_summary_counts_it() {
    let fails = Error::invalid("", "not this one");
    let tool = ScriptedTool::new(ToolSpec::pure("t")).then_ok("a").then_err(fails).then_ok("c");
    let client = Client::builder().tool(tool).build().unwrap();
    let mut batch = client.run_all(runs(&client, 0..3)).concurrency(1).start().unwrap();
    let mut ok = Vec::new();
    while let Some(item) = batch.next().await {
        ok.push(item.result.is_ok());
    }
    assert_eq!(ok, [true, false, true]);
    let summary = batch.summary();
    assert_eq!((summary.succeeded, summary.failed, summary.finished(), summary.replayed), (2, 1, 3, 0));
    let json = serde_json::to_value(&summary).unwrap();
    assert_eq!((&json["started"], &json["failed"]), (&3.into(), &1.into()));
}

#[tokio::test(start_paused = true)]
async fn all_runs_pay_from_one_account_and_what_it_cannot_pay_is_refused_before_it_is_spent() {
    let estimate = Estimate::unknown().output(10);
    let used = || Output::from("fine").with_usage(Usage::new().output(Counted::reported(10)));
    let tool = ScriptedTool::new(ToolSpec::pure("t")).with_estimate(estimate).cycling().then_ok(used());
    let calls = tool.calls();
    let client = Client::builder().tool(tool).build().unwrap();
    let budget = Budget::new().tokens(100);
    let mut batch = client.run_all(runs(&client, 0..40)).concurrency(40).budget(budget).start().unwrap();
    let mut refused = 0;
    while let Some(item) = batch.next().await {
        let Err(error) = item.result else { continue };
        let ErrorKind::BudgetExceeded { budget, level, .. } = error.kind() else { panic!("{error:?}") };
        assert_eq!((*budget, &**level), (BudgetKind::Tokens, "batch"));
        refused += 1;
    }
    assert_eq!((calls.count(), refused, batch.summary().usage.tokens()), (10, 30, 100));
}

#[tokio::test(start_paused = true)]
async fn without_an_estimate_the_account_is_overrun_by_the_calls_in_flight_at_most() {
    for (concurrency, most) in [(1, 3), (4, 6)] {
        let (client, calls) = sleeper();
        let batch = client.run_all(runs(&client, [1; 20])).concurrency(concurrency).budget(Budget::new().tokens(25));
        let summary = batch.start().unwrap().finish().await;
        assert_eq!(summary.usage.tokens(), 10 * calls.count() as u64);
        assert!((3..=most).contains(&calls.count()), "{concurrency}: {}", calls.count());
        assert_eq!(summary.finished(), 20);
    }
}

#[tokio::test(start_paused = true)]
async fn each_runs_own_budget_holds_too() {
    let (client, _) = sleeper();
    let tight = client.run(json!(1)).tool("t").budget(Budget::new().tokens(5));
    let roomy = client.run(json!(1)).tool("t");
    let batch = client.run_all(stream::iter([tight, roomy])).budget(Budget::new().tokens(1_000)).start().unwrap();
    let summary = batch.finish().await;
    assert_eq!((summary.succeeded, summary.failed, summary.usage.tokens()), (1, 1, 20), "paid for, and so booked");
}

#[tokio::test(start_paused = true)]
async fn a_budget_of_time_is_that_of_the_whole_batch() {
    let (client, _) = sleeper();
    let budget = Budget::new().time(SECOND * 5);
    let begun = Instant::now();
    let batch = client.run_all(runs(&client, [2, 2, 2, 2])).concurrency(1).budget(budget).start().unwrap();
    let summary = batch.finish().await;
    assert_eq!((summary.succeeded, summary.failed, begun.elapsed()), (2, 2, SECOND * 5));
}

#[tokio::test(start_paused = true)]
async fn a_budget_of_nothing_is_refused_before_anything_runs() {
    let (client, calls) = sleeper();
    let error = client.run_all(runs(&client, [1])).budget(Budget::new().tokens(0)).start().unwrap_err();
    assert!(error.to_string().contains("/budget/tokens"), "{error}");
    assert_eq!(calls.count(), 0);
}

/// One life of a process: a client over the file's store reads up to `most` items of the batch, and is then no more.
fn one_life(path: &std::path::Path, most: usize) -> (usize, orch_facade::BatchSummary) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let lived = runtime.block_on(async {
        let (tool, calls) =
            counting_tool(ToolSpec::pure("t"), |request| Output::from(request.input().as_json().clone()));
        let store = Arc::new(FileStore::open(path).await);
        let client = Client::builder().tool(tool).idempotency_store(store).build().unwrap();
        let mut batch = client.run_all(runs(&client, 0..10)).concurrency(2).key("nightly").start().unwrap();
        for _ in 0..most {
            if batch.next().await.is_none() {
                break;
            }
        }
        (calls.count(), batch.summary())
    });
    runtime.shutdown_background();
    lived
}

#[test]
fn a_batch_that_was_killed_runs_only_what_is_missing_when_it_is_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.jsonl");
    let (first, _) = one_life(&path, 4);
    assert!((4..10).contains(&first), "{first}");
    let stored = std::fs::read_to_string(&path).unwrap().lines().count();
    let (second, summary) = one_life(&path, 100);
    assert_eq!((summary.succeeded, summary.replayed), (10, stored));
    assert_eq!(second, 10 - stored, "what was stored was not bought again");
    let (third, _) = one_life(&path, 100);
    assert_eq!(third, 0);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_batch_with_a_key_keeps_the_answers_that_were_under_way() {
    for (on_abandon, bought) in [(OnAbandon::Finish, 3), (OnAbandon::Cancel, 4)] {
        let (client, calls) = sleeper();
        let config = IdempotencyConfig::default().on_abandon(on_abandon);
        let client = client.to_builder().idempotency(config).build().unwrap();
        let start = || client.run_all(runs(&client, [1, 2, 3])).concurrency(2).key("nightly").start().unwrap();
        let mut batch = start();
        batch.next().await.unwrap();
        drop(batch);
        sleep(SECOND * 10).await;
        assert_eq!(start().finish().await.succeeded, 3);
        assert_eq!(calls.count(), bought, "{on_abandon:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn runs_with_keys_of_their_own_keep_them() {
    let (tool, calls) = counting_tool(ToolSpec::pure("t"), |_| Output::from("fine"));
    let client = Client::builder().tool(tool).build().unwrap();
    client.run("a").tool("t").idempotency_key("mine").await.unwrap();
    let run = client.run("a").tool("t").idempotency_key("mine");
    let summary = client.run_all(stream::iter([run])).key("batch").start().unwrap().finish().await;
    assert_eq!((summary.replayed, calls.count()), (1, 1));
}
