use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use orch_core::{CallContext, Error, ErrorKind};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};

use super::{AsyncPairScorer, TextPair};
use crate::bundler::{Measurement, Row};
use crate::distance::Prepared;

/// Distances that were asked for, by what the texts are once normalised.
#[derive(Debug, Default)]
pub(crate) struct Scores(RwLock<HashMap<(u64, u64), f64>>);

impl Scores {
    pub(crate) fn get(&self, a: &Prepared, b: &Prepared) -> Option<f64> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key(a, b)).copied()
    }

    pub(crate) fn set(&self, a: &Prepared, b: &Prepared, distance: f64) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(key(a, b), distance);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// The different pairs of texts that are to be asked for, in the order in which they came up.
#[derive(Debug, Default)]
pub(crate) struct Wanted(Mutex<WantedPairs>);

#[derive(Debug, Default)]
struct WantedPairs {
    seen: HashSet<(u64, u64)>,
    pairs: Vec<(Prepared, Prepared)>,
}

impl Wanted {
    pub(crate) fn add(&self, a: &Prepared, b: &Prepared) {
        let mut wanted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted.seen.insert(key(a, b)) {
            wanted.pairs.push((a.clone(), b.clone()));
        }
    }

    pub(crate) fn take(&self) -> Vec<(Prepared, Prepared)> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).pairs)
    }
}

fn key(a: &Prepared, b: &Prepared) -> (u64, u64) {
    (a.hash().min(b.hash()), a.hash().max(b.hash()))
}

/// Runs a measurement with the distances that a scorer gives, or without them; with `aside`, what takes long is done on
/// another thread.
pub(crate) async fn scored(
    mut work: Measurement,
    scorer: Arc<dyn AsyncPairScorer>,
    context: CallContext,
    aside: bool,
) -> Result<Row, Error> {
    let look = move || {
        let pairs = work.pairs();
        (work, pairs)
    };
    let (work, pairs) = if aside { run_aside(look).await? } else { look() };
    let distances = if pairs.is_empty() { Ok(Vec::new()) } else { ask(scorer.as_ref(), &pairs, &context).await };
    let compare = move || match distances {
        Ok(distances) => work.run_scored(&distances),
        Err(reason) => work.run_unscored(&reason),
    };
    if aside { run_aside(compare).await } else { Ok(compare()) }
}

/// Runs work that takes long on another thread.
pub(crate) async fn run_aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    spawn_blocking(work).await.map_err(|error| match error.try_into_panic() {
        // A distance of the user's own has panicked: as it would have in this task.
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => Error::new(ErrorKind::Cancelled),
    })
}

async fn ask(scorer: &dyn AsyncPairScorer, pairs: &[TextPair], context: &CallContext) -> Result<Vec<f64>, String> {
    // Nobody waits for a scorer when the run has no time left.
    let left = context.deadline().map(|deadline| deadline.instant().saturating_duration_since(Instant::now()));
    let limit = scorer.timeout().min(left.unwrap_or(Duration::MAX));
    let answer = timeout(limit, scorer.score(pairs, context)).await;
    let distances =
        answer.map_err(|_| format!("it took longer than {limit:?}"))?.map_err(|error: Error| error.to_string())?;
    if distances.len() != pairs.len() {
        return Err(format!("it gave {} distances for {} pairs", distances.len(), pairs.len()));
    }
    match distances.iter().find(|distance| !(0.0..=1.0).contains(*distance)) {
        Some(wrong) => Err(format!("it gave {wrong}, which is not within 0 to 1")),
        None => Ok(distances),
    }
}
