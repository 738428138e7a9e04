//! A client as a service has it: a hosted provider behind TLS, a tool over it, and a bundle of that.

use orch_core::IntoTool;
use orch_facade::providers::{ChatTool, OpenAi};
use orch_facade::{BundleTool, Client};
use tokio::runtime::{Builder, Runtime};

/// The runtime and the client, ready for its first run.
pub(crate) fn start() -> (Runtime, Client) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let entered = runtime.enter();
    let model = OpenAi::builder().api_key("a-key").model("gpt-4o-mini").build().expect("a hosted model");
    let ask = ChatTool::new("ask", model).into_tool();
    let client = Client::builder().bundle(BundleTool::new("several", ask.clone()).k(5)).tool(ask).build();
    drop(entered);
    (runtime, client.expect("a tool and a bundle"))
}
