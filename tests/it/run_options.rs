//! What a run asks of the replicates of its bundle.

use orch_core::{
    Budget, BudgetKind, Counted, Error, ErrorKind, Event, HasContext, Output, Request, ToolSpec, Usage, tool_fn,
};
use orch_evidence::Delivery;
use orch_facade::{BundleTool, Client, Run};
use serde_json::json;

/// Its first replicate uses ten times as much as the others.
fn client() -> Client {
    let ask = tool_fn(ToolSpec::pure("ask"), |request: Request| async move {
        let tokens = if request.context().replicate() == Some(1) { 100 } else { 10 };
        let _place = request.context().meter().reserve(&orch_core::Estimate::unknown().output(tokens))?;
        Ok::<_, Error>(Output::from("fine").with_usage(Usage::new().output(Counted::reported(tokens))))
    });
    let plain = tool_fn(ToolSpec::pure("plain"), |_: Request| async { Ok::<_, Error>(Output::from("fine")) });
    Client::builder().bundle(BundleTool::new("bundle", ask).k(3)).tool(plain).build().unwrap()
}

fn pointed(error: &Error) -> (&str, &str) {
    match error.kind() {
        ErrorKind::InvalidRequest { pointer, reason } => (pointer, reason),
        kind => panic!("{kind:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_budget_per_replicate_fails_the_one_that_needs_more_and_no_other() {
    let outcome = client().run("x").tool("bundle").per_replicate_budget(Budget::new().tokens(50)).await.unwrap();
    let statistics = &outcome.evidence().unwrap().summary.statistics;
    assert_eq!((statistics.failed, statistics.valid), (1, 2), "{}", outcome.explain());
    let refused = outcome.attempts().iter().find(|record| record.replicate == Some(1)).unwrap();
    assert!(
        refused.message.as_ref().unwrap().contains("the tokens budget of the replicate 1 allows 50"),
        "{refused:?}"
    );
    let whole = client().run("x").tool("bundle").await.unwrap();
    assert_eq!(whole.evidence().unwrap().summary.statistics.failed, 0);
    let wrong = client().run("x").tool("bundle").per_replicate_budget(Budget::new().cost_usd(-1.0)).await.unwrap_err();
    assert!(!matches!(wrong.kind(), ErrorKind::BudgetExceeded { budget: BudgetKind::Cost, .. }), "{wrong}");
}

#[tokio::test(start_paused = true)]
async fn the_delivery_of_a_run_is_what_its_listeners_get() {
    let told = async |run: Run| {
        let (mut events, mut names) = (run.events(), Vec::new());
        while let Some(envelope) = events.next().await {
            match envelope.event {
                Event::Provisional { .. } => names.push("provisional"),
                Event::Confirmed { .. } | Event::Revised { .. } => names.push("confirmed or revised"),
                Event::Settled { .. } => names.push("settled"),
                _ => {}
            }
        }
        names
    };
    let run = || client().run("x").tool("bundle");
    assert_eq!(told(run()).await, [""; 0]);
    assert_eq!(told(run().delivery(Delivery::Leader)).await, ["provisional", "confirmed or revised"]);
    assert_eq!(told(run().delivery(Delivery::Settled)).await, ["settled"]);
}

#[tokio::test(start_paused = true)]
async fn what_has_no_replicates_refuses_options_for_them_and_two_of_one_are_refused() {
    let error = client().run("x").tool("plain").delivery(Delivery::Leader).await.unwrap_err();
    assert_eq!(pointed(&error), ("/delivery", "the tool `plain` is no bundle: it has no replicates"));
    let budget = Budget::new().tokens(5);
    let both = json!({ "per_replicate_budget": { "tokens": 9 } });
    let run = client().run("x").tool("bundle").tool_options(both).per_replicate_budget(budget.clone());
    let error = run.await.unwrap_err();
    assert_eq!(pointed(&error).0, "/tool_options/per_replicate_budget");
    assert!(error.to_string().contains("set one of them"), "{error}");
    let error =
        client().run("x").tool("bundle").tool_options(json!([1])).per_replicate_budget(budget).await.unwrap_err();
    assert_eq!(pointed(&error), ("/tool_options", "[1]: the options of a bundle are an object"));
}
