//! What is counted: one bundle of short answers through a whole client, with somebody who reads every event.

#![allow(dead_code, unreachable_pub, reason = "each program that includes this file uses a part of it")]

use orch_facade::{BundleTool, Client, Error, Output, Request, ToolSpec, tool_fn};
use tokio::runtime::{Builder, Runtime};

/// A client after its first run, and the runtime that it works in.
pub struct Ready {
    client: Client,
    runtime: Runtime,
}

impl Ready {
    /// Three replicates at most; all of them give the same answer, so two are enough.
    pub fn new() -> Self {
        let tool = tool_fn(ToolSpec::pure("ask"), |_: Request| async { Ok::<_, Error>(Output::from("Paris")) });
        let client = Client::builder().bundle(BundleTool::new("bundle", tool).k(3)).build().expect("valid settings");
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        let ready = Self { client, runtime };
        ready.run();
        ready
    }

    /// One run, and how many events were read.
    pub fn run(&self) -> usize {
        self.runtime.block_on(async {
            let mut events = self.client.run("What is the capital of France?").tool("bundle").events();
            let mut read = 0;
            while events.next().await.is_some() {
                read += 1;
            }
            assert!(events.outcome().await.is_ok());
            read
        })
    }
}
