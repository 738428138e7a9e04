//! What both programs run: a model that is asked three times, and is busy at first.

use std::sync::atomic::{AtomicUsize, Ordering};

use orch_facade::core::{Counted, Usage, Usd};
use orch_facade::{BundleTool, Client, Error, Output, Request, ToolSpec, tool_fn};

/// A client with one bundle, `feasibility`, over a model that refuses its first call.
///
/// # Errors
/// None, unless the code above is changed.
pub fn client() -> Result<Client, Box<dyn std::error::Error>> {
    let calls = AtomicUsize::new(0);
    let ask = tool_fn(ToolSpec::pure("ask_model").with_target("a-model"), move |_: Request| {
        let busy = calls.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            if busy {
                return Err(Error::transient("busy"));
            }
            let usage = Usage::new().output(Counted::reported(20)).cost(Counted::reported(Usd::from_nanos(30_000)));
            Ok(Output::from("feasible").with_usage(usage))
        }
    });
    Ok(Client::builder().bundle(BundleTool::new("feasibility", ask).k(3)).build()?)
}

/// Asks once.
///
/// # Errors
/// What the run failed with.
pub async fn run(client: &Client) -> Result<(), Error> {
    let outcome = client.run("is it feasible?").tool("feasibility").await?;
    println!("{}\n", outcome.explain());
    Ok(())
}
