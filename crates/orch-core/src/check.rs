//! Where the compiler explains a stack that does not fit.

use tower::Service;

use crate::{Error, HasContext};

/// Returns `service` unchanged, if it can be called with requests of type `R` that carry a context.
///
/// A function bound is where rustc prints the explanation of
/// [`HasContext`]; a bound deep inside a stack only says that some method does not exist.
///
/// ```
/// use orch_core::{Call, ContextLayer, check};
/// use tower::{ServiceBuilder, service_fn};
///
/// let inner = service_fn(|text: String| async move { Ok::<_, std::io::Error>(text) });
/// let stack = ServiceBuilder::new().layer(ContextLayer::new()).service(inner);
/// let stack = check::service::<Call<String>, _>(stack);
/// # let _ = stack;
/// ```
pub fn service<R, S>(service: S) -> S
where
    R: HasContext,
    S: Service<R>,
    S::Error: Into<Error>,
{
    service
}
