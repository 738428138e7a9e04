//! Distances of texts that must be asked for: by embeddings, a model that judges, anything that awaits.

mod cosine;
mod scores;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use orch_core::{CallContext, Error};

pub use self::cosine::CosineScorer;
pub(crate) use self::scores::{Scores, Wanted, run_aside, scored};

/// Two texts as they were said.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TextPair {
    /// The one.
    pub a: Arc<str>,
    /// The other.
    pub b: Arc<str>,
}

impl TextPair {
    /// A pair.
    pub fn new(a: impl Into<Arc<str>>, b: impl Into<Arc<str>>) -> Self {
        Self { a: a.into(), b: b.into() }
    }
}

/// Tells how different texts are where that takes a call: embeddings ([`CosineScorer`]), entailment, a judge.
///
/// When an answer is to be compared, all different pairs of texts that its comparison needs are asked for in one batch;
/// pairs that were scored before in the run, texts that are the same once normalised, and fields whose
/// rule names a metric are not asked for. When the scorer fails, is too slow or leaves a pair without a number from
/// 0 to 1, the texts of that answer are compared by the [`Distance`](crate::Distance) instead. The bundle's `metadata`
/// says who scored (`scorer`, `scored_pairs`) and what was not scored and why (`warnings`).
///
/// ```
/// use async_trait::async_trait;
/// use orch_core::{CallContext, Error};
/// use orch_evidence::{AsyncPairScorer, TextPair};
///
/// /// Asks somebody who knows.
/// struct Oracle;
///
/// #[async_trait]
/// impl AsyncPairScorer for Oracle {
///     fn name(&self) -> &str {
///         "oracle"
///     }
///
///     async fn score(&self, pairs: &[TextPair], _: &CallContext) -> Result<Vec<f64>, Error> {
///         Ok(pairs.iter().map(|pair| if pair.a.len() == pair.b.len() { 0.0 } else { 1.0 }).collect())
///     }
/// }
/// ```
#[async_trait]
pub trait AsyncPairScorer: Send + Sync {
    /// Its name, as it stands in a bundle.
    fn name(&self) -> &str;

    /// The distance of each pair, 0 to 1, in the order of the pairs. What the call costs is booked on the meter of the
    /// context, which is that of the whole bundle.
    ///
    /// # Errors
    /// Whatever made the scoring fail; it does not fail the bundle.
    async fn score(&self, pairs: &[TextPair], context: &CallContext) -> Result<Vec<f64>, Error>;

    /// How long one batch may take; default 10 seconds.
    fn timeout(&self) -> Duration {
        Duration::from_secs(10)
    }
}

#[cfg(test)]
mod tests;
