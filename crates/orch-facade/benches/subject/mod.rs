//! A client as it is by default around a tool that costs nothing. Shared by the instruction counts and by the test of
//! allocations.

#![allow(dead_code, unreachable_pub, reason = "each program that includes this file uses a part of it")]

use std::future::IntoFuture;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use orch_facade::core::{CallContext, EventStream, HasContext, Target};
use orch_facade::{BundleTool, Client, Error, Event, Outcome, Output, Request, ToolSpec, tool_fn};
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

/// A client with a bundle of up to three short answers, after its first run.
pub struct Bundled {
    client: Client,
    runtime: Runtime,
}

impl Bundled {
    /// The n-th replicate gives the n-th answer.
    pub fn new(answers: [&'static str; 3]) -> Self {
        let answer = move |request: Request| async move {
            let n = request.context().replicate().unwrap_or(1) as usize;
            Ok::<_, Error>(Output::from(answers[n - 1]))
        };
        let bundle = BundleTool::new("ask_bundle", tool_fn(ToolSpec::pure("ask"), answer)).k(3);
        let client = Client::builder().bundle(bundle).build().expect("one bundle and the defaults");
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        let ready = Self { client, runtime };
        ready.run();
        ready
    }

    /// A whole run with one listener, who reads every event, to the outcome; and how many events there were.
    pub fn run(&self) -> (usize, Outcome) {
        self.runtime.block_on(async {
            let mut events = self.client.run("hello").tool("ask_bundle").events();
            let mut heard = 0;
            while events.next().await.is_some() {
                heard += 1;
            }
            (heard, events.outcome().await.expect("it answers"))
        })
    }
}

/// A run that some listen to, who have read all there was and wait for more.
pub struct Told {
    context: CallContext,
    listeners: Vec<EventStream>,
    target: Target,
}

impl Told {
    pub fn new(listeners: usize) -> Self {
        let mut context = CallContext::new();
        let listeners = (0..listeners).map(|_| context.subscribe()).collect();
        let mut told = Self { context, listeners, target: Target::from("provider") };
        for _ in 0..2 {
            told.tell();
            told.read();
        }
        told
    }

    pub fn tell(&self) {
        self.context.emit(|| Event::AttemptStarted { target: self.target.clone() });
    }

    /// How many events all of them have read.
    pub fn read(&mut self) -> usize {
        let mut context = Context::from_waker(Waker::noop());
        let read = |listener: &mut EventStream| {
            std::iter::from_fn(|| match pin!(&mut *listener).poll_next(&mut context) {
                Poll::Ready(event) => event,
                Poll::Pending => None,
            })
            .count()
        };
        self.listeners.iter_mut().map(read).sum()
    }
}
