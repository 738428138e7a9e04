//! A client from one file, with a function of the code and a variable over the file; what holds and why; one run.
//!
//!     cargo run --example config_file

use std::time::Duration;

use orch_core::{Error, Output, Request, ToolSpec, tool_fn};
use orch_facade::Client;
use orch_facade::config::Config;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/orch.toml");

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "a program")]
async fn main() -> anyhow::Result<()> {
    // What only code can say, under the name that the file mentions.
    let shrug = tool_fn(ToolSpec::pure("shrug"), |_: Request| async { Ok::<_, Error>(Output::from("who knows")) });
    let code = Client::builder().tool(shrug).deadline(Duration::from_secs(20));
    // `.environment()` reads the variables of the process; these stand for them.
    let variables = [("ORCH__RELIABILITY__RETRY__MAX_ATTEMPTS", "4")];
    let config = Config::file(FILE).variables(variables).code(code);

    config.check()?; // everything that is wrong, at once
    println!("{}", config.effective()?);

    let client = config.build()?;
    let outcome = client.run("How many attempts catch most of what can be caught?").await?;
    let summary = &outcome.evidence()?.summary;
    println!("{:?}, confidence {:.2}", summary.consensus, summary.confidence);

    // What is wrong is said with its place.
    if let Err(findings) = Config::toml("[reliability]\ndeadlin = 30").check() {
        println!("{findings}");
    }
    Ok(())
}
