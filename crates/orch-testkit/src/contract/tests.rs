//! The contract is kept by orch-core's layers and tower's, and catches layers that are wrong on purpose.

use std::future::{Future, poll_fn, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use orch_core::{Error, MeterLayer, Output, Request, ScopeLayer, ToolSpec, try_ready};
use tokio::sync::Semaphore;
use tower::layer::layer_fn;
use tower::limit::ConcurrencyLimitLayer;
use tower::timeout::TimeoutLayer;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

use super::{LayerContract, Stack, StackOf};
use crate::ProbeService;

type Answer = Pin<Box<dyn Future<Output = Result<Output, Error>> + Send>>;

#[tokio::test(start_paused = true)]
async fn layers_of_the_core_keep_it() {
    LayerContract::new(MeterLayer::new).check().await;
    LayerContract::new(|| ScopeLayer::of(&ToolSpec::pure("x"))).check().await;
}

#[tokio::test(start_paused = true)]
async fn plain_tower_layers_keep_it_when_they_pass_readiness_on() {
    LayerContract::new(|| ConcurrencyLimitLayer::new(1)).always_ready(false).check().await;
    LayerContract::new(|| TimeoutLayer::new(Duration::from_secs(60))).always_ready(false).check().await;
}

#[tokio::test(start_paused = true)]
async fn a_stack_of_layers_is_checked_like_one_layer() {
    let stack = || ServiceBuilder::new().layer(MeterLayer::new()).layer(ConcurrencyLimitLayer::new(2));
    LayerContract::new(stack).check().await;
}

/// The rule that `layer` breaks first.
async fn broken_rule<L, S>(contract: LayerContract<L>) -> String
where
    L: Layer<ProbeService, Service = S> + 'static,
    S: Stack,
    StackOf<L>: Stack,
{
    let panic = tokio::spawn(async move { contract.check_typed().await }).await.unwrap_err().into_panic();
    let message = panic.downcast::<String>().unwrap();
    message.split('`').nth(1).unwrap().to_owned()
}

/// How a layer that is always ready calls its inner service, with four permits of its own.
type Wrong = fn(&mut ProbeService, &Arc<Semaphore>, Request) -> Answer;

#[derive(Clone)]
struct Broken {
    inner: ProbeService,
    permits: Arc<Semaphore>,
    call: Wrong,
}

impl Service<Request> for Broken {
    type Response = Output;
    type Error = Error;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Answer {
        (self.call)(&mut self.inner, &self.permits, request)
    }
}

fn contract_of(call: Wrong) -> LayerContract<impl Layer<ProbeService, Service = Broken>> {
    LayerContract::new(move || layer_fn(move |inner| Broken { inner, permits: Arc::new(Semaphore::new(4)), call }))
}

fn calls_unready(inner: &mut ProbeService, _: &Arc<Semaphore>, request: Request) -> Answer {
    Box::pin(inner.call(request))
}

fn clones_always(inner: &mut ProbeService, _: &Arc<Semaphore>, request: Request) -> Answer {
    Box::pin(inner.clone().oneshot(request))
}

/// Polls one instance, and calls another one when that was not ready.
fn leaves_the_waiting_instance(inner: &mut ProbeService, _: &Arc<Semaphore>, request: Request) -> Answer {
    match inner.poll_ready(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(())) => Box::pin(inner.call(request)),
        Poll::Ready(Err(error)) => Box::pin(ready(Err(error))),
        Poll::Pending => Box::pin(inner.clone().oneshot(request)),
    }
}

fn rewrites_errors(inner: &mut ProbeService, _: &Arc<Semaphore>, request: Request) -> Answer {
    let call = try_ready(inner, request);
    Box::pin(async move { call.await.map_err(|error| Error::tool_execution(error.to_string())) })
}

/// The output stays, but no longer counts as the whole answer.
fn makes_answers_partial(inner: &mut ProbeService, _: &Arc<Semaphore>, request: Request) -> Answer {
    let call = try_ready(inner, request);
    Box::pin(async move {
        call.await.map_err(|error| match error.output().cloned() {
            Some(output) => error.with_output(output),
            None => error,
        })
    })
}

fn hides_errors(inner: &mut ProbeService, _: &Arc<Semaphore>, request: Request) -> Answer {
    let call = try_ready(inner, request);
    Box::pin(async move { call.await.or_else(|_| Ok(Output::default())) })
}

fn forgets_usage(inner: &mut ProbeService, _: &Arc<Semaphore>, request: Request) -> Answer {
    let call = try_ready(inner, request);
    Box::pin(async move { call.await.map(|output| Output::new(output.into_content())) })
}

fn wakes_itself(inner: &mut ProbeService, _: &Arc<Semaphore>, request: Request) -> Answer {
    let mut call = Box::pin(try_ready(inner, request));
    Box::pin(poll_fn(move |cx| {
        let answer = call.as_mut().poll(cx);
        if answer.is_pending() {
            cx.waker().wake_by_ref();
        }
        answer
    }))
}

/// Keeps the waker of its first poll to itself.
fn loses_the_waker(inner: &mut ProbeService, _: &Arc<Semaphore>, request: Request) -> Answer {
    let mut call = Box::pin(try_ready(inner, request));
    let mut polls = 0;
    Box::pin(poll_fn(move |cx| {
        polls += 1;
        if polls > 1 { call.as_mut().poll(cx) } else { call.as_mut().poll(&mut Context::from_waker(Waker::noop())) }
    }))
}

/// Gives its permit back after an `await` that is not reached when the call is dropped.
fn leaks_permits(inner: &mut ProbeService, permits: &Arc<Semaphore>, request: Request) -> Answer {
    let (permits, call) = (Arc::clone(permits), try_ready(inner, request));
    Box::pin(async move {
        permits.acquire().await.map_err(Error::transient)?.forget();
        let answer = call.await;
        permits.add_permits(1);
        answer
    })
}

fn spawns_and_forgets(inner: &mut ProbeService, _: &Arc<Semaphore>, request: Request) -> Answer {
    let task = tokio::spawn(try_ready(inner, request));
    Box::pin(async move { task.await.map_err(Error::transient)? })
}

fn keeps_instances(inner: &mut ProbeService, _: &Arc<Semaphore>, request: Request) -> Answer {
    std::mem::forget(inner.clone());
    Box::pin(try_ready(inner, request))
}

fn panics_over_a_broken_service(inner: &mut ProbeService, _: &Arc<Semaphore>, request: Request) -> Answer {
    let call = try_ready(inner, request);
    Box::pin(async move { Ok(call.await.expect("it never fails")) })
}

#[tokio::test(start_paused = true)]
async fn a_call_on_an_instance_that_was_not_ready_is_caught() {
    assert_eq!(broken_rule(contract_of(calls_unready)).await, "ready_inner_is_called_in_place");
    assert_eq!(broken_rule(contract_of(calls_unready).in_place(false)).await, "ready_inner_is_called_in_place");
}

#[tokio::test(start_paused = true)]
async fn a_clone_for_every_call_is_caught_unless_it_is_declared() {
    assert_eq!(broken_rule(contract_of(clones_always)).await, "ready_inner_is_called_in_place");
    contract_of(clones_always).in_place(false).check_typed().await;
}

#[tokio::test(start_paused = true)]
async fn a_waiting_instance_that_is_passed_over_is_caught() {
    assert_eq!(broken_rule(contract_of(leaves_the_waiting_instance)).await, "waiting_instance_is_called");
}

#[tokio::test(start_paused = true)]
async fn changed_and_hidden_errors_are_caught() {
    assert_eq!(broken_rule(contract_of(rewrites_errors)).await, "errors_kept");
    assert_eq!(broken_rule(contract_of(makes_answers_partial)).await, "errors_kept");
    assert_eq!(broken_rule(contract_of(hides_errors)).await, "readiness_errors_are_delivered");
}

#[tokio::test(start_paused = true)]
async fn a_changed_response_is_caught() {
    assert_eq!(broken_rule(contract_of(forgets_usage)).await, "responses_kept");
    contract_of(forgets_usage).keeps_responses(false).check_typed().await;
}

#[tokio::test(start_paused = true)]
async fn a_busy_future_is_caught() {
    assert_eq!(broken_rule(contract_of(wakes_itself)).await, "wakes_only_when_something_happened");
}

#[tokio::test(start_paused = true)]
async fn a_lost_waker_is_caught() {
    assert_eq!(broken_rule(contract_of(loses_the_waker)).await, "waiting_instance_is_called");
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_is_not_given_back_on_drop_is_caught() {
    assert_eq!(broken_rule(contract_of(leaks_permits)).await, "drop_in_flight_leaks_nothing");
}

#[tokio::test(start_paused = true)]
async fn work_that_outlives_its_caller_is_caught_unless_it_is_declared() {
    assert_eq!(broken_rule(contract_of(spawns_and_forgets)).await, "drop_before_call_leaks_nothing");
    contract_of(spawns_and_forgets).detached(true).check_typed().await;
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_kept_for_ever_is_caught() {
    let contract = contract_of(keeps_instances).in_place(false);
    assert_eq!(broken_rule(contract).await, "sequential_calls_complete");
}

#[tokio::test(start_paused = true)]
async fn a_panic_over_a_broken_service_is_caught() {
    let contract = contract_of(panics_over_a_broken_service);
    let panic = tokio::spawn(async move { contract.readiness_errors_are_delivered().await }).await.unwrap_err();
    assert!(panic.is_panic());
}

/// Passes readiness on, and so holds a place in the inner service before any call.
#[derive(Clone)]
struct PassesThrough<S>(S);

impl<S: Stack> Service<Request> for PassesThrough<S> {
    type Response = Output;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> S::Future {
        self.0.call(request)
    }
}

#[tokio::test(start_paused = true)]
async fn a_pass_through_layer_is_not_always_ready_and_the_other_way_round() {
    let contract = LayerContract::new(|| layer_fn(PassesThrough));
    assert_eq!(broken_rule(contract).await, "waiting_instance_is_called");
    let contract = LayerContract::new(|| layer_fn(PassesThrough));
    let panic = tokio::spawn(async move { contract.poll_ready_reserves_nothing().await }).await.unwrap_err();
    assert!(panic.is_panic());
    LayerContract::new(|| layer_fn(PassesThrough)).always_ready(false).check_typed().await;
    assert_eq!(broken_rule(LayerContract::new(MeterLayer::new).always_ready(false)).await, "readiness_is_passed_on");
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_rejects_is_asked_for_no_more_than_it_can_take() {
    let limited = || {
        layer_fn(|inner: ProbeService| {
            let permits = Arc::new(Semaphore::new(2));
            tower::service_fn(move |request: Request| {
                let (inner, permit) = (inner.clone(), Arc::clone(&permits).try_acquire_owned());
                async move {
                    match permit {
                        Ok(_permit) => inner.oneshot(request).await,
                        Err(_) => Err(Error::tool_execution("full")),
                    }
                }
            })
        })
    };
    LayerContract::new(limited).in_place(false).concurrency(2).check_typed().await;
    let contract = LayerContract::new(limited).in_place(false);
    assert_eq!(broken_rule(contract).await, "concurrent_calls_complete");
}
