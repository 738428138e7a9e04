//! A client as it is by default around a tool that costs nothing. Shared by the instruction counts and by the test of
//! allocations.

#![allow(dead_code, unreachable_pub, reason = "each program that includes this file uses a part of it")]

use std::future::IntoFuture;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use orch_facade::{Client, Error, Outcome, Output, Request, ToolSpec, tool_fn};
use tokio::runtime::{Builder, Runtime};

/// A client after its first run, so that circuits and thread-local values exist.
pub struct Ready {
    client: Client,
    runtime: Runtime,
}

impl Ready {
    pub fn new() -> Self {
        let tool = tool_fn(ToolSpec::pure("shout"), |_: Request| async { Ok::<_, Error>(Output::default()) });
        let client = Client::builder().tool(tool).build().expect("one tool and the defaults");
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        let ready = Self { client, runtime };
        ready.run().expect("it answers");
        ready
    }

    /// A whole run by name, from making the request to the outcome: one poll.
    pub fn run(&self) -> Result<Outcome, Error> {
        let _entered = self.runtime.enter();
        let run = pin!(self.client.run("hello").tool("shout").into_future());
        match run.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result,
            Poll::Pending => unreachable!("the tool answers at once"),
        }
    }
}
