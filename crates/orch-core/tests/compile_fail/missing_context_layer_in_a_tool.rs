//! A tool must answer requests that carry a context.

use orch_core::{BoxTool, ToolSpec};
use tower::service_fn;

fn main() {
    let foreign = service_fn(|text: String| async move { Ok::<_, std::io::Error>(text) });
    BoxTool::new(ToolSpec::pure("foreign"), foreign);
}
