use std::io;

use orch_core::{Class, Error, ErrorKind, Output};
use tower::{BoxError, Layer, ServiceExt, service_fn};

use super::ClassifyLayer;
use crate::testing::{Ask, Script, throttled};

#[tokio::test]
async fn a_foreign_error_gets_its_class_and_stays_the_source() {
    let layer = ClassifyLayer::new(|error: &io::Error| match error.kind() {
        io::ErrorKind::PermissionDenied => Class::Auth,
        _ => Class::Transient,
    });
    for (kind, class) in [(io::ErrorKind::PermissionDenied, Class::Auth), (io::ErrorKind::BrokenPipe, Class::Transient)]
    {
        let tool = service_fn(move |_: Ask| async move { Err::<Output, _>(io::Error::new(kind, "no luck")) });
        let error = layer.layer(tool).oneshot(Ask::pure()).await.unwrap_err();
        assert_eq!((error.class(), error.to_string().as_str()), (class, "no luck"));
        assert!(std::error::Error::source(&error).unwrap().is::<io::Error>());
    }
}

#[tokio::test]
async fn our_own_error_changes_its_class_and_nothing_else() {
    let layer = ClassifyLayer::new(|error: &Error| match error.class() {
        Class::Throttled => Class::Quota,
        class => class,
    });
    let error = layer.layer(Script::new([Err(throttled(3))])).oneshot(Ask::pure()).await.unwrap_err();
    assert_eq!(error, throttled(3).with_class(Class::Quota));
    assert!(matches!(error.kind(), ErrorKind::Provider(_)));
}

#[tokio::test]
async fn errors_in_a_box_keep_their_kind() {
    let layer = ClassifyLayer::new(|_: &BoxError| Class::BadOutput);
    let tool = service_fn(|_: Ask| async { Err::<Output, BoxError>(throttled(3).into()) });
    let error = layer.layer(tool).oneshot(Ask::pure()).await.unwrap_err();
    assert_eq!(error, throttled(3).with_class(Class::BadOutput));
}

#[tokio::test]
async fn answers_pass_and_the_closure_is_not_asked() {
    let layer = ClassifyLayer::new(|_: &Error| unreachable!("there is no error"));
    assert!(layer.layer(Script::new([Ok(Output::from("fine"))])).oneshot(Ask::pure()).await.is_ok());
}
