//! A client comes to rest.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use orch_core::store::IdempotencyStore;
use orch_core::{
    Class, Content, Counted, Error, ErrorKind, HasContext, Output, Request, ToolSpec, Usage, Usd, tool_fn,
};
use orch_facade::{Client, Run};
use orch_reliability::MemoryStore;
use serde_json::json;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::support::{Calls, counting_tool};

const SECOND: Duration = Duration::from_secs(1);

fn paid() -> Usage {
    Usage::new().output(Counted::reported(10)).cost(Counted::reported(Usd::from_nanos(5_000_000)))
}

/// Is paid in advance, then works for as many seconds as it is told to.
fn worker(store: Arc<dyn IdempotencyStore>) -> (Client, Calls) {
    let calls = Calls::default();
    let counter = calls.clone();
    let tool = tool_fn(ToolSpec::pure("work"), move |request: Request| {
        counter.add();
        request.context().meter().book(&paid());
        let seconds = request.input().as_json().as_u64().unwrap();
        async move {
            sleep(SECOND * u32::try_from(seconds).unwrap()).await;
            Ok::<_, Error>(Output::from(json!(seconds)))
        }
    });
    (Client::builder().tool(tool).idempotency_store(store).build().unwrap(), calls)
}

fn client() -> Client {
    worker(Arc::new(MemoryStore::new())).0
}

fn start(client: &Client, seconds: u64) -> tokio::task::JoinHandle<Result<Content, Error>> {
    spawn(client.run(json!(seconds)).tool("work"))
}

fn spawn(run: Run) -> tokio::task::JoinHandle<Result<Content, Error>> {
    tokio::spawn(async move { run.await.map(|outcome| outcome.content().clone()) })
}

fn refused(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Draining) && error.class() == Class::LocalReject && error.not_executed()
}

#[tokio::test(start_paused = true)]
async fn a_drained_client_refuses_new_runs_and_so_do_its_clones_and_tools() {
    let (client, calls) = worker(Arc::new(MemoryStore::new()));
    let twin = client.clone();
    let tool = client.clone().into_tool("work").unwrap();
    assert!(!client.is_draining());
    assert!(client.drain(SECOND).await.is_clean());
    assert!(twin.is_draining());
    let error = twin.run(json!(1)).tool("work").await.unwrap_err();
    assert!(refused(&error), "{error:?}");
    assert_eq!(error.to_string(), "no new work is taken: the client is draining");
    assert!(refused(&twin.orchestrator().run(json!(1)).tool("work").await.unwrap_err()));
    assert!(refused(&tower::ServiceExt::oneshot(tool, Request::new(json!(1))).await.unwrap_err()));
    assert_eq!(calls.count(), 0);
    let another = client.to_builder().build().unwrap();
    assert!(another.run(json!(1)).tool("work").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_is_in_progress_may_end_by_itself_until_the_deadline() {
    let client = client();
    let (short, long) = (start(&client, 2), start(&client, 5));
    sleep(SECOND).await;
    let report = client.drain(10 * SECOND).await;
    assert_eq!((report.elapsed, report.is_clean()), (4 * SECOND, true));
    assert!(short.await.unwrap().is_ok() && long.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_does_not_end_is_cancelled_and_listed_with_what_it_had_cost() {
    let client = client();
    let run = client.run(json!(100)).tool("work").request_id("r-1").trace_id("t-1").idempotency_key("k-1");
    let (long, late) = (spawn(run), start(&client, 100));
    sleep(SECOND).await;
    let report = client.drain(3 * SECOND).await;
    for run in [long, late] {
        assert_eq!(run.await.unwrap().unwrap_err().class(), Class::Cancelled);
    }
    assert_eq!((report.elapsed, report.abandoned.len()), (3 * SECOND, 2));
    let run = report.abandoned.iter().find(|run| &*run.request_id == "r-1").unwrap();
    assert_eq!((run.tool.as_deref(), run.idempotency_key.as_deref()), (Some("work"), Some("k-1")));
    assert_eq!((run.elapsed, run.ended, &run.usage), (4 * SECOND, true, &paid()));
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!((&json["elapsed_ms"], &json["abandoned"][0]["elapsed_ms"]), (&json!(3000.0), &json!(4000.0)));
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_outlives_its_caller_is_waited_for_and_its_claim_released() {
    let store = Arc::new(MemoryStore::new());
    let (client, calls) = worker(store.clone());
    let abandon = |seconds: u64| client.run(json!(seconds)).tool("work").idempotency_key(format!("k-{seconds}"));
    for seconds in [4, 100] {
        assert!(tokio::time::timeout(SECOND, abandon(seconds)).await.is_err());
    }
    let report = client.drain(10 * SECOND).await;
    assert_eq!(report.elapsed, 10 * SECOND, "the one of 100 seconds is still there at the deadline");
    assert_eq!(report.abandoned.len(), 1);
    assert_eq!(report.abandoned[0].idempotency_key.as_deref(), Some("k-100"));
    // Another process finds what ended, and need not wait for the lease of what did not.
    let (next, _) = worker(store);
    let begun = Instant::now();
    assert!(next.run(json!(4)).tool("work").idempotency_key("k-4").await.unwrap().replayed());
    assert!(
        tokio::time::timeout(2 * SECOND, next.run(json!(100)).tool("work").idempotency_key("k-100")).await.is_err()
    );
    assert_eq!((begun.elapsed(), calls.count()), (2 * SECOND, 2));
    assert_eq!(next.drain(Duration::ZERO).await.abandoned[0].usage, paid(), "it was executed, not waited for");
}

#[tokio::test(start_paused = true)]
async fn a_batch_gets_an_answer_for_every_run_and_goes_on_elsewhere() {
    let store = Arc::new(MemoryStore::new());
    let (client, first) = worker(store.clone());
    let runs = |client: &Client| {
        let runs: Vec<_> = (1..=6).map(|_| client.run(json!(2)).tool("work")).collect();
        client.run_all(stream::iter(runs)).concurrency(2).key("nightly").start().unwrap()
    };
    let batch = tokio::spawn(runs(&client).collect::<Vec<_>>());
    sleep(3 * SECOND).await;
    assert!(client.drain(5 * SECOND).await.is_clean());
    let items = batch.await.unwrap();
    let done = items.iter().filter(|item| item.result.is_ok()).count();
    assert_eq!((items.len(), done, first.count()), (6, 4, 4));
    assert!(items.iter().filter_map(|item| item.result.as_ref().err()).all(refused));
    let (next, second) = worker(store);
    let summary = runs(&next).finish().await;
    assert_eq!((summary.succeeded, summary.replayed, second.count()), (6, 4, 2));
}

#[tokio::test(start_paused = true)]
async fn draining_again_waits_by_its_own_deadline_and_reports_the_same() {
    let client = client();
    let run = start(&client, 100);
    sleep(SECOND).await;
    let (patient, hasty) = tokio::join!(client.drain(50 * SECOND), client.drain(2 * SECOND));
    assert_eq!((patient.elapsed, hasty.elapsed), (2 * SECOND, 2 * SECOND));
    assert_eq!((patient.abandoned.len(), &patient.abandoned), (1, &hasty.abandoned));
    let again = client.drain(SECOND).await;
    assert_eq!((again.elapsed, again.abandoned), (Duration::ZERO, hasty.abandoned));
    assert!(run.await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_drain_that_is_dropped_cancels_nothing_and_new_runs_stay_refused() {
    let client = client();
    let run = start(&client, 5);
    sleep(SECOND).await;
    assert!(tokio::time::timeout(SECOND, client.drain(2 * SECOND)).await.is_err());
    assert!(refused(&client.run(json!(1)).tool("work").await.unwrap_err()));
    assert!(run.await.unwrap().is_ok());
    assert!(client.drain(SECOND).await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn the_token_of_a_caller_is_not_cancelled_with_the_run() {
    let (client, token) = (client(), CancellationToken::new());
    let run = spawn(client.run(json!(100)).tool("work").cancelled_by(token.clone()));
    sleep(SECOND).await;
    assert_eq!(client.drain(Duration::ZERO).await.abandoned.len(), 1);
    assert_eq!(run.await.unwrap().unwrap_err().class(), Class::Cancelled);
    assert!(!token.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_nobody_polls_is_reported_as_one_that_has_not_let_go() {
    let client = client();
    let mut run = Box::pin(client.run(json!(100)).tool("work").into_future());
    assert!(futures_util::poll!(&mut run).is_pending());
    let report = client.drain(Duration::ZERO).await;
    assert_eq!((report.abandoned.len(), report.abandoned[0].ended), (1, false));
    drop(run);
    assert!(client.drain(Duration::ZERO).await.abandoned[0].ended);
}

#[tokio::test(start_paused = true)]
async fn a_part_of_another_clients_run_is_cancelled_without_its_whole() {
    let inner = client();
    let (echo, _) = counting_tool(ToolSpec::pure("echo"), |_| Output::from("instead"));
    let rule = orch_facade::Rule::named("any").when("go", orch_facade::Op::Equals, true).tool("work");
    let slow = worker(Arc::new(MemoryStore::new())).0;
    let outer = Client::builder()
        .tool(slow.clone().into_tool("work").unwrap())
        .tool(echo)
        .planner(orch_facade::RulePlanner::new([rule.fallback("echo")]).unwrap())
        .build()
        .unwrap();
    assert!(slow.drain(SECOND).await.is_clean());
    let outcome = outer.run(json!({ "go": true })).await.unwrap();
    assert_eq!(outcome.typed::<String>().unwrap(), "instead", "a refusal falls back");
    let outer = Client::builder().tool(inner.clone().into_tool("work").unwrap()).build().unwrap();
    let token = CancellationToken::new();
    let run = spawn(outer.run(json!(100)).tool("work").cancelled_by(token.clone()));
    sleep(SECOND).await;
    assert_eq!(inner.drain(Duration::ZERO).await.abandoned.len(), 1);
    assert_eq!(run.await.unwrap().unwrap_err().class(), Class::Cancelled);
    assert!(outer.drain(Duration::ZERO).await.is_clean());
}
