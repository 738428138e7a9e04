//! A short conformance of any provider, so that a server which nobody has seen here can be tested.

mod heard;
mod report;
mod steps;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

pub use self::report::{CheckReport, CheckRow, CheckStep, Finding};
use crate::chat::ChatRequest;
use crate::provider::Provider;

/// Asks a provider a few short questions and reports which of its promises it keeps.
///
/// Six steps, each a call or two: a plain answer, a streamed one, the call of a tool and what the model makes of its
/// answer, JSON that keeps to a schema, a wrong key, and a call that is given up. Each goes through
/// [`ProviderService`](crate::ProviderService), as in production, and compares what listeners heard and what the
/// context's progress noted with the response. A whole check costs eight short calls at most.
///
/// ```
/// use orch_providers::{CheckStep, LocalAnswerer, ProviderCheck};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), orch_core::Error> {
/// let check = ProviderCheck::new(LocalAnswerer::new("Dogs travel free. Say hello to the crew.")?)
///     .skip(CheckStep::ToolCall, "it calls no tools")
///     .skip(CheckStep::JsonSchema, "it quotes")
///     .skip(CheckStep::Cancel, "it answers at once");
/// let report = check.run().await;
/// assert!(report.is_ok(), "{report}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct ProviderCheck {
    provider: Arc<dyn Provider>,
    wrong_key: Option<Arc<dyn Provider>>,
    skipped: Vec<(CheckStep, String)>,
    adjust: Arc<dyn Fn(ChatRequest) -> ChatRequest + Send + Sync>,
    patience: Duration,
}

impl ProviderCheck {
    /// A check of a provider.
    pub fn new(provider: impl Provider) -> Self {
        Self::shared(Arc::new(provider))
    }

    /// A check of a provider that others use too.
    pub fn shared(provider: Arc<dyn Provider>) -> Self {
        let (adjust, patience) = (Arc::new(|request| request), Duration::from_secs(60));
        Self { provider, wrong_key: None, skipped: Vec::new(), adjust, patience }
    }

    /// Sets the same provider with a key that must be refused. Default: none, and that step is skipped.
    pub fn wrong_key(mut self, provider: impl Provider) -> Self {
        self.wrong_key = Some(Arc::new(provider));
        self
    }

    /// Leaves out a step, for a reason that the report shows.
    pub fn skip(mut self, step: CheckStep, why: impl Into<String>) -> Self {
        self.skipped.push((step, why.into()));
        self
    }

    /// Sets what each request has beside the question: a temperature, a reasoning effort, other most tokens than 256.
    pub fn adjust(mut self, change: impl Fn(ChatRequest) -> ChatRequest + Send + Sync + 'static) -> Self {
        self.adjust = Arc::new(change);
        self
    }

    /// Sets how long one step may take before it has failed; default 60 s.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Takes the steps, one after another.
    ///
    /// # Cancellation
    /// Dropping the future drops the call under way.
    pub async fn run(&self) -> CheckReport {
        let mut rows = Vec::new();
        for step in CheckStep::ALL {
            let began = Instant::now();
            let finding = self.find(step).await;
            rows.push(CheckRow { step, finding, took: began.elapsed() });
        }
        CheckReport::new(self.provider.info(), rows)
    }

    async fn find(&self, step: CheckStep) -> Finding {
        if let Some((_, why)) = self.skipped.iter().find(|(skipped, _)| *skipped == step) {
            return Finding::Skipped(why.clone());
        }
        let taken = timeout(self.patience, self.take(step)).await;
        taken.unwrap_or_else(|_| Finding::Failed(format!("not done within {:?}", self.patience)))
    }
}
