use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use orch_core::{Class, Error};
use pin_project_lite::pin_project;
use tower::{BoxError, Layer, Service};

/// Gives every error of the inner service its [`Class`], which all other layers obey.
///
/// For a foreign error type the closure reads that type; the error is converted as by `Error::from` (an unknown
/// one becomes a `ToolExecution` with its text) and stays the source:
///
/// ```
/// use std::io;
/// use orch_core::Class;
/// use orch_reliability::ClassifyLayer;
///
/// let layer = ClassifyLayer::new(|error: &io::Error| match error.kind() {
///     io::ErrorKind::PermissionDenied => Class::Auth,
///     io::ErrorKind::InvalidInput => Class::Permanent,
///     _ => Class::Transient,
/// });
/// # let _ = layer;
/// ```
///
/// Around one tool it overrules the class of our own errors; kind, hint and output stay:
///
/// ```
/// use orch_core::{Class, Error, ErrorKind};
/// use orch_reliability::ClassifyLayer;
///
/// // This tool's unusable answers are worth another attempt.
/// let layer = ClassifyLayer::new(|error: &Error| match error.kind() {
///     ErrorKind::BadOutput { .. } => Class::Transient,
///     _ => error.class(),
/// });
/// # let _ = layer;
/// ```
///
/// # Order
/// Directly around the tool, inside catch-panic: layers further in do not see the class, and a closure that
/// panics is caught. Readiness is passed through.
pub struct ClassifyLayer<F> {
    classify: Arc<F>,
}

impl<F> ClassifyLayer<F> {
    /// A layer that asks `classify` for the class of every error.
    pub fn new<E>(classify: F) -> Self
    where
        F: Fn(&E) -> Class,
    {
        Self { classify: Arc::new(classify) }
    }
}

impl<F> Clone for ClassifyLayer<F> {
    fn clone(&self) -> Self {
        Self { classify: Arc::clone(&self.classify) }
    }
}

impl<F> fmt::Debug for ClassifyLayer<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClassifyLayer").finish_non_exhaustive()
    }
}

impl<S, F> Layer<S> for ClassifyLayer<F> {
    type Service = Classify<S, F>;

    fn layer(&self, inner: S) -> Classify<S, F> {
        Classify { inner, classify: Arc::clone(&self.classify) }
    }
}

/// The service made by [`ClassifyLayer`].
pub struct Classify<S, F> {
    inner: S,
    classify: Arc<F>,
}

impl<S: Clone, F> Clone for Classify<S, F> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), classify: Arc::clone(&self.classify) }
    }
}

impl<S: fmt::Debug, F> fmt::Debug for Classify<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Classify").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<S, F, R> Service<R> for Classify<S, F>
where
    S: Service<R>,
    S::Error: Into<BoxError>,
    F: Fn(&S::Error) -> Class,
{
    type Response = S::Response;
    type Error = Error;
    type Future = ResponseFuture<S::Future, F>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx).map_err(|error| classified(self.classify.as_ref(), error))
    }

    fn call(&mut self, request: R) -> Self::Future {
        ResponseFuture { future: self.inner.call(request), classify: Arc::clone(&self.classify) }
    }
}

pin_project! {
    /// The future of [`Classify`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<Fut, F> {
        #[pin]
        future: Fut,
        classify: Arc<F>,
    }
}

impl<Fut, F, T, E> Future for ResponseFuture<Fut, F>
where
    Fut: Future<Output = Result<T, E>>,
    E: Into<BoxError>,
    F: Fn(&E) -> Class,
{
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.future.poll(cx));
        Poll::Ready(result.map_err(|error| classified(this.classify.as_ref(), error)))
    }
}

fn classified<E: Into<BoxError>>(classify: &impl Fn(&E) -> Class, error: E) -> Error {
    let class = classify(&error);
    Error::from(error.into()).with_class(class)
}
