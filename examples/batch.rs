//! Many runs as one job: eight at a time, one account, and a key, so that the same job started again buys nothing twice.

use std::time::Duration;

use futures_util::stream;
use orch_core::{Counted, Error, Output, Request, ToolSpec, Usage, Usd, tool_fn};
use orch_facade::{Batch, Budget, Client};

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the result of a program")]
async fn main() -> anyhow::Result<()> {
    let ask = tool_fn(ToolSpec::pure("ask"), |request: Request| async move {
        let number = request.input().as_json().as_u64().unwrap_or_default();
        tokio::time::sleep(Duration::from_millis(number % 7)).await;
        if number == 13 {
            return Err(Error::invalid("", "13 is not answered"));
        }
        let cost = Usage::new().cost(Counted::reported(Usd::from_nanos(1_000_000)));
        Ok(Output::from(format!("answer {number}")).with_usage(cost))
    });
    let client = Client::builder().tool(ask).build()?;
    let job = |client: &Client| -> Result<Batch, Error> {
        let runs: Vec<_> = (0..20_u64).map(|number| client.run(serde_json::json!(number)).tool("ask")).collect();
        client
            .run_all(stream::iter(runs))
            .concurrency(8)
            .ordered()
            .budget(Budget::new().cost_usd(1.0))
            .key("job-1")
            .start()
    };

    let mut batch = job(&client)?;
    while let Some(item) = batch.next().await {
        match item.result {
            Ok(outcome) if item.index < 3 => println!("{}: {}", item.index, outcome.typed::<String>()?),
            Ok(_) => {}
            Err(error) => println!("{}: {error}", item.index),
        }
    }
    let first = batch.summary();
    println!("{} of {} runs succeeded for ${:.3}", first.succeeded, first.started, first.usage.cost_usd());

    let again = job(&client)?.finish().await;
    println!("again: {} replayed for ${:.3}", again.replayed, again.usage.cost_usd());
    Ok(())
}
