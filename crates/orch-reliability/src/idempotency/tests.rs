//! The layer driven from outside. Two layers over one store stand for two processes.

mod failures;
mod keys;
mod outages;
mod records;
mod redacted;
mod responses;
mod single_flight;
mod slow_stores;

use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::join_all;
use orch_core::store::{
    Claim, Fingerprint, HasFingerprint, IdempotencyStore, Key, Lease, OwnerId, Record, StoreError, Takeover,
};
use orch_core::{
    CallContext, Class, Deadline, DeltaKind, Effect, Error, ErrorKind, Estimate, Event, HasContext, Output, Part,
    Request, ToolSpec,
};
use orch_testkit::LayerContract;
use serde_json::json;
use tokio::time::{Instant, sleep};
use tower::limit::ConcurrencyLimitLayer;
use tower::{Layer, Service, ServiceExt, service_fn};

use super::*;
use crate::MemoryStore;

const LEASE: Duration = Duration::from_secs(30);

type Reply = Pin<Box<dyn Future<Output = Result<Output, Error>> + Send>>;

/// A layer over a tool that counts its executions.
#[derive(Clone)]
struct Bench {
    layer: IdempotencyLayer,
    tool: Arc<dyn Fn(u32, Request) -> Reply + Send + Sync>,
    executions: Arc<AtomicU32>,
}

impl Bench {
    fn new<F>(tool: impl Fn(u32, Request) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Output, Error>> + Send + 'static,
    {
        let tool = Arc::new(move |n, request| Box::pin(tool(n, request)) as Reply);
        Self { layer: IdempotencyLayer::in_memory(), tool, executions: Arc::default() }
    }

    /// A tool that takes a second and answers the number of the execution.
    fn slow() -> Self {
        Self::new(|n, _| async move {
            sleep(Duration::from_secs(1)).await;
            Ok(Output::from(json!(n)))
        })
    }

    /// A tool that fails at its first execution.
    fn fails_once(error: Error) -> Self {
        Self::new(move |n, _| {
            let error = error.clone();
            async move {
                sleep(Duration::from_secs(1)).await;
                if n == 1 { Err(error) } else { Ok(Output::from(json!(n))) }
            }
        })
    }

    fn with_store(mut self, store: Arc<dyn IdempotencyStore>) -> Self {
        self.layer = IdempotencyLayer::with_store(store);
        self
    }

    fn with_config(mut self, config: IdempotencyConfig) -> Self {
        self.layer = self.layer.config(config);
        self
    }

    fn service(
        &self,
    ) -> impl Service<Request, Response = Output, Error = Error, Future: Send + 'static> + Clone + Send + 'static {
        let (tool, executions) = (Arc::clone(&self.tool), Arc::clone(&self.executions));
        let inner = service_fn(move |request| tool(executions.fetch_add(1, Ordering::Relaxed) + 1, request));
        self.layer.layer(inner)
    }

    fn call(&self, request: Request) -> impl Future<Output = Result<Output, Error>> + Send + 'static {
        self.service().oneshot(request)
    }

    fn start(&self, request: Request) -> tokio::task::JoinHandle<Result<Output, Error>> {
        tokio::spawn(self.call(request))
    }

    fn executions(&self) -> u32 {
        self.executions.load(Ordering::Relaxed)
    }
}

fn context(effect: Effect) -> CallContext {
    let spec = match effect {
        Effect::Pure => ToolSpec::pure("tool"),
        Effect::IdempotentDownstream => ToolSpec::idempotent("tool"),
        Effect::AtMostOnce => ToolSpec::at_most_once("tool"),
    };
    let mut context = CallContext::new().with_key(key());
    context.enter(&spec, Estimate::unknown());
    context
}

fn key() -> Key {
    Key::new("key-1").unwrap()
}

fn request(effect: Effect) -> Request {
    Request::new("a question").with_context(context(effect))
}

fn pure() -> Request {
    request(Effect::Pure)
}

fn other() -> Request {
    Request::new("another question").with_context(context(Effect::Pure))
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
}

/// Lets every task run until it waits for time.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

async fn advance(time: Duration) {
    tokio::time::advance(time).await;
    settle().await;
}

fn is_conflict(result: &Result<Output, Error>) -> bool {
    matches!(result, Err(error) if matches!(error.kind(), ErrorKind::Conflict { key } if &**key == "key-1"))
}

fn is_unknown(result: &Result<Output, Error>) -> bool {
    matches!(result, Err(error) if matches!(error.kind(), ErrorKind::OutcomeUnknown { .. }))
}

fn number(output: &Output) -> u64 {
    output.content().get().unwrap()
}

/// A claim made by a process that will not be heard of again.
async fn claim_and_die(store: &MemoryStore, request: &Request) -> Lease {
    let claim = store.claim(&key(), &request.fingerprint(), OwnerId::fresh(), LEASE, Takeover::Allowed).await;
    let Ok(Claim::Claimed(lease)) = claim else { panic!("{claim:?}") };
    lease
}
