//! Replication as a state machine: no clock, no chance, no I/O. A driver executes its commands and tells it what happened.

mod closing;
mod finish;
mod input;
mod measurement;
mod replay;
mod slot;
mod steps;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use orch_core::{Content, Error, Event, Output, Usage};

use self::closing::{Closing, Stop};
pub use self::input::{Command, Input, Notice};
use self::measurement::Other;
pub use self::measurement::{Measurement, Row};
use self::slot::{Ended, Slot, State, Terms};
use crate::bundle::Summary;
use crate::confidence::Calibration;
use crate::distance::{Distance, TokenLevenshtein};
use crate::matrix::Matrix;
use crate::options::{BundleOptions, StopName, Variation};
use crate::stopping::StopRule;
use crate::tree::Comparer;
use crate::validate::{Validator, compiled};

/// Decides which replicates to start, when to stop, and what they say together.
///
/// Give it to a loop that executes each [`Command`] and answers with an [`Input`]; that is what
/// [`ReplicateLayer`](crate::ReplicateLayer) does. The same inputs give the same commands; and in
/// [`Order::Launch`](crate::Order::Launch) the decisions do not depend on the order in which replicates end. An input that
/// comes twice changes nothing. The result of a replicate that was not launched yet is kept, and taken instead of
/// launching it: so a bundler that is made anew after a crash, and given whatever was written down of what had ended, in
/// any order, decides as the first one did and launches only what is missing.
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
    comparer: Arc<Comparer>,
    /// The same by the words of the answers, for the spread.
    by_words: Arc<Comparer>,
    validator: Option<Arc<dyn Validator>>,
    /// Who scores texts, and why it did not score some answers.
    scorer: Option<String>,
    unscored: Vec<(usize, String)>,
    task: Option<String>,
    calibration: Arc<Calibration>,
    /// How many may be started; fewer than asked for when the budget does not allow more.
    k: usize,
    slots: Vec<Slot>,
    /// Results of replicates that were not launched yet.
    early: BTreeMap<usize, Ended>,
    /// Replicates that have ended and, if valid, are measured; in the order in which that happened.
    ended: Vec<usize>,
    matrix: Matrix,
    /// The distances of words as sets.
    words: Matrix,
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
    /// Whose answer was told before it was settled.
    provisional: Option<usize>,
    /// Whether the decision was told, those that ran were told to stop, and the last command was given.
    told: bool,
    cancelled: bool,
    finished: bool,
}

impl Bundler {
    /// A bundler with the default stop rule (or the one that the options name) and the default distance.
    ///
    /// # Errors
    /// `InvalidRequest` for options that [`BundleOptions::check`] refuses, or a `schema` that is none.
    pub fn new(options: &BundleOptions) -> Result<Self, Error> {
        let validator = options.inline_schema().map(|schema| compiled(schema, options.uri_of_schema())).transpose()?;
        Self::validated(options, validator)
    }

    /// The same with the schema of the options made ready before.
    pub(crate) fn validated(options: &BundleOptions, validator: Option<Arc<dyn Validator>>) -> Result<Self, Error> {
        options.check()?;
        let k = options.replicates() as usize;
        let comparer = Comparer::new(Arc::new(TokenLevenshtein), options.rules_given());
        Ok(Self {
            seeds: options.all_seeds(None),
            rule: options.stop_name().unwrap_or(StopName::Adaptive).rule(),
            by_words: Arc::new(comparer.by_words()),
            comparer: Arc::new(comparer),
            validator,
            scorer: None,
            unscored: Vec::new(),
            task: None,
            calibration: Arc::default(),
            k,
            slots: Vec::with_capacity(k),
            early: BTreeMap::new(),
            ended: Vec::new(),
            matrix: Matrix::new(k),
            words: Matrix::new(k),
            unmeasured: VecDeque::new(),
            measuring: None,
            looked_at: 0,
            want: 1,
            waves: Vec::new(),
            reduced: None,
            closing: None,
            stop: None,
            provisional: None,
            told: false,
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
        let comparer = Comparer::new(metric, self.options.rules_given());
        self.compare_by(if self.scorer.is_some() { comparer.with_scores() } else { comparer });
        self
    }

    /// Sets the calibrators.
    #[must_use]
    pub fn with_calibration(mut self, calibration: impl Into<Arc<Calibration>>) -> Self {
        self.calibration = calibration.into();
        self
    }

    /// Sets what an answer must be to be valid, unless the options have a schema.
    #[must_use]
    pub fn with_validator(mut self, validator: Arc<dyn Validator>) -> Self {
        if self.options.inline_schema().is_none() {
            self.validator = Some(validator);
        }
        self
    }

    /// Says that a scorer of this name tells the distances of texts: a driver asks for [`Measurement::pairs`] and gives the
    /// answers to [`Measurement::run_scored`].
    #[must_use]
    pub fn with_scorer(mut self, name: impl Into<String>) -> Self {
        self.compare_by(self.comparer.as_ref().clone().with_scores());
        self.scorer = Some(name.into());
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

    fn compare_by(&mut self, comparer: Comparer) {
        self.by_words = Arc::new(comparer.by_words());
        self.comparer = Arc::new(comparer);
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
                let ended = Ended { result, usage, elapsed };
                if let Some(at) = self.running(index) {
                    let mut commands = Vec::new();
                    self.end(at, ended, &mut commands);
                    self.go_on(&mut commands);
                    return commands;
                }
                if let Some(at) = place(index).filter(|at| (self.slots.len()..self.k).contains(at)) {
                    self.early.entry(at).or_insert(ended);
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
                    return self.cancelled_one(at);
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
            let slot = self.slots.get(at)?;
            Some(Other { at, value: Arc::clone(&slot.value), tree: Arc::clone(slot.tree.as_ref()?) })
        });
        let slot = place(index).and_then(|at| self.slots.get(at));
        let value = slot.map(|slot| Arc::clone(&slot.value)).unwrap_or_default();
        let known = (self.matrix.clone(), self.words.clone());
        Measurement::new(value, others.collect(), known, Arc::clone(&self.comparer), Arc::clone(&self.by_words))
    }

    /// The event of a [`Command::Emit`].
    #[must_use]
    pub fn event(&self, notice: Notice) -> Option<Event> {
        match notice {
            Notice::ReplicateDone { index } => self.slots.get(place(index)?)?.done_event(),
            Notice::PartialSummary => Some(Event::PartialSummary { summary: Content::typed(self.summary()?) }),
            Notice::Provisional { index } => {
                let answer = self.output(index)?.content().clone();
                Some(Event::Provisional { answer })
            }
            Notice::Settled => self.settled(),
        }
    }

    /// What the replicates that count say so far; `None` while there is none.
    #[must_use]
    pub fn summary(&self) -> Option<Summary> {
        let answers = self.answers(&self.counted());
        (!answers.voices.is_empty()).then(|| answers.summarise(self.fates(), self.options.summary_limits()))
    }

    /// What replicate `index`, counted from 1, differs in from the others on purpose, besides its seed.
    #[must_use]
    pub fn variation(&self, index: u32) -> Option<Variation> {
        self.options.diversified().of(index)
    }

    /// About how many instructions [`on`](Self::on) takes for an input, but for what a validator of one's own takes. Nobody
    /// knows how large a typed answer is in JSON before it is that, which it becomes once: that counts as much work.
    #[must_use]
    pub fn work(&self, input: &Input) -> u64 {
        const READ: u64 = 60;
        let reads = self.validator.is_some() || self.options.reads_json() || self.comparer.has_aliases();
        let length = match input {
            Input::Finished { result: Ok(output), .. } => match output.content() {
                Content::Json(value) if reads => measurement::length(value, measurement::MUCH),
                content @ Content::Typed(_) => content.as_text().map_or(measurement::MUCH, |text| text.len() as u64),
                Content::Json(_) => 0,
            },
            _ => 0,
        };
        self.look_work().saturating_add(length.saturating_mul(READ))
    }

    /// About how many instructions [`summary`](Self::summary) takes now, and with it [`finish`](Self::finish).
    #[must_use]
    pub fn summary_work(&self) -> u64 {
        /// Answers are copied into what they differ in, and what they were compared by is freed.
        const COPY: u64 = 2;
        let bytes: u64 = self.slots.iter().map(|slot| slot.bytes).sum();
        self.look_work().saturating_add(bytes.saturating_mul(COPY))
    }

    /// The same for a look at the stop rule, which copies nothing; at most.
    pub(crate) fn look_work(&self) -> u64 {
        const PAIR: u64 = 400;
        const LEAF: u64 = 3_000;
        let mut work = 0_u64;
        let measured = self.slots.iter().filter(|slot| slot.tree.is_some());
        let valid = measured.clone().count() as u64;
        for slot in measured {
            let fields = slot.leaves.saturating_mul(LEAF).saturating_add(slot.fields.saturating_mul(valid));
            work = work.saturating_add(fields);
        }
        work.saturating_add((valid * valid).saturating_mul(PAIR + valid * 10))
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
}

impl std::fmt::Debug for Bundler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bundler")
            .field("options", &self.options)
            .field("metric", &self.comparer.name())
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
