use orch_core::Input;

use crate::{Client, Run};

/// Calls the tool it is told to call, once: no planner, no retries, no idempotency. Deadline, budget and bulkhead hold.
///
/// A run that names no tool, or an idempotency key, gets `InvalidRequest`.
#[derive(Clone, Debug)]
pub struct Orchestrator(Client);

impl Orchestrator {
    pub(crate) fn new(client: Client) -> Self {
        Self(client)
    }

    /// A run; name its tool with [`Run::tool`].
    pub fn run(&self, input: impl Into<Input>) -> Run {
        Run::basic(self.0.clone(), input.into())
    }
}

/// Chooses the tool unless one is named, repeats what may be repeated, remembers runs under their keys.
#[derive(Clone, Debug)]
pub struct ReliableOrchestrator(Client);

impl ReliableOrchestrator {
    pub(crate) fn new(client: Client) -> Self {
        Self(client)
    }

    /// A run, the same as [`Client::run`].
    pub fn run(&self, input: impl Into<Input>) -> Run {
        self.0.run(input)
    }
}
