//! What goes wrong, by kind: each error says whose fault it was, whether to come again, and what was paid for before it.

use std::time::Duration;

use orch_core::{Counted, Error, ErrorKind, Output, Request, ToolSpec, Usage, tool_fn};
use orch_facade::{Budget, Client, RetryPolicy};

/// The arms that most programs need.
fn arm(error: &Error) -> String {
    match error.kind() {
        ErrorKind::BudgetExceeded { budget, limit, actual, .. } => {
            let kept = error.output().and_then(|output| output.content().to_json().ok());
            format!("{budget}: {actual} of {limit}; paid for and kept: {}", kept.unwrap_or_default())
        }
        ErrorKind::UnknownTool { name, did_you_mean } => {
            format!("no tool `{name}`, but perhaps `{}`", did_you_mean.as_deref().unwrap_or("none like it"))
        }
        ErrorKind::DeadlineExceeded => "out of time".to_owned(),
        _ => format!("{} at {}, after {} attempts", error, error.tool().unwrap_or("-"), error.attempts().len()),
    }
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the result of a program")]
async fn main() -> anyhow::Result<()> {
    let long = tool_fn(ToolSpec::pure("long_answer"), |_: Request| async {
        Ok::<_, Error>(Output::from("forty-two").with_usage(Usage::new().output(Counted::reported(500))))
    });
    let slow = tool_fn(ToolSpec::pure("slow_answer"), |_: Request| async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        Ok::<_, Error>(Output::from("late"))
    });
    let down = tool_fn(ToolSpec::pure("no_answer"), |_: Request| async {
        Err::<Output, _>(Error::transient("connection refused"))
    });
    let retry = RetryPolicy::default().initial_delay(Duration::from_millis(1));
    let client = Client::builder().tool(long).tool(slow).tool(down).retry(retry).build()?;

    for run in [
        client.run("?").tool("long_answer").budget(Budget::new().tokens(100)),
        client.run("?").tool("slow_answer").deadline(Duration::from_millis(20)),
        client.run("?").tool("no_answer"),
        client.run("?").tool("long_anser"),
    ] {
        let Err(error) = run.await else { continue };
        println!("{:16} {}", format!("{:?}", error.class()), arm(&error));
    }
    Ok(())
}
