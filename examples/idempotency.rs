//! One key, one execution: twenty callers at the same time, one later, and one who uses the key for something else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use orch_core::{Error, ErrorKind, Output, Request, ToolSpec, tool_fn};
use orch_facade::Client;
use serde_json::json;
use tokio::task::JoinSet;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the result of a program")]
async fn main() -> anyhow::Result<()> {
    let executed = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&executed);
    // It must never run twice for one order: should it die in between, the key stays taken until somebody has looked.
    let pay = tool_fn(ToolSpec::at_most_once("pay"), move |_: Request| {
        counter.fetch_add(1, Ordering::Relaxed);
        async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok::<_, Error>(Output::from("paid"))
        }
    });
    let client = Client::builder().tool(pay).build()?;

    let mut callers = JoinSet::new();
    for _ in 0..20 {
        let client = client.clone();
        // Another order of the same fields is the same request.
        let order = json!({ "amount": 100, "to": "Ada" });
        callers.spawn(async move { client.run(order).tool("pay").idempotency_key("order-17").await });
    }
    while let Some(result) = callers.join_next().await {
        result??;
    }
    println!("20 callers, {} payment", executed.load(Ordering::Relaxed));

    let later = client.run(json!({ "to": "Ada", "amount": 100 })).tool("pay").idempotency_key("order-17").await?;
    println!("later: replayed {}, {} payment", later.replayed(), executed.load(Ordering::Relaxed));

    let other = client.run(json!({ "to": "Eve", "amount": 100 })).tool("pay").idempotency_key("order-17").await;
    if let Err(error) = other
        && let ErrorKind::Conflict { key } = error.kind()
    {
        println!("another order with the key {key}: refused, {} payment", executed.load(Ordering::Relaxed));
    }
    Ok(())
}
