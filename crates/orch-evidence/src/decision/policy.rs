use std::collections::VecDeque;
use std::time::Duration;

use orch_core::Error;
use serde::{Deserialize, Serialize};

use super::label::{Awaited, Label};
use super::learnt::Learnt;
use super::stored::Stored;
use super::{Decision, Drift, Promise, Score, Verdict};
use crate::bundle::Bundle;
use crate::confidence::CalibrationKey;

/// How many runs of each kind are kept: awaited ones, labelled ones.
const KEPT: usize = 10_000;

/// How many of the last scores a drift is looked for in.
const RECENT: usize = 500;

/// Learns from labelled runs which answers may be accepted without a look, so that of those no more than a given share
/// is wrong.
///
/// Every run is [recorded](Self::record); verdicts on some of them come in later by [`feedback`](Self::feedback). Give
/// verdicts on runs that were drawn by chance, accepted ones included, and not only on those that looked doubtful. The
/// score from which on answers are accepted is the lowest for which exact binomial bounds refute a higher share of errors,
/// tested in a fixed sequence, so that the `risk` of promising too much is that of a single test. When the labels do
/// not support it, the policy says `cannot promise`, and every answer is to be reviewed.
///
/// A promise holds for one tool, model, metric and K. Labels older than `valid_for` do not count any more, and none is made
/// while the scores of recent runs differ from the labelled ones ([`drift`](Self::drift)). Save and load it with serde.
///
/// Times are those since the Unix epoch, as [`orch_core::wall_clock`] tells them.
///
/// ```
/// use std::time::Duration;
/// use orch_evidence::decision::{Policy, Verdict};
///
/// # fn main() -> Result<(), orch_core::Error> {
/// let mut policy = Policy::target_error(0.10).with_risk(0.10);
/// let now = Duration::from_secs(1_790_000_000);
/// assert!(policy.promise(now).reason.starts_with("cannot promise"));
///
/// for run in 0..200 {
///     let (score, right) = if run % 2 == 0 { (0.95, run % 50 != 0) } else { (0.57, run % 3 == 0) };
///     policy.learn(format!("run-{run}"), score, Verdict::from(right), now)?;
/// }
/// let promise = policy.promise(now);
/// assert_eq!(promise.accept_from.unwrap().score, 0.95);
/// assert_eq!((promise.accept_from.unwrap().labels, promise.accept_from.unwrap().wrong), (100, 4));
///
/// // A year later those labels tell nothing any more.
/// assert!(policy.promise(now + Duration::from_secs(365 * 86_400)).is_refused());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "Stored", try_from = "Stored")]
#[must_use]
pub struct Policy {
    pub(super) target: f64,
    pub(super) risk: f64,
    pub(super) score: Score,
    pub(super) valid_for: Duration,
    /// The one that is named, else that of the first bundle that was recorded.
    pub(super) key: Option<CalibrationKey>,
    pub(super) awaited: VecDeque<Awaited>,
    pub(super) labels: VecDeque<Label>,
    pub(super) recent: VecDeque<f64>,
}

impl Policy {
    /// At most this share of the accepted answers is to be wrong, above 0 and below 0.5.
    pub fn target_error(share: f64) -> Self {
        Self {
            target: share,
            risk: 0.1,
            score: Score::default(),
            valid_for: Duration::from_secs(90 * 86_400),
            key: None,
            awaited: VecDeque::new(),
            labels: VecDeque::new(),
            recent: VecDeque::new(),
        }
    }

    /// The chance that the labels mislead and a higher share is wrong, above 0 and below 0.5; default 0.1.
    pub fn with_risk(mut self, chance: f64) -> Self {
        self.risk = chance;
        self
    }

    /// The number by which answers are ranked; default the agreement. Set it before anything is recorded.
    pub fn by(mut self, score: Score) -> Self {
        self.score = score;
        self
    }

    /// How long a label counts; default 90 days.
    pub fn valid_for(mut self, time: Duration) -> Self {
        self.valid_for = time;
        self
    }

    /// For which tool, model, metric and K it is; default: those of the first bundle that is recorded. To be named before
    /// labels are learnt [from elsewhere](Self::learn), because those do not say what they are about.
    pub fn about(mut self, key: CalibrationKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Whether its numbers make sense.
    ///
    /// # Errors
    /// `InvalidRequest` that points at the number and names its value.
    pub fn check(&self) -> Result<(), Error> {
        for (pointer, share) in [("/target_error", self.target), ("/risk", self.risk)] {
            if !(share > 0.0 && share < 0.5) {
                return Err(Error::invalid(pointer, format!("{share}: it must be above 0 and below 0.5")));
            }
        }
        Ok(())
    }

    /// Remembers a run, so that a verdict on it can be given; of the last 10,000.
    ///
    /// # Errors
    /// `InvalidRequest` for a bundle of another tool, model, metric or K than the first one's, and for one of a run that
    /// was cut short.
    pub fn record(&mut self, run_id: impl Into<String>, bundle: &Bundle, now: Duration) -> Result<(), Error> {
        if let Some(reason) = self.stranger(bundle) {
            return Err(Error::invalid("/bundle", reason));
        }
        self.key = Some(CalibrationKey::of(bundle));
        let score = self.score.of(&bundle.summary);
        keep(&mut self.recent, score, RECENT);
        keep(&mut self.awaited, Awaited { run: run_id.into(), score, at: now }, KEPT);
        Ok(())
    }

    /// The verdict on a recorded run. A second one on the same run takes the place of the first.
    ///
    /// # Errors
    /// `InvalidRequest` that names a run that was not recorded, or so long ago that it was forgotten.
    pub fn feedback(&mut self, run_id: &str, verdict: Verdict) -> Result<(), Error> {
        if let Some(label) = self.labels.iter_mut().rfind(|label| label.of.run == run_id) {
            label.verdict = verdict;
            return Ok(());
        }
        let found = self.awaited.iter().rposition(|awaited| awaited.run == run_id);
        let Some(of) = found.and_then(|at| self.awaited.remove(at)) else {
            return Err(Error::invalid("/run_id", format!("no run `{run_id}` is on record")));
        };
        keep(&mut self.labels, Label { of, verdict }, KEPT);
        Ok(())
    }

    /// A run and its verdict at once, from other records than this one's; `score` is that which [`by`](Self::by) names. What
    /// the runs are of is said by [`about`](Self::about): without it every bundle is to be reviewed, for nothing says that
    /// the labels are about it.
    ///
    /// # Errors
    /// `InvalidRequest` for a score outside 0 to 1.
    pub fn learn(
        &mut self,
        run_id: impl Into<String>,
        score: f64,
        verdict: Verdict,
        at: Duration,
    ) -> Result<(), Error> {
        if !(0.0..=1.0).contains(&score) {
            return Err(Error::invalid("/score", format!("{score} is not between 0 and 1")));
        }
        let of = Awaited { run: run_id.into(), score, at };
        keep(&mut self.labels, Label { of, verdict }, KEPT);
        Ok(())
    }

    /// What can be promised now. It takes a look at all labels; a [`SharedPolicy`](super::SharedPolicy) takes it once for
    /// as long as the same labels count.
    #[must_use]
    pub fn promise(&self, now: Duration) -> Promise {
        self.promise_by(&Learnt::of(self, now))
    }

    pub(super) fn promise_by(&self, learnt: &Learnt) -> Promise {
        let (target, risk) = (self.target * 100.0, self.risk * 100.0);
        let promised = format!("at most {target} % are wrong, but for a chance of {risk} %");
        let refused = |why: String| Promise {
            accept_from: None,
            escalate_to: None,
            score: self.score,
            reason: format!("cannot promise that {promised}: {why}"),
        };
        if let Err(error) = self.check() {
            return refused(error.to_string());
        }
        let &Learnt { labels, wrong, expired, enough, accept_from, escalate_to, .. } = learnt;
        if labels < enough {
            let old = if expired > 0 { format!(" ({expired} more have expired)") } else { String::new() };
            return refused(format!("{labels} labels{old}, and {enough} are needed at least"));
        }
        let drift = self.drift_by(learnt);
        if drift.drifted {
            let reason = "recent answers are not divided like those that were labelled";
            return refused(format!("{reason} (p = {:.1e}); label some of them", drift.p_value));
        }
        if accept_from.is_some() {
            return Promise { accept_from, escalate_to, score: self.score, reason: promised };
        }
        let why = format!("of {labels} labels {wrong} are wrong, and too many of the surest");
        Promise { escalate_to, ..refused(why) }
    }

    /// The decision on a bundle.
    #[must_use]
    pub fn decide(&self, bundle: &Bundle, now: Duration) -> Decision {
        self.decide_by(|| self.promise(now), bundle)
    }

    pub(super) fn decide_by(&self, promise: impl FnOnce() -> Promise, bundle: &Bundle) -> Decision {
        match self.stranger(bundle) {
            Some(reason) => Decision::review(bundle, format!("cannot promise anything: {reason}")),
            None => promise().decide(bundle),
        }
    }

    /// Why a bundle is none of those that the policy learns from.
    fn stranger(&self, bundle: &Bundle) -> Option<String> {
        let key = CalibrationKey::of(bundle);
        match &self.key {
            _ if bundle.is_cut_short() => Some("the run was cut short".to_owned()),
            None if !self.labels.is_empty() => Some("its labels are about no tool that is named".to_owned()),
            Some(own) if *own != key => Some(format!("a policy for {own} says nothing about {key}")),
            _ => None,
        }
    }

    /// The scores of the last 500 recorded runs beside the labelled ones that still count.
    #[must_use]
    pub fn drift(&self, now: Duration) -> Drift {
        self.drift_by(&Learnt::of(self, now))
    }

    pub(super) fn drift_by(&self, learnt: &Learnt) -> Drift {
        Drift::between(learnt.scores.clone(), self.recent.iter().copied())
    }

    /// How many labels count now.
    #[must_use]
    pub fn labels(&self, now: Duration) -> u32 {
        Learnt::of(self, now).labels
    }
}

/// Adds one, and forgets the oldest if there are more than `most`.
fn keep<T>(all: &mut VecDeque<T>, one: T, most: usize) {
    if all.len() >= most {
        all.pop_front();
    }
    all.push_back(one);
}
