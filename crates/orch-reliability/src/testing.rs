//! What the tests of the layers share.

use std::collections::VecDeque;
use std::future::{Future, Ready, ready};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use orch_core::{
    CallContext, Class, Error, ErrorKind, Estimate, Event, EventStream, HasContext, Output, ProviderFailure, ToolSpec,
};
use tokio::time::Instant;
use tower::Service;

/// A request of somebody else's: nothing but a context.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ask {
    context: CallContext,
}

impl Ask {
    /// In the scope of a tool that may run any number of times.
    pub(crate) fn pure() -> Self {
        Self::of(&ToolSpec::pure("tool"))
    }

    pub(crate) fn of(spec: &ToolSpec) -> Self {
        let mut ask = Self::default();
        ask.context.enter(spec, Estimate::unknown());
        ask
    }

    pub(crate) fn with(mut self, change: impl FnOnce(CallContext) -> CallContext) -> Self {
        self.context = change(self.context);
        self
    }
}

impl HasContext for Ask {
    fn context(&self) -> &CallContext {
        &self.context
    }

    fn context_mut(&mut self) -> &mut CallContext {
        &mut self.context
    }
}

/// A service that gives its results in order, and the last one for ever; it notes when it was called, and with what.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    results: Arc<Mutex<VecDeque<Result<Output, Error>>>>,
    calls: Arc<Mutex<Vec<(Instant, CallContext)>>>,
}

impl Script {
    pub(crate) fn new(results: impl IntoIterator<Item = Result<Output, Error>>) -> Self {
        Self { results: Arc::new(Mutex::new(results.into_iter().collect())), calls: Arc::default() }
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.lock().unwrap().len()
    }

    /// The time between one call and the next.
    pub(crate) fn gaps(&self) -> Vec<Duration> {
        self.calls.lock().unwrap().windows(2).map(|pair| pair[1].0 - pair[0].0).collect()
    }

    pub(crate) fn contexts(&self) -> Vec<CallContext> {
        self.calls.lock().unwrap().iter().map(|(_, context)| context.clone()).collect()
    }
}

impl Service<Ask> for Script {
    type Response = Output;
    type Error = Error;
    type Future = Ready<Result<Output, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Ask) -> Self::Future {
        self.calls.lock().unwrap().push((Instant::now(), request.context().clone()));
        let mut results = self.results.lock().unwrap();
        ready(if results.len() > 1 { results.pop_front().unwrap() } else { results[0].clone() })
    }
}

/// A provider's refusal that passes.
pub(crate) fn provider(class: Class) -> Error {
    let failure = ProviderFailure::new("openai", "busy");
    Error::new(ErrorKind::Provider(failure)).with_class(class)
}

/// A 429 with a hint.
pub(crate) fn throttled(seconds: u64) -> Error {
    provider(Class::Throttled).with_not_executed().with_retry_after(Duration::from_secs(seconds))
}

/// The events that wait in the stream, with the attempt each comes from.
pub(crate) async fn events(stream: &mut EventStream) -> Vec<(Option<u32>, Event)> {
    let mut events = Vec::new();
    while let Poll::Ready(Some(envelope)) = poll_once(std::pin::pin!(stream.next())).await {
        events.push((envelope.source.attempt, envelope.event));
    }
    events
}

pub(crate) async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}
