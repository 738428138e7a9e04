use std::sync::Arc;
use std::time::Duration;

use orch_core::store::Key;
use orch_core::{Budget, Error, HasContext, Meter, Redactor};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::Run;
use super::trace_parent::trace_id;

impl Run {
    /// Names the tool, so that no planner is asked.
    pub fn tool(mut self, tool: impl Into<Arc<str>>) -> Self {
        self.request = self.request.with_tool(tool);
        self
    }

    /// Sets the tool's options; they win over a planner's, field by field.
    pub fn tool_options(mut self, options: impl Into<Value>) -> Self {
        self.request = self.request.with_options(options);
        self
    }

    /// Sets what the run may use, combined with the client's budget: the smaller wins, field by field.
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Books what the run uses on an account of the caller's as well: it is counted there however the run ends, cancelled and
    /// failed ones included. What the account's limits do not allow is refused before it starts; a call that estimates
    /// nothing may pass them, and is the last one. In a [batch](crate::Client::run_all) the batch's account takes its place.
    /// Default: none.
    pub fn account(mut self, account: Meter) -> Self {
        self.account = Some(account);
        self
    }

    /// Sets how long the run may take; default: the client's 300 s.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Sets how many replicates work at the same time; default: the client's 10, 0 counts as 1.
    pub fn max_parallel(mut self, replicates: usize) -> Self {
        self.max_parallel = Some(replicates);
        self
    }

    /// Sets the key under which the outcome is remembered: 1 to 255 bytes. The basic orchestrator, which remembers
    /// nothing, refuses it.
    pub fn idempotency_key(mut self, key: impl Into<Arc<str>>) -> Self {
        match Key::new(key) {
            Ok(key) if self.remembers => self.change(|context| context.with_key(key)),
            Ok(key) => {
                let reason = format!("`{key}`: this orchestrator remembers nothing; use the reliable one");
                self.refuse(Error::invalid("/idempotency_key", reason));
            }
            Err(error) => self.refuse(error),
        }
        self
    }

    /// Sets the run's id; default: a fresh one.
    pub fn request_id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.change(|context| context.with_request_id(id));
        self
    }

    /// Sets the id that ties the run to others; default: a fresh one.
    pub fn trace_id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.change(|context| context.with_trace_id(id));
        self
    }

    /// Takes the trace id of a W3C `traceparent` header, so that this run belongs to the caller's trace: `00-TRACE-PARENT-FLAGS`. Providers
    /// get one in their turn, with the attempt that calls them as the parent.
    pub fn traceparent(mut self, header: &str) -> Self {
        match trace_id(header) {
            Ok(trace) => self.trace_id(trace),
            Err(error) => {
                self.refuse(error);
                self
            }
        }
    }

    /// Sets how sure the answer has to be, above 0 and up to 1: an outcome that is less so, or has no evidence at all, is given
    /// with the status [`LowConfidence`](crate::Status::LowConfidence). Default: none.
    pub fn min_confidence(mut self, confidence: f64) -> Self {
        if confidence > 0.0 && confidence <= 1.0 {
            self.min_confidence = Some(confidence);
        } else {
            let reason = format!("{confidence}: it must be above 0 and at most 1");
            self.refuse(Error::invalid("/min_confidence", reason));
        }
        self
    }

    /// Sets what takes out of texts what must not leave the process, in place of the client's; see
    /// [`ClientBuilder::redactor`](crate::ClientBuilder::redactor).
    pub fn redactor(mut self, redactor: impl Into<Redactor>) -> Self {
        self.redactor = Some(redactor.into());
        self
    }

    /// Adds a fact of the caller's own, which the outcome repeats; tools do not see it.
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }

    /// Lets a token from outside cancel the run, instead of one of its own.
    #[expect(clippy::needless_pass_by_value, reason = "a token is a handle, given away as everywhere else")]
    pub fn cancelled_by(mut self, token: CancellationToken) -> Self {
        self.change(|context| context.with_cancellation(token.child_token()));
        self
    }

    /// A token that cancels this run, and no other, from outside.
    #[must_use]
    pub fn cancellation(&self) -> CancellationToken {
        self.request.context().cancellation().clone()
    }
}
