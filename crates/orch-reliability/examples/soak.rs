//! Two million calls with failures, panics, hangs and callers that leave, over 200 targets and keys; at the end nothing
//! may be taken, no circuit stuck and no memory lost. The first half warms up: caches and the allocator fill.
//!
//!     cargo run --release -p orch-reliability --example soak [CALLS]

#![expect(clippy::print_stdout, reason = "it says what it found")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use orch_core::store::Key;
use orch_core::{
    Budget, CallContext, Circuit, Class, Error, Estimate, HasContext, Limits, Meter, MeterLayer, Output, Request,
    Spend, ToolSpec,
};
use orch_reliability::{
    BudgetLayer, BulkheadLayer, CatchPanicLayer, CircuitBreakerHandle, CircuitBreakerLayer, IdempotencyConfig,
    IdempotencyLayer, MemoryStore, RatioBudget, RetryLayer, RetryPolicy, TimeoutLayer,
};
use tokio::time::{sleep, timeout};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};

const KEYS: usize = 200;
const CALLERS: u64 = 256;
const PLACES: usize = 8;
const MS: Duration = Duration::from_millis(1);

/// The stack, and what can be taken in it.
struct Soak {
    stack: BoxCloneSyncService<Request, Output, Error>,
    store: Arc<MemoryStore>,
    circuits: CircuitBreakerHandle,
    meter: Meter,
    specs: Vec<ToolSpec>,
    /// From then on the tool only works.
    healed: Arc<AtomicBool>,
    ended: AtomicU64,
}

impl Soak {
    fn new() -> Result<Self, BoxError> {
        let store = Arc::new(MemoryStore::bounded(4 << 20));
        let healed = Arc::new(AtomicBool::new(false));
        let breaker =
            CircuitBreakerLayer::builder().cooldown(5 * MS).max_cooldown(20 * MS).probe_lease(100 * MS).build()?;
        let circuits = breaker.handle();
        let idempotency = IdempotencyConfig::default().ttl(100 * MS).execution_timeout(Duration::from_secs(1));
        let retry = RetryPolicy::default().initial_delay(MS).max_delay(4 * MS).retry_after_cap(5 * MS);
        let works = Arc::clone(&healed);
        let stack = ServiceBuilder::new()
            .layer(TimeoutLayer::total(Duration::from_secs(5)))
            .layer(IdempotencyLayer::with_store(Arc::clone(&store) as Arc<_>).config(idempotency))
            .layer(BudgetLayer::new(Budget::new().tokens(1_000))?)
            .layer(RetryLayer::new(retry)?.budget(Arc::new(RatioBudget::default())))
            .layer(breaker)
            .layer(BulkheadLayer::builder().max_in_flight(PLACES).max_wait(10 * MS).build()?)
            .layer(TimeoutLayer::attempt(20 * MS))
            .layer(CatchPanicLayer::new())
            .layer(MeterLayer::new())
            .service(service_fn(move |request| tool(request, works.load(Ordering::Relaxed))));
        let specs = (0..KEYS).map(|n| ToolSpec::pure("tool").with_target(format!("target-{n}"))).collect();
        let meter = Meter::new(Limits { tokens: Some(u64::MAX / 2), cost: None });
        let (stack, ended) = (BoxCloneSyncService::new(stack), AtomicU64::new(0));
        Ok(Self { stack, store, circuits, meter, specs, healed, ended })
    }

    fn request(&self, target: usize, key: Option<usize>) -> Request {
        let mut context = CallContext::new().with_meter(self.meter.child("call", Limits::NONE));
        let estimate = Estimate::unknown().output(10);
        context.enter(&self.specs[target], estimate);
        if let Some(key) = key {
            context = context.with_key(Key::new(format!("key-{key}")).expect("a valid key"));
        }
        Request::new("a question").with_context(context)
    }

    /// One caller, who sometimes leaves early.
    async fn call(&self, calls: u64) {
        for _ in 0..calls {
            let key = (fastrand::u8(..10) == 0).then(|| fastrand::usize(..KEYS));
            let call = self.stack.clone().oneshot(self.request(fastrand::usize(..KEYS), key));
            if fastrand::u8(..20) == 0 {
                let _ = timeout(fastrand::u32(..4) * MS, call).await;
            } else {
                let _ = call.await;
            }
            self.ended.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All targets work again: every circuit closes, and every target serves.
    async fn recovers(&self) {
        self.healed.store(true, Ordering::Relaxed);
        for n in 0..KEYS {
            let target = self.specs[n].target().clone();
            let mut tries = 0;
            while self.circuits.snapshot(&target).circuit != Circuit::Closed {
                let _ = self.stack.clone().oneshot(self.request(n, None)).await;
                sleep(5 * MS).await;
                tries += 1;
                assert!(tries < 1_000, "the circuit of {target} is stuck");
            }
            while self.stack.clone().oneshot(self.request(n, None)).await.is_err() {
                sleep(MS).await;
                tries += 1;
                assert!(tries < 2_000, "{target} is locked out");
            }
        }
    }
}

async fn tool(request: Request, works: bool) -> Result<Output, Error> {
    let chance = if works { 0 } else { fastrand::u8(..100) };
    match chance {
        0..70 => Ok(Output::from("fine")),
        70..80 => {
            tokio::task::yield_now().await;
            Ok(Output::from("fine, later"))
        }
        80..90 => Err(Error::transient("it failed")),
        90..93 => Err(Error::transient("slow down").with_class(Class::Throttled).with_retry_after(2 * MS)),
        93..96 => std::panic::panic_any("it panicked"),
        96..98 => {
            sleep(fastrand::u32(..10) * MS).await;
            Err(Error::tool_execution("it failed in the end"))
        }
        _ => {
            let _held = request.context().clone();
            std::future::pending().await
        }
    }
}

/// Resident memory in pages.
fn resident() -> Result<u64, BoxError> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    Ok(statm.split_whitespace().nth(1).ok_or("statm has a second field")?.parse()?)
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), BoxError> {
    std::panic::set_hook(Box::new(|_| ()));
    let calls: u64 = std::env::args().nth(1).map_or(Ok(2_000_000), |calls| calls.parse())?;
    let soak = Arc::new(Soak::new()?);
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let soak = Arc::clone(&soak);
            tokio::spawn(async move { soak.call(calls / CALLERS).await })
        })
        .collect();
    let mut warm = None;
    while soak.ended.load(Ordering::Relaxed) < calls / CALLERS * CALLERS {
        sleep(20 * MS).await;
        if warm.is_none() && soak.ended.load(Ordering::Relaxed) > calls / 2 {
            warm = Some(resident()?);
        }
        if callers.iter().all(tokio::task::JoinHandle::is_finished) {
            break;
        }
    }
    for caller in callers {
        caller.await?;
    }
    let _silent = std::panic::take_hook();
    // Work that all callers have left is finished all the same.
    sleep(1_500 * MS).await;
    let (warm, end) = (warm.unwrap_or(0), resident()?);
    let ended = soak.ended.load(Ordering::Relaxed);
    soak.recovers().await;
    assert_eq!(soak.meter.held(), Spend::ZERO, "money is held");
    assert_eq!(format!("{:?}", soak.store), "MemoryStore { in_flight: 0, .. }");
    #[expect(clippy::cast_precision_loss, reason = "a percentage")]
    let drift = (end as f64 - warm as f64) / warm as f64 * 100.0;
    println!("{ended} calls, {} targets, all circuits closed, nothing taken", soak.circuits.targets().len());
    println!("resident after half of them {warm} pages, at the end {end}: {drift:+.1} %");
    assert!(drift < 5.0, "memory grew");
    Ok(())
}
