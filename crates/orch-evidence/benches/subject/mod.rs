//! What is counted: bundles of answers that are there already, and their parts. Shared by the instruction counts and by
//! the test of allocations.

#![allow(dead_code, unreachable_pub, reason = "each program that includes this file uses a part of it")]

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use orch_core::service::Scope;
use orch_core::{BoxTool, Error, HasContext, IntoTool, Output, Request, ScopeLayer, ToolSpec, Usage, tool_fn};
use orch_evidence::stopping::Never;
use orch_evidence::{Bundle, BundleOptions, Bundler, Command, Distance, Input, ReplicateLayer, ReplicateService};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};
use tower::{Service, ServiceBuilder};

/// How the texts of a bundle differ.
#[derive(Clone, Copy)]
pub enum Texts {
    Equal,
    /// One word in ten is another one.
    Near,
    Unrelated,
}

/// Made-up words: with few different ones everything that looks at sets of words seems cheaper than it is.
const VOCABULARY: u64 = 2_000;

fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

fn word(number: u64) -> String {
    const SYLLABLES: [&str; 16] =
        ["ba", "de", "fi", "go", "hu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "wu", "za"];
    let syllable = |shift: u32| SYLLABLES[usize::try_from((number >> shift) & 15).unwrap_or(0)];
    [syllable(0), syllable(4), syllable(8)].concat()
}

/// `k` texts of about `length` characters.
pub fn texts(kind: Texts, k: usize, length: usize) -> Vec<String> {
    let mut state = 42;
    let base: Vec<u64> = (0..length.div_ceil(7)).map(|_| next(&mut state) % VOCABULARY).collect();
    let mut one = || {
        let mut other = |own: u64| match kind {
            Texts::Equal => own,
            Texts::Near if !next(&mut state).is_multiple_of(10) => own,
            Texts::Near | Texts::Unrelated => next(&mut state) % VOCABULARY,
        };
        let words: Vec<String> = base.iter().map(|own| word(other(*own))).collect();
        let mut text = words.join(" ");
        text.truncate(length);
        text
    };
    (0..k).map(|_| one()).collect()
}

/// A bundle that is about to be made, with every answer there.
pub struct Ready {
    bundler: Bundler,
    todo: VecDeque<Command>,
    outputs: Vec<Option<Output>>,
}

impl Ready {
    /// Of all these answers: no rule stops before the last.
    pub fn new(texts: Vec<String>, metric: Option<Arc<dyn Distance>>) -> Self {
        let k = u32::try_from(texts.len()).expect("few");
        let mut bundler = Bundler::new(&BundleOptions::new().k(k)).expect("valid options").with_stop(Never);
        if let Some(metric) = metric {
            bundler = bundler.with_distance(metric);
        }
        let todo = bundler.start().into();
        Self { bundler, todo, outputs: texts.into_iter().map(|text| Some(Output::from(text))).collect() }
    }

    /// As many replicates ended and measured as the rest leaves.
    pub fn but_for(mut self, rest: usize) -> Self {
        let until = self.outputs.len() - rest;
        self.run(|index| index <= until);
        self
    }

    /// Everything that is left to do.
    pub fn finish(mut self) -> Bundle {
        self.run(|_| true);
        self.bundler.finish().expect("all are valid")
    }

    fn run(&mut self, may_start: impl Fn(usize) -> bool) {
        let mut held = VecDeque::new();
        while let Some(command) = self.todo.pop_front() {
            match command {
                Command::Launch { index, .. } if !may_start(index as usize) => held.push_back(command),
                Command::Launch { index, .. } => {
                    let output = self.outputs[index as usize - 1].take().expect("launched once");
                    let (result, usage, elapsed) = (Ok(output), Usage::new(), Duration::ZERO);
                    self.todo.extend(self.bundler.on(Input::Finished { index, result, usage, elapsed }));
                }
                Command::Measure { index, against } => {
                    let row = self.bundler.measurement(index, &against).run();
                    self.todo.extend(self.bundler.on(Input::Measured { index, row }));
                }
                _ => {}
            }
        }
        self.todo = held;
    }
}

/// `k` records of so many fields, one in ten of which differs.
pub fn records(k: u64, fields: u64) -> Vec<Output> {
    let mut state = 42;
    let mut value = |field: u64| if next(&mut state).is_multiple_of(10) { next(&mut state) % 5 } else { field % 7 };
    (0..k)
        .map(|_| {
            let all: serde_json::Map<_, _> = (0..fields).map(|at| (format!("field{at}"), json!(value(at)))).collect();
            Output::from(serde_json::Value::from(all))
        })
        .collect()
}

/// A replicated tool that has every answer ready, and a runtime to call it in.
pub struct Called {
    service: Scope<ReplicateService<BoxTool>>,
    request: Option<Request>,
    runtime: Runtime,
}

impl Called {
    /// All answers are asked for: no rule stops before the last.
    pub fn new(outputs: Vec<Output>) -> Self {
        let k = u32::try_from(outputs.len()).expect("few");
        let outputs = Arc::new(outputs);
        let tool = tool_fn(ToolSpec::pure("ask"), move |request: Request| {
            let n = request.context().replicate().expect("replicated") as usize;
            let output = outputs[n - 1].clone();
            async move { Ok::<_, Error>(output) }
        })
        .into_tool();
        let service = ServiceBuilder::new()
            .layer(ScopeLayer::of(tool.spec()))
            .layer(ReplicateLayer::new(k).stop(Never))
            .service(tool);
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        let mut called = Self { service, request: Some(Request::new("question")), runtime };
        // The second call finds the threads and thread-local values that the first one made.
        let _ = called.run();
        called.request = Some(Request::new("question"));
        called
    }

    fn run(&mut self) -> Output {
        let request = self.request.take().expect("asked once");
        let future = self.service.call(request);
        self.runtime.block_on(future).expect("all are valid")
    }

    /// Calls and waits for the bundle.
    pub fn call(mut self) -> (Self, Output) {
        let output = self.run();
        (self, output)
    }
}

/// A call that is polled by hand, each time that it was woken.
pub struct Polled {
    future: Pin<Box<dyn Future<Output = Result<Output, Error>> + Send>>,
    runtime: Runtime,
    waker: Waker,
    /// Whether there is nothing more to poll.
    pub over: bool,
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl Called {
    /// Just before its n-th poll, or over, if it does not take so many.
    pub fn before_poll(mut self, n: usize) -> Polled {
        let request = self.request.take().expect("asked once");
        let future = Box::pin(self.service.call(request));
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut polled = Polled { future, runtime: self.runtime, waker, over: false };
        for _ in 1..n {
            polled.poll();
            if polled.over {
                break;
            }
            thread::park();
        }
        polled
    }
}

impl Polled {
    /// One poll.
    pub fn poll(&mut self) {
        let _entered = self.runtime.enter();
        if !self.over {
            let poll = self.future.as_mut().poll(&mut Context::from_waker(&self.waker));
            self.over = matches!(poll, Poll::Ready(Ok(_)));
        }
    }
}
