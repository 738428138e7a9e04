use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use orch_core::{CallContext, Error, try_ready};
use tower::Service;

use super::{AsyncPairScorer, TextPair};

/// One minus the cosine of the vectors that an embeddings service gives, at least 0.
///
/// It takes any service and two closures: one makes the service's request of texts and the context of the call, the other
/// takes the vectors out of its answer, one for each text, in their order. Each text is embedded once: vectors are kept,
/// up to [`KEPT`](Self::KEPT) of them.
///
/// ```
/// use orch_core::{CallContext, Error};
/// use orch_evidence::{AsyncPairScorer, CosineScorer, TextPair};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// // Any embeddings service: how often each vowel occurs.
/// let service = tower::service_fn(|texts: Vec<String>| async move {
///     let vector = |text: &String| -> Vec<f32> {
///         "aeiou".chars().map(|vowel| if text.contains(vowel) { 1.0 } else { 0.0 }).collect()
///     };
///     Ok::<_, Error>(texts.iter().map(vector).collect::<Vec<_>>())
/// });
/// let scorer = CosineScorer::new("vowels", service, |texts, _: CallContext| texts, |vectors| vectors);
///
/// let pairs = [TextPair::new("banana", "a pata"), TextPair::new("banana", "kiwi")];
/// assert_eq!(scorer.score(&pairs, &CallContext::new()).await?, [0.0, 1.0]);
/// # Ok(())
/// # }
/// ```
pub struct CosineScorer<S, R, V> {
    name: String,
    service: S,
    request: R,
    vectors: V,
    batch: usize,
    timeout: Duration,
    kept: Mutex<HashMap<Arc<str>, Arc<[f32]>>>,
}

impl<S, R, V> CosineScorer<S, R, V> {
    /// How many vectors are kept. When there are more, all are forgotten but those of the batch.
    pub const KEPT: usize = 1_024;

    /// A scorer over a service; `name` is usually that of the model.
    pub fn new(name: impl Into<String>, service: S, request: R, vectors: V) -> Self {
        let (batch, timeout) = (64, Duration::from_secs(10));
        Self { name: name.into(), service, request, vectors, batch, timeout, kept: Mutex::default() }
    }

    /// Sets how many texts are embedded with one call, at least 1; default 64.
    #[must_use]
    pub fn batch(mut self, texts: usize) -> Self {
        self.batch = texts.max(1);
        self
    }

    /// Sets how long the scoring of one answer may take; default 10 seconds.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    fn known(&self, pairs: &[TextPair]) -> HashMap<Arc<str>, Arc<[f32]>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let texts = pairs.iter().flat_map(|pair| [&pair.a, &pair.b]);
        texts.filter_map(|text| Some((Arc::clone(text), Arc::clone(kept.get(text)?)))).collect()
    }

    fn keep(&self, new: &HashMap<Arc<str>, Arc<[f32]>>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() + new.len() > Self::KEPT {
            kept.clear();
        }
        kept.extend(new.iter().map(|(text, vector)| (Arc::clone(text), Arc::clone(vector))));
    }
}

#[async_trait]
impl<S, Q, R, V> AsyncPairScorer for CosineScorer<S, R, V>
where
    S: Service<Q> + Clone + Send + Sync,
    S::Response: Send,
    S::Error: Into<Error> + Send,
    S::Future: Send,
    Q: Send,
    R: Fn(Vec<String>, CallContext) -> Q + Send + Sync,
    V: Fn(S::Response) -> Vec<Vec<f32>> + Send + Sync,
{
    fn name(&self) -> &str {
        &self.name
    }

    async fn score(&self, pairs: &[TextPair], context: &CallContext) -> Result<Vec<f64>, Error> {
        let mut known = self.known(pairs);
        // Of what was known then: another run may keep more in between.
        for texts in missing(pairs, &known).chunks(self.batch) {
            let request = (self.request)(texts.iter().map(ToString::to_string).collect(), context.clone());
            let answer = try_ready(&mut self.service.clone(), request).await.map_err(Into::into)?;
            let vectors = (self.vectors)(answer);
            if vectors.len() != texts.len() {
                let reason = format!("{} vectors for {} texts", vectors.len(), texts.len());
                return Err(Error::bad_output("/vectors", reason));
            }
            let new: HashMap<Arc<str>, Arc<[f32]>> =
                texts.iter().zip(vectors).map(|(text, vector)| (Arc::clone(text), vector.into())).collect();
            self.keep(&new);
            known.extend(new);
        }
        pairs.iter().map(|pair| distance(&known[&pair.a], &known[&pair.b])).collect()
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }
}

/// The texts without a vector, each once.
fn missing(pairs: &[TextPair], known: &HashMap<Arc<str>, Arc<[f32]>>) -> Vec<Arc<str>> {
    let mut seen = HashSet::new();
    let texts = pairs.iter().flat_map(|pair| [&pair.a, &pair.b]);
    texts.filter(|text| !known.contains_key(*text) && seen.insert(*text)).map(Arc::clone).collect()
}

fn distance(a: &[f32], b: &[f32]) -> Result<f64, Error> {
    let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    let norms = (dot(a, a) * dot(b, b)).sqrt();
    if a.len() != b.len() || !norms.is_finite() || norms <= 0.0 {
        let reason = format!("vectors of {} and {} numbers have no angle", a.len(), b.len());
        return Err(Error::bad_output("/vectors", reason));
    }
    Ok((1.0 - dot(a, b) / norms).clamp(0.0, 1.0))
}

impl<S, R, V> fmt::Debug for CosineScorer<S, R, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CosineScorer").field("name", &self.name).field("batch", &self.batch).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_run_keeps_in_between_is_still_embedded_here() {
        let scorer = CosineScorer::new("none", (), (), ());
        let pairs = [TextPair::new("a", "b")];
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let known = scorer.known(&pairs);
        scorer.keep(&HashMap::from([(Arc::clone(&a), [1.0].into())]));
        assert_eq!(missing(&pairs, &known), [a, Arc::clone(&b)]);
        assert_eq!(missing(&pairs, &scorer.known(&pairs)), [b]);
    }
}
