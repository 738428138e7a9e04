//! Small tools for tests.

mod capture;
mod file_store;
mod pages;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) use self::capture::{Capture, Kind};
pub(crate) use self::file_store::FileStore;
pub(crate) use self::pages::{documents, outside_code, root};
use orch_core::{BoxTool, Error, IntoTool, Output, Request, ToolSpec, tool_fn};

/// How often a tool was executed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls(Arc<AtomicUsize>);

impl Calls {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// A tool that counts its executions.
pub(crate) fn counting_tool(
    spec: ToolSpec,
    answer: impl Fn(&Request) -> Output + Send + Sync + 'static,
) -> (BoxTool, Calls) {
    let calls = Calls::default();
    let counter = calls.clone();
    let tool = tool_fn(spec, move |request: Request| {
        counter.add();
        let output = answer(&request);
        async move { Ok::<_, Error>(output) }
    });
    (tool.into_tool(), calls)
}
