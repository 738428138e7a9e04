//! A stack of our layers around a foreign service, without `ContextLayer`.

use orch_core::check;
use orch_reliability::RetryLayer;
use tower::{ServiceBuilder, service_fn};

fn main() {
    let foreign = service_fn(|text: String| async move { Ok::<_, std::io::Error>(text) });
    let stack = ServiceBuilder::new().layer(RetryLayer::default()).service(foreign);
    check::service::<String, _>(stack);
}
