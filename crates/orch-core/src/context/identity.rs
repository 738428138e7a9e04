use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::time::Instant;

use crate::clock::fresh_id;
use crate::{Content, Usage};

/// Who a run is: its ids, made when first asked for, when it began, why its tool was chosen, and
/// which tool it called last.
pub(crate) struct Identity {
    request_id: OnceLock<Arc<str>>,
    trace_id: OnceLock<Arc<str>>,
    started: Instant,
    plan: OnceLock<Planned>,
    last_tool: Mutex<Option<Arc<str>>>,
}

/// A planner's choice, and what the run had come to by then.
#[derive(Clone)]
pub(crate) struct Planned {
    pub(crate) explanation: Content,
    pub(crate) usage: Usage,
    /// How many attempts were recorded.
    pub(crate) attempts: usize,
}

impl Identity {
    pub(crate) fn fresh() -> Self {
        Self::new(OnceLock::new(), OnceLock::new(), Instant::now())
    }

    fn new(request_id: OnceLock<Arc<str>>, trace_id: OnceLock<Arc<str>>, started: Instant) -> Self {
        Self { request_id, trace_id, started, plan: OnceLock::new(), last_tool: Mutex::new(None) }
    }

    pub(crate) fn with_request_id(&self, id: Arc<str>) -> Self {
        Self { plan: self.plan.clone(), ..Self::new(OnceLock::from(id), self.trace_id.clone(), self.started) }
    }

    pub(crate) fn with_trace_id(&self, id: Arc<str>) -> Self {
        Self { plan: self.plan.clone(), ..Self::new(self.request_id.clone(), OnceLock::from(id), self.started) }
    }

    pub(crate) fn restarted(&self) -> Self {
        Self::new(self.request_id.clone(), self.trace_id.clone(), Instant::now())
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

    pub(crate) fn note_tool(&self, tool: &Arc<str>) {
        *self.tool() = Some(Arc::clone(tool));
    }

    pub(crate) fn last_tool(&self) -> Option<Arc<str>> {
        self.tool().clone()
    }

    fn tool(&self) -> MutexGuard<'_, Option<Arc<str>>> {
        self.last_tool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the tool was chosen, and what it took to find out.
    pub(crate) fn plan(&self) -> &OnceLock<Planned> {
        &self.plan
    }
}

/// The plan, which quotes the request, is not shown; and ids are not made for this.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("request_id", &self.request_id.get())
            .field("trace_id", &self.trace_id.get())
            .field("started", &self.started)
            .finish_non_exhaustive()
    }
}
