use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

use orch_core::{Class, Error, ErrorKind, Output};
use tower::{Layer, Service, ServiceExt, service_fn};

use super::CatchPanicLayer;
use crate::testing::{Ask, Script};

fn message(error: &Error) -> &str {
    let ErrorKind::Panicked { message } = error.kind() else { panic!("{error:?}") };
    message
}

#[tokio::test]
async fn a_panic_in_the_future_is_an_error_for_that_caller_only() {
    let calls = Arc::new(AtomicU32::new(0));
    let tool = service_fn(move |_: Ask| {
        let n = calls.fetch_add(1, Ordering::Relaxed);
        async move {
            tokio::task::yield_now().await;
            assert!(n != 0, "call {n} went wrong");
            Ok::<_, Error>(Output::from("fine"))
        }
    });
    let mut service = CatchPanicLayer::new().layer(tool);
    let (first, second) = (service.call(Ask::pure()), service.call(Ask::pure()));
    let (first, second) = tokio::join!(first, second);
    let error = first.unwrap_err();
    assert_eq!((message(&error), error.class()), ("call 0 went wrong", Class::Panicked));
    assert!(second.is_ok());
}

#[tokio::test]
async fn a_panic_in_call_is_an_error_too() {
    let tool = service_fn(|_: Ask| -> std::future::Ready<Result<Output, Error>> { panic!("no") });
    let error = CatchPanicLayer::new().layer(tool).oneshot(Ask::pure()).await.unwrap_err();
    assert_eq!(message(&error), "no");
}

#[tokio::test]
async fn a_panic_while_getting_ready_is_an_error_too() {
    struct Unready;
    impl Service<Ask> for Unready {
        type Response = Output;
        type Error = Error;
        type Future = std::future::Ready<Result<Output, Error>>;
        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
            std::panic::panic_any(7)
        }
        fn call(&mut self, _: Ask) -> Self::Future {
            unreachable!("it is never ready")
        }
    }
    let error = CatchPanicLayer::new().layer(Unready).oneshot(Ask::pure()).await.unwrap_err();
    assert_eq!(message(&error), "its payload is not text");
}

#[tokio::test]
async fn answers_and_errors_pass_unchanged() {
    let mut service =
        CatchPanicLayer::new().layer(Script::new([Err(crate::testing::throttled(3)), Ok(Output::from("fine"))]));
    assert_eq!(service.call(Ask::pure()).await.unwrap_err().class(), Class::Throttled);
    assert_eq!(service.call(Ask::pure()).await.unwrap(), Output::from("fine"));
}
