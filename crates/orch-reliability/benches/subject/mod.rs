//! What is counted: small stacks over a tool that costs nothing, with everything set up that a running program has set
//! up. Shared by the instruction counts and by the test of allocations.

#![allow(dead_code, unreachable_pub, reason = "each program that includes this file uses a part of it")]

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use orch_core::store::{
    Claim, Fingerprint, HasFingerprint, IdempotencyStore, Key, Lease, OwnerId, Record, StoreError, Takeover,
};
use orch_core::{CallContext, Class, Error, Estimate, HasContext, ToolSpec};
use orch_reliability::circuit_breaker::CircuitBreaker;
use orch_reliability::idempotency::Idempotency;
use orch_reliability::retry::Retry;
use orch_reliability::timeout::{Timeout, Total};
use orch_reliability::{CircuitBreakerLayer, IdempotencyLayer, RetryLayer, RetryPolicy, TimeoutLayer};
use tokio::runtime::{Builder, Runtime};
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceBuilder};

/// A request of 2 kB that is cheap to clone.
#[derive(Clone)]
pub struct Ask {
    pub context: CallContext,
    pub text: Arc<str>,
}

impl Ask {
    pub fn new() -> Self {
        // One for all calls, as a registered tool has it.
        static SPEC: LazyLock<ToolSpec> = LazyLock::new(|| ToolSpec::pure("tool"));
        let mut context = CallContext::new();
        context.enter(&SPEC, Estimate::unknown());
        Self { context, text: "0123456789abcdef".repeat(128).into() }
    }

    pub fn keyed(key: &str) -> Self {
        let Self { context, text } = Self::new();
        Self { context: context.with_key(Key::new(key).expect("a valid key")), text }
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

/// Not counted: what a fingerprint costs depends on the request.
impl HasFingerprint for Ask {
    fn fingerprint(&self) -> Fingerprint {
        Fingerprint::from_bytes([7; 16])
    }
}

/// What the tool does with a call.
#[derive(Clone, Copy)]
pub enum Tool {
    Answers,
    AnswersAtTheSecondPoll,
    Fails,
    /// Says when to come back.
    IsThrottled,
}

/// The call of a [`Tool`].
pub struct Answer(Tool);

impl Service<Ask> for Tool {
    type Response = String;
    type Error = Error;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Ask) -> Answer {
        Answer(*self)
    }
}

/// Made once: what a tool's own error costs is not counted.
fn throttled() -> Error {
    static THROTTLED: LazyLock<Error> = LazyLock::new(|| {
        Error::tool_execution("it is throttled")
            .with_class(Class::Throttled)
            .with_not_executed()
            .with_retry_after(Duration::from_secs(1))
    });
    THROTTLED.clone()
}

impl Future for Answer {
    type Output = Result<String, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.0 {
            Tool::Answers => Poll::Ready(Ok(String::new())),
            Tool::AnswersAtTheSecondPoll => {
                self.0 = Tool::Answers;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Tool::Fails => Poll::Ready(Err(Error::transient("it failed"))),
            Tool::IsThrottled => Poll::Ready(Err(throttled())),
        }
    }
}

pub type Stack = Timeout<Retry<CircuitBreaker<Tool>>, Total>;
pub type Erased = BoxCloneSyncService<Ask, String, Error>;

/// Deadline, retry and circuit breaker, as in the documented order.
pub fn stack(tool: Tool) -> Stack {
    ServiceBuilder::new()
        .layer(TimeoutLayer::total(Duration::from_secs(300)))
        .layer(RetryLayer::default())
        .layer(CircuitBreakerLayer::default())
        .service(tool)
}

pub fn breaker(tool: Tool) -> CircuitBreaker<Tool> {
    ServiceBuilder::new().layer(CircuitBreakerLayer::default()).service(tool)
}

/// A breaker that has seen five failures.
pub fn open_breaker() -> CircuitBreaker<Tool> {
    let mut breaker = breaker(Tool::Fails);
    for _ in 0..5 {
        let _ = run(&mut breaker, Ask::new());
    }
    breaker
}

/// A retry layer that would wait for a throttled target.
pub fn patient() -> Retry<Tool> {
    let _ = throttled();
    let policy = RetryPolicy::default().seed(1);
    ServiceBuilder::new().layer(RetryLayer::new(policy).expect("a valid policy")).service(Tool::IsThrottled)
}

pub fn idempotent(store: impl IdempotencyStore + 'static) -> Idempotency<Tool> {
    ServiceBuilder::new().layer(IdempotencyLayer::with_store(Arc::new(store))).service(Tool::Answers)
}

/// A store that keeps the last result and looks at no key: what is counted above it is the layer alone. (A real one
/// tidies up now and then, in whichever call it happens to be.)
#[derive(Default)]
pub struct LastResult(Mutex<Option<Record>>);

#[async_trait]
impl IdempotencyStore for LastResult {
    async fn claim(
        &self,
        _: &Key,
        _: &Fingerprint,
        owner: OwnerId,
        ttl: Duration,
        _: Takeover,
    ) -> Result<Claim, StoreError> {
        let last = self.0.lock().expect("nothing panics under the lock").clone();
        Ok(last.map_or(Claim::Claimed(Lease { owner, fence: 1, ttl }), Claim::Done))
    }

    async fn renew(&self, _: &Key, _: &Lease) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn complete(&self, _: &Key, _: &Lease, record: Record, _: Duration) -> Result<bool, StoreError> {
        *self.0.lock().expect("nothing panics under the lock") = Some(record);
        Ok(true)
    }

    async fn release(&self, _: &Key, _: &Lease) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn resolve(&self, _: &Key, _: Option<Record>) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn wait(&self, _: &Key, _: Duration) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A service after its first calls, a request, and the runtime that they are to work in.
pub struct Ready<S> {
    pub service: S,
    pub ask: Option<Ask>,
    pub runtime: Runtime,
    /// The caller keeps its request, so neither making nor freeing it is a part of the call.
    _kept: Ask,
}

impl<S> Ready<S>
where
    S: Service<Ask, Response = String, Error = Error>,
{
    /// One call is over already, so that circuits and thread-local values exist.
    pub fn new(mut service: S) -> Self {
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        let entered = runtime.enter();
        let _ = run(&mut service, Ask::new());
        drop(entered);
        Self::fresh(service, runtime).asking(Ask::new())
    }

    /// No call was made yet.
    pub fn fresh(service: S, runtime: Runtime) -> Self {
        Self { service, ask: None, runtime, _kept: Ask::new() }
    }

    pub fn asking(self, ask: Ask) -> Self {
        Self { _kept: ask.clone(), ask: Some(ask), ..self }
    }

    /// Calls the service and polls to the end.
    pub fn call(&mut self) -> Result<String, Error> {
        run(&mut self.service, self.ask.take().expect("asked once"))
    }

    /// Calls the service and polls once.
    pub fn start(&mut self) -> bool {
        let future = pin!(self.service.call(self.ask.take().expect("asked once")));
        future.poll(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    /// Calls the service in the runtime, which runs what it spawns.
    pub fn call_in_runtime(&mut self) -> Result<String, Error> {
        self.runtime.block_on(self.service.call(self.ask.take().expect("asked once")))
    }

    /// Calls the service where it may spawn, and polls to the end, which must come without a task.
    pub fn call_where_tasks_are(&mut self) -> Result<String, Error> {
        let handle = self.runtime.handle().clone();
        let _entered = handle.enter();
        self.call()
    }
}

/// Calls a service and polls to the end. Whatever it waits for must come by itself.
pub fn run<S: Service<Ask>>(service: &mut S, ask: Ask) -> Result<S::Response, S::Error> {
    let mut future = pin!(service.call(ask));
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return result;
        }
    }
}
