//! The reliability layers alone: a request, an answer and an error of one's own, and plain tower layers in between. Of
//! orch's crates it uses orch-core and orch-reliability, and nothing of any provider.

use std::time::Duration;

use orch_core::{CallContext, Class, Error, HasContext, ScopeLayer, ToolSpec};
use orch_reliability::{
    BulkheadLayer, CircuitBreakerLayer, ClassifyLayer, RateLimitConfig, RateLimitLayer, RetryLayer, RetryPolicy,
    TimeoutLayer,
};
use tower::limit::ConcurrencyLimitLayer;
use tower::timeout::TimeoutLayer as TowerTimeoutLayer;
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};

/// A request of one's own: all that the layers ask of it is a context.
#[derive(Clone)]
struct MyRequest {
    city: &'static str,
    context: CallContext,
}

impl HasContext for MyRequest {
    fn context(&self) -> &CallContext {
        &self.context
    }

    fn context_mut(&mut self) -> &mut CallContext {
        &mut self.context
    }
}

#[derive(Debug, thiserror::Error)]
enum MyError {
    #[error("the station does not answer")]
    Unreachable,
    #[error("no station in {0}")]
    NoStation(&'static str),
}

/// Fails the first time it is asked.
async fn weather(request: MyRequest) -> Result<String, MyError> {
    match (request.city, request.context.attempt()) {
        ("Atlantis", _) => Err(MyError::NoStation(request.city)),
        (_, 1) => Err(MyError::Unreachable),
        (city, attempt) => Ok(format!("rain in {city}, at attempt {attempt}")),
    }
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the result of a program")]
async fn main() -> Result<(), BoxError> {
    let stack = ServiceBuilder::new()
        .layer(ScopeLayer::of(&ToolSpec::pure("weather")))
        .layer(TimeoutLayer::total(Duration::from_secs(30)))
        .layer(RetryLayer::new(RetryPolicy::default().initial_delay(Duration::from_millis(10)))?)
        .layer(CircuitBreakerLayer::default())
        .layer(RateLimitLayer::new(RateLimitConfig::per_minute(600))?)
        .layer(BulkheadLayer::default())
        // Plain tower: its errors are boxed, and ours come through them unchanged.
        .layer(TowerTimeoutLayer::new(Duration::from_secs(5)))
        .layer(ConcurrencyLimitLayer::new(8))
        .layer(ClassifyLayer::new(|error: &MyError| match error {
            MyError::Unreachable => Class::Transient,
            MyError::NoStation(_) => Class::Permanent,
        }))
        .service(service_fn(weather));

    for city in ["Bergen", "Atlantis"] {
        let request = MyRequest { city, context: CallContext::new() };
        let answer: Result<String, Error> = stack.clone().oneshot(request).await;
        match answer {
            Ok(text) => println!("{text}"),
            Err(error) => println!("{error} ({}, {} attempt)", error.class(), error.attempts().len()),
        }
    }
    Ok(())
}
