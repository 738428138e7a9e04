//! Replication as a state machine: no clock, no chance, no I/O. A driver executes its commands and tells it what happened.

mod closing;
mod finish;
mod input;
mod measurement;
mod slot;

use std::collections::VecDeque;
use std::sync::Arc;

use orch_core::{Error, Event, Output, Usage};

use self::closing::{Closing, Stop};
pub use self::input::{Command, Input, Notice};
pub use self::measurement::{Measurement, Row};
use self::slot::{Slot, State};
use crate::bundle::Summary;
use crate::consensus::Voice;
use crate::distance::{Checked, Distance, TokenLevenshtein};
use crate::matrix::Matrix;
use crate::options::{BundleOptions, Order, StopName, Waves};
use crate::stopping::{Decision, StopRule, TallyView};
use crate::summarise::{Answers, Fates};

/// Decides which replicates to start, when to stop, and what they say together.
///
/// Give it to a loop that executes each [`Command`] and answers with an [`Input`]; that is what
/// [`ReplicateLayer`](crate::ReplicateLayer) does. The same inputs give the same commands; and in
/// [`Order::Launch`] the decisions do not depend on the order in which replicates end. An input that
/// comes twice, or for a replicate that is not running, changes nothing.
///
/// ```
/// use std::time::Duration;
/// use orch_core::{Output, Usage};
/// use orch_evidence::{BundleOptions, Bundler, Command, Input};
///
/// # fn main() -> Result<(), orch_core::Error> {
/// let mut bundler = Bundler::new(&BundleOptions::new().k(3))?;
/// let mut commands = bundler.start();
/// while let Some(command) = commands.pop() {
///     commands.extend(match command {
///         Command::Launch { index, .. } => bundler.on(Input::Finished {
///             index,
///             result: Ok(Output::from("Paris")),
///             usage: Usage::new(),
///             elapsed: Duration::from_millis(20),
///         }),
///         Command::Measure { index, against } => {
///             let row = bundler.measurement(index, &against).run();
///             bundler.on(Input::Measured { index, row })
///         }
///         _ => Vec::new(),
///     });
/// }
/// let bundle = bundler.finish()?;
/// assert_eq!(bundle.summary.consensus, Some("Paris".into()));
/// assert_eq!(bundle.stop.rule, "lock"); // two of three agree: the third cannot change the answer
/// # Ok(())
/// # }
/// ```
pub struct Bundler {
    options: BundleOptions,
    seeds: Vec<u64>,
    rule: Arc<dyn StopRule>,
    metric: Arc<Checked>,
    task: Option<String>,
    /// How many may be started; fewer than asked for when the budget does not allow more.
    k: usize,
    slots: Vec<Slot>,
    /// Replicates that have ended and, if valid, are measured; in the order in which that happened.
    ended: Vec<usize>,
    matrix: Matrix,
    /// Answers that wait to be measured, and the one that is.
    unmeasured: VecDeque<usize>,
    measuring: Option<usize>,
    /// How many ended replicates the stop rule has looked at, and how many more it wants.
    looked_at: usize,
    want: usize,
    waves: Vec<u32>,
    reduced: Option<String>,
    closing: Option<Closing>,
    stop: Option<Stop>,
    /// Whether those that ran were told to stop, and whether the last command was given.
    cancelled: bool,
    finished: bool,
}

impl Bundler {
    /// A bundler with the default stop rule (or the one that the options name) and the default distance.
    ///
    /// # Errors
    /// `InvalidRequest` for options that [`BundleOptions::check`] refuses.
    pub fn new(options: &BundleOptions) -> Result<Self, Error> {
        options.check()?;
        let k = options.replicates() as usize;
        Ok(Self {
            seeds: options.all_seeds(None),
            rule: options.stop_name().unwrap_or(StopName::Adaptive).rule(),
            metric: Arc::new(Checked::new(Arc::new(TokenLevenshtein))),
            task: None,
            k,
            slots: Vec::with_capacity(k),
            ended: Vec::new(),
            matrix: Matrix::new(k),
            unmeasured: VecDeque::new(),
            measuring: None,
            looked_at: 0,
            want: 1,
            waves: Vec::new(),
            reduced: None,
            closing: None,
            stop: None,
            cancelled: false,
            finished: false,
            options: options.clone(),
        })
    }

    /// Names the tool that is replicated.
    #[must_use]
    pub fn with_task(mut self, task: impl Into<String>) -> Self {
        self.task = Some(task.into());
        self
    }

    /// Sets the seed of the call, from which the replicates' seeds follow unless the options name some.
    #[must_use]
    pub fn with_seed(mut self, seed: Option<u64>) -> Self {
        self.seeds = self.options.all_seeds(seed);
        self
    }

    /// Sets the stop rule, unless the options name one.
    #[must_use]
    pub fn with_stop(mut self, rule: impl StopRule + 'static) -> Self {
        if self.options.stop_name().is_none() {
            self.rule = Arc::new(rule);
        }
        self
    }

    /// Sets the distance of texts.
    #[must_use]
    pub fn with_distance(mut self, metric: Arc<dyn Distance>) -> Self {
        self.metric = Arc::new(Checked::new(metric));
        self
    }

    /// Allows fewer replicates than asked for, and says why.
    #[must_use]
    pub fn reduced_to(mut self, k: u32, reason: impl Into<String>) -> Self {
        if (k as usize) < self.k {
            self.k = (k as usize).max(1);
            self.reduced = Some(reason.into());
        }
        self
    }

    /// The first commands.
    pub fn start(&mut self) -> Vec<Command> {
        let mut commands = Vec::new();
        if self.slots.is_empty() {
            self.want = 2;
            self.launch(&mut commands);
        }
        commands
    }

    /// What to do now that this has happened.
    pub fn on(&mut self, input: Input) -> Vec<Command> {
        match input {
            Input::Finished { index, result, usage, elapsed } => {
                if let Some(at) = self.running(index) {
                    self.slots[at].finish(result, usage, elapsed, self.options.empty_is_valid());
                    return self.ended_one(at);
                }
            }
            Input::Measured { index, row } => {
                if self.measuring.is_some_and(|at| number(at) == index) {
                    return self.measured(row);
                }
            }
            Input::Cancelled { index, usage } => {
                if let Some(at) = self.running(index) {
                    self.slots[at].cancel(usage);
                    return self.ended_one(at);
                }
            }
            Input::OutOfTime => return self.close(Closing::OutOfTime),
            Input::OutOfMoney => return self.close(Closing::OutOfMoney),
        }
        Vec::new()
    }

    /// The work of a [`Command::Measure`].
    #[must_use]
    pub fn measurement(&self, index: u32, against: &[u32]) -> Measurement {
        let others = against.iter().filter_map(|index| {
            let at = place(*index)?;
            Some((at, Arc::clone(self.slots.get(at)?.tree.as_ref()?)))
        });
        let at = place(index).unwrap_or(usize::MAX);
        let value = self.slots.get(at).map(|slot| Arc::clone(&slot.value)).unwrap_or_default();
        Measurement::new(at, value, others.collect(), Arc::clone(&self.metric))
    }

    /// The event of a [`Command::Emit`].
    #[must_use]
    pub fn event(&self, notice: Notice) -> Option<Event> {
        match notice {
            Notice::ReplicateDone { index } => self.slots.get(place(index)?)?.done_event(),
            Notice::PartialSummary => {
                Some(Event::PartialSummary { summary: orch_core::Content::typed(self.summary()?) })
            }
        }
    }

    /// What the replicates that count say so far; `None` while there is none.
    #[must_use]
    pub fn summary(&self) -> Option<Summary> {
        let answers = self.answers(&self.counted());
        (!answers.voices.is_empty()).then(|| answers.summarise(self.fates(), self.options.diffs()))
    }

    /// Whether any replicate gave a valid answer.
    #[must_use]
    pub fn has_valid(&self) -> bool {
        self.slots.iter().any(|slot| slot.state == State::Valid)
    }

    /// The answer of a replicate that has ended.
    #[must_use]
    pub fn output(&self, index: u32) -> Option<&Output> {
        self.slots.get(place(index)?)?.output.as_ref()
    }

    /// What all replicates have used so far, as far as was told.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.slots.iter().fold(Usage::new(), |mut sum, slot| {
            sum += &slot.usage;
            sum
        })
    }

    fn running(&self, index: u32) -> Option<usize> {
        place(index).filter(|at| self.slots.get(*at).is_some_and(|slot| slot.state == State::Running))
    }

    fn ended_one(&mut self, at: usize) -> Vec<Command> {
        let mut commands = vec![Command::Emit(Notice::ReplicateDone { index: number(at) })];
        if self.slots[at].state == State::Valid {
            self.unmeasured.push_back(at);
        } else {
            self.ended.push(at);
        }
        self.go_on(&mut commands);
        commands
    }

    fn measured(&mut self, row: Row) -> Vec<Command> {
        let mut commands = Vec::new();
        if let Some(at) = self.measuring.take() {
            for (other, distance) in row.distances {
                self.matrix.set(at, other, distance);
            }
            self.slots[at].tree = Some(row.tree);
            self.ended.push(at);
        }
        self.go_on(&mut commands);
        commands
    }

    /// One answer is measured at a time, against those before it, so that every pair is measured once.
    fn go_on(&mut self, commands: &mut Vec<Command>) {
        self.look(commands);
        if self.stop.is_none()
            && self.measuring.is_none()
            && let Some(at) = self.unmeasured.pop_front()
        {
            self.measuring = Some(at);
            let measured = self.ended.iter().filter(|other| self.slots[**other].tree.is_some());
            let against = measured.map(|at| number(*at)).collect();
            commands.push(Command::Measure { index: number(at), against });
        }
        self.launch(commands);
        self.conclude(commands);
    }

    /// Shows the stop rule every replicate that has ended, one after the other.
    fn look(&mut self, commands: &mut Vec<Command>) {
        let mut told = false;
        let sequence = self.sequence();
        while self.stop.is_none() && self.closing.is_none() && self.looked_at < sequence.len() {
            let newest = sequence[self.looked_at];
            self.looked_at += 1;
            let seen = self.valid_among(&sequence[..self.looked_at]);
            told |= self.slots[newest].state == State::Valid && seen.len() >= 2;
            if self.looked_at == self.k {
                self.stop = Some(self.complete());
            } else {
                self.decide(&seen);
            }
        }
        if told {
            commands.push(Command::Emit(Notice::PartialSummary));
        }
    }

    fn decide(&mut self, seen: &[usize]) {
        let answers = self.answers(seen);
        let counts: Vec<u32> = answers.clusters().iter().map(|cluster| crate::count(cluster.len())).collect();
        let tally = TallyView::new(&counts, crate::count(self.looked_at), crate::count(self.k))
            .with_distances(answers.epsilon(), answers.diameter());
        match self.rule.decide(&tally) {
            Decision::Continue { want } => self.want = want.max(1) as usize,
            Decision::Stop { rule, reason, p_same } => {
                self.stop = Some(Stop { rule, reason, p_same, ended: self.looked_at, by_rule: true });
            }
        }
    }

    fn launch(&mut self, commands: &mut Vec<Command>) {
        // What is being measured may settle the answer.
        let undecided = self.measuring.is_some() || !self.unmeasured.is_empty();
        if self.stop.is_some() || self.closing.is_some() || undecided {
            return;
        }
        let running = self.slots.iter().filter(|slot| slot.state == State::Running).count();
        let free = self.options.parallel().saturating_sub(running).min(self.k - self.slots.len());
        let settled = self.looked_at == self.slots.len();
        let wave = match self.options.wave() {
            Waves::All => free,
            Waves::Careful if settled => free.min(self.want),
            Waves::Careful => 0,
        };
        if wave == 0 {
            return;
        }
        self.waves.push(crate::count(wave));
        for _ in 0..wave {
            let (at, seed) = (self.slots.len(), self.seeds[self.slots.len()]);
            self.slots.push(Slot::new(seed));
            commands.push(Command::Launch { index: number(at), seed });
        }
    }

    /// Ended replicates in the order in which they are looked at.
    fn sequence(&self) -> Vec<usize> {
        match self.options.looked_at() {
            Order::Completion => self.ended.clone(),
            Order::Launch => (0..self.slots.len()).take_while(|at| self.ended.contains(at)).collect(),
        }
    }

    fn valid_among(&self, places: &[usize]) -> Vec<usize> {
        let mut valid: Vec<usize> = places.iter().copied().filter(|at| self.slots[*at].tree.is_some()).collect();
        valid.sort_unstable();
        valid
    }

    /// The replicates that the summary is about: those that the decision was made with; once the run is
    /// closed from outside, all that are measured.
    fn counted(&self) -> Vec<usize> {
        match &self.stop {
            Some(stop) if !stop.by_rule => self.valid_among(&self.ended),
            _ => self.valid_among(&self.sequence()[..self.looked_at]),
        }
    }

    fn answers(&self, counted: &[usize]) -> Answers<'_> {
        let voice = |at: &usize| {
            let slot = &self.slots[*at];
            Some(Voice { index: *at, tree: slot.tree.as_deref()?, value: &slot.value })
        };
        Answers {
            voices: counted.iter().filter_map(voice).collect(),
            matrix: &self.matrix,
            metric: self.metric.as_ref(),
            epsilon: self.options.epsilon_given(),
        }
    }

    fn fates(&self) -> Fates {
        let count = |state: State| crate::count(self.slots.iter().filter(|slot| slot.state == state).count());
        Fates {
            requested: self.options.replicates(),
            started: crate::count(self.slots.len()),
            failed: count(State::Failed),
            invalid: count(State::Invalid),
            cancelled: count(State::Cancelled),
        }
    }
}

impl std::fmt::Debug for Bundler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bundler")
            .field("options", &self.options)
            .field("metric", &self.metric.name())
            .field("slots", &self.slots)
            .field("stop", &self.stop)
            .finish_non_exhaustive()
    }
}

/// Replicates are counted from 1, places from 0.
fn number(at: usize) -> u32 {
    crate::count(at + 1)
}

fn place(index: u32) -> Option<usize> {
    index.checked_sub(1).map(|at| at as usize)
}

#[cfg(test)]
mod tests;
