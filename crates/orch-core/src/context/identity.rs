use std::sync::{Arc, OnceLock};

use tokio::time::Instant;

use crate::clock::fresh_id;

/// Who a run is: its ids, made when first asked for, and when it began.
#[derive(Debug)]
pub(crate) struct Identity {
    request_id: OnceLock<Arc<str>>,
    trace_id: OnceLock<Arc<str>>,
    started: Instant,
}

impl Identity {
    pub(crate) fn fresh() -> Self {
        Self { request_id: OnceLock::new(), trace_id: OnceLock::new(), started: Instant::now() }
    }

    pub(crate) fn with_request_id(&self, id: Arc<str>) -> Self {
        Self { request_id: OnceLock::from(id), trace_id: self.trace_id.clone(), started: self.started }
    }

    pub(crate) fn with_trace_id(&self, id: Arc<str>) -> Self {
        Self { request_id: self.request_id.clone(), trace_id: OnceLock::from(id), started: self.started }
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
}
