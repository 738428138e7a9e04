//! A stack of our layers around a foreign service, without `ContextLayer`.

use orch_core::{ScopeLayer, ToolSpec, check};
use tower::{ServiceBuilder, service_fn};

fn main() {
    let foreign = service_fn(|text: String| async move { Ok::<_, std::io::Error>(text) });
    let stack = ServiceBuilder::new().layer(ScopeLayer::of(&ToolSpec::pure("x"))).service(foreign);
    check::service::<String, _>(stack);
}
