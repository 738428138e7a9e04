use std::sync::{Arc, OnceLock};

use tokio::time::Instant;

use crate::Content;
use crate::clock::fresh_id;

/// Who a run is: its ids, made when first asked for, when it began, and why its tool was chosen.
#[derive(Debug)]
pub(crate) struct Identity {
    request_id: OnceLock<Arc<str>>,
    trace_id: OnceLock<Arc<str>>,
    started: Instant,
    plan: OnceLock<Content>,
}

impl Identity {
    pub(crate) fn fresh() -> Self {
        let (request_id, trace_id, plan) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Self { request_id, trace_id, started: Instant::now(), plan }
    }

    pub(crate) fn with_request_id(&self, id: Arc<str>) -> Self {
        let (trace_id, plan) = (self.trace_id.clone(), self.plan.clone());
        Self { request_id: OnceLock::from(id), trace_id, started: self.started, plan }
    }

    pub(crate) fn with_trace_id(&self, id: Arc<str>) -> Self {
        let (request_id, plan) = (self.request_id.clone(), self.plan.clone());
        Self { request_id, trace_id: OnceLock::from(id), started: self.started, plan }
    }

    pub(crate) fn restarted(&self) -> Self {
        let (request_id, trace_id) = (self.request_id.clone(), self.trace_id.clone());
        Self { request_id, trace_id, started: Instant::now(), plan: OnceLock::new() }
    }

    pub(crate) fn request_id(&self) -> &Arc<str> {
        self.request_id.get_or_init(fresh_id)
    }

    pub(crate) fn trace_id(&self) -> &Arc<str> {
        self.trace_id.get_or_init(fresh_id)
    }

    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    pub(crate) fn plan(&self) -> &OnceLock<Content> {
        &self.plan
    }
}
