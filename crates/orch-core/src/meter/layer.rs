use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::service::{TryReady, try_ready};
use crate::{Error, HasContext, Output, Progress, Reservation};

/// Reserves a call's estimate before it starts and books its usage once, when it ends.
///
/// The usage is what the tool booked itself while it worked, else the usage of
/// its [`Output`], else that of the output inside its error. A call that is
/// dropped books what its [`Progress`] had seen.
///
/// # Order
/// Innermost, around the tool itself, so that every attempt is booked.
/// [`ToolService`](crate::ToolService) has it built in. Further out it would
/// reserve once for several attempts and book only the last.
#[derive(Clone, Copy, Debug, Default)]
pub struct MeterLayer(());

impl MeterLayer {
    /// A meter layer; it has no settings: limits belong to the context's [`Meter`](crate::Meter).
    #[must_use]
    pub fn new() -> Self {
        Self(())
    }
}

impl<S> Layer<S> for MeterLayer {
    type Service = Metered<S>;
    fn layer(&self, inner: S) -> Metered<S> {
        Metered { inner }
    }
}

/// The service made by [`MeterLayer`].
#[derive(Clone, Debug)]
pub struct Metered<S> {
    inner: S,
}

impl<S, R> Service<R> for Metered<S>
where
    S: Service<R, Response = Output> + Clone,
    S::Error: Into<Error>,
    R: HasContext,
{
    type Response = Output;
    type Error = Error;
    type Future = MeteredFuture<TryReady<S, R>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: R) -> Self::Future {
        match Booking::start(&mut request) {
            Ok(booking) => MeteredFuture::Running { future: try_ready(&mut self.inner, request), booking },
            Err(error) => MeteredFuture::Refused { error: Some(error) },
        }
    }
}

/// The reservation of one attempt and what to book when it ends.
pub(crate) struct Booking {
    reservation: Reservation,
    progress: Progress,
    open: bool,
}

impl Booking {
    /// Reserves the context's estimate and makes the context book on the reservation.
    pub(crate) fn start<R: HasContext>(request: &mut R) -> Result<Self, Error> {
        let context = request.context_mut();
        let reservation = context.meter().reserve(context.estimate())?;
        context.set_meter(reservation.meter().clone());
        Ok(Self { reservation, progress: context.progress().clone(), open: true })
    }

    fn finish(&mut self, result: &Result<Output, Error>) {
        self.open = false;
        let usage = match result {
            Ok(output) => output.usage().clone(),
            Err(error) => error.output().map_or_else(|| self.progress.usage(), |output| output.usage().clone()),
        };
        self.reservation.settle(&usage);
    }
}

impl Drop for Booking {
    fn drop(&mut self) {
        if self.open {
            self.reservation.settle(&self.progress.usage());
        }
    }
}

pin_project! {
    /// The future of [`Metered`].
    #[project = MeteredProj]
    #[must_use = "futures do nothing unless polled"]
    pub enum MeteredFuture<F> {
        /// The inner call runs.
        #[doc(hidden)]
        Running { #[pin] future: F, booking: Booking },
        /// The budget did not allow the call.
        #[doc(hidden)]
        Refused { error: Option<Error> },
    }
}

impl<F> MeteredFuture<F> {
    pub(crate) fn running(future: F, booking: Booking) -> Self {
        Self::Running { future, booking }
    }

    pub(crate) fn refused(error: Error) -> Self {
        Self::Refused { error: Some(error) }
    }
}

impl<F, E> Future for MeteredFuture<F>
where
    F: Future<Output = Result<Output, E>>,
    E: Into<Error>,
{
    type Output = Result<Output, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.as_mut().project() {
            MeteredProj::Running { future, booking } => {
                let result = ready!(future.poll(cx)).map_err(Into::into);
                booking.finish(&result);
                // What was not used is free again now, not when somebody drops the future.
                self.set(Self::Refused { error: None });
                Poll::Ready(result)
            }
            MeteredProj::Refused { error } => {
                Poll::Ready(Err(error.take().expect("a finished future is not polled again")))
            }
        }
    }
}
