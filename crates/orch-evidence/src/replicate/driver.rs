//! Executes a bundler's commands: all replicates in the caller's own task.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use orch_core::{
    Budget, CallContext, Content, Deadline, Error, ErrorKind, Event, HasContext, Limits, Output, Part, Request,
    Reservation, wall_clock,
};
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};
use tower::Service;

use super::budget;
use super::desk::{Desk, INLINE_WORK, is_much};
use super::one::{Ended, Terms, out_of_money, replicate, spent};
use crate::bundle::{Bundle, BundleContent};
use crate::bundler::{Bundler, Command, Input, Notice, Row};
use crate::decision::SharedPolicy;
use crate::options::{BundleOptions, Delivery};
use crate::scorer::{AsyncPairScorer, run_aside, scored};

/// A comparison that waits for a scorer.
type Measuring = Pin<Box<dyn Future<Output = Result<Row, Error>> + Send>>;

/// About how many instructions it takes to start a replicate or tell of one.
const LITTLE: u64 = 3_000;

pub(super) struct Driver<S> {
    inner: S,
    request: Request,
    desk: Desk,
    limit: Option<Budget>,
    delivery: Delivery,
    /// Permits of the run; not taken inside another replicate, which has one already.
    parallel: Option<Arc<Semaphore>>,
    /// The replicates that were launched.
    parts: Vec<Option<Launched>>,
    /// What has happened while the bundler was away.
    inbox: VecDeque<Input>,
    /// About how many instructions of work this poll has done.
    done: u64,
    /// An answer that a scorer compares.
    measuring: Option<(u32, Measuring)>,
    scorer: Option<Arc<dyn AsyncPairScorer>>,
    out_of_money: Option<Error>,
    out_of_time: bool,
    policy: Option<SharedPolicy>,
    started: Instant,
    /// What is set aside for all replicates; they reserve out of it.
    _reservation: Reservation,
}

/// A replicate that was launched: it begins when it gets a permit.
struct Launched {
    context: CallContext,
    begun: Arc<AtomicBool>,
}

impl Launched {
    fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }
}

impl<S> Driver<S>
where
    S: Service<Request, Response = Output> + Clone + Send + 'static,
    S::Error: Into<Error> + Send,
    S::Future: Send,
{
    pub(super) fn new(
        inner: S,
        mut request: Request,
        options: &BundleOptions,
        mut bundler: Bundler,
    ) -> Result<Self, Error> {
        confine(request.context_mut(), options);
        let asked = options.replicates();
        let afforded = budget::reserve(request.context(), asked)?;
        if afforded.k < asked {
            let reason: Arc<str> = format!("the budget allows {} of {asked} replicates", afforded.k).into();
            bundler = bundler.reduced_to(afforded.k, reason.as_ref());
            request.context().emit(|| Event::ReplicatesReduced { from: asked, to: afforded.k, reason });
        }
        request.context_mut().set_meter(afforded.reservation.meter().clone());
        let parallel = request.context().parallel().filter(|_| request.context().replicate().is_none()).cloned();
        Ok(Self {
            inner,
            desk: Desk::new(bundler),
            limit: options.replicate_budget().cloned(),
            delivery: options.delivered(),
            parallel,
            parts: Vec::new(),
            inbox: VecDeque::new(),
            done: 0,
            measuring: None,
            scorer: None,
            out_of_money: None,
            out_of_time: false,
            policy: None,
            started: Instant::now(),
            _reservation: afforded.reservation,
            request: request.with_options(options.inner_options().clone()),
        })
    }

    pub(super) fn with_policy(self, policy: Option<SharedPolicy>) -> Self {
        Self { policy, ..self }
    }

    pub(super) fn with_scorer(self, scorer: Option<Arc<dyn AsyncPairScorer>>) -> Self {
        Self { scorer, ..self }
    }

    pub(super) async fn drive(mut self) -> Result<Output, Error> {
        let mut running = FuturesUnordered::new();
        let mut todo = VecDeque::from(self.ask(LITTLE, Bundler::start));
        let cancellation = self.request.context().cancellation().clone();
        let deadline = self.request.context().deadline();
        let mut finished = false;
        loop {
            while !self.desk.is_away() && self.done <= INLINE_WORK {
                match todo.pop_front() {
                    Some(Command::Launch { index, seed }) => running.extend(self.launch(index, seed)),
                    Some(Command::Measure { index, against }) => todo.extend(self.measure(index, &against)),
                    Some(Command::Cancel { index }) => {
                        // A bundler cancels all that run, or none.
                        running.clear();
                        self.cancelled(index);
                    }
                    Some(Command::Emit(notice)) => self.emit(notice),
                    Some(Command::Finish) => finished = true,
                    None => match self.inbox.pop_front() {
                        Some(input) => todo.extend(self.tell(input)),
                        None => break,
                    },
                }
            }
            if std::mem::take(&mut self.done) > INLINE_WORK {
                yield_now().await;
                continue;
            }
            if !self.desk.is_away() && (finished || (running.is_empty() && self.measuring.is_none())) {
                break;
            }
            tokio::select! {
                biased;
                () = cancellation.cancelled() => return Err(Error::new(ErrorKind::Cancelled)),
                () = until(deadline.map(|deadline| deadline.instant())), if !self.out_of_time => {
                    self.out_of_time = true;
                    self.inbox.push_back(Input::OutOfTime);
                }
                Some(ended) = running.next() => self.ended(ended),
                commands = self.desk.back(), if self.desk.is_away() => todo.extend(commands?),
                row = scored_row(&mut self.measuring), if self.measuring.is_some() => {
                    self.inbox.push_back(row?);
                    self.measuring = None;
                }
            }
        }
        drop(running);
        self.finish().await
    }

    /// Lets the bundler do a piece of work of about so many instructions.
    fn ask(
        &mut self,
        instructions: u64,
        work: impl FnOnce(&mut Bundler) -> Vec<Command> + Send + 'static,
    ) -> Vec<Command> {
        let commands = self.desk.work(instructions, work);
        if !self.desk.is_away() {
            self.done = self.done.saturating_add(instructions);
        }
        commands
    }

    fn tell(&mut self, input: Input) -> Vec<Command> {
        let work = self.desk.bundler().map_or(0, |bundler| bundler.work(&input));
        self.ask(work, |bundler| bundler.on(input))
    }

    fn launch(&mut self, index: u32, seed: u64) -> Option<impl Future<Output = Ended> + Send + use<S>> {
        self.done += LITTLE;
        let variation = self.desk.bundler()?.variation(index);
        let cap = self.limit.as_ref().map_or(Limits::NONE, Budget::limits);
        let mut context = self.request.context().capped_child(Part::Replicate(index, seed), cap);
        // The answer is told by the bundle; at most the first replicate's pieces are told as they come.
        if index != 1 || self.delivery != Delivery::Leader {
            context.mute();
        }
        let begun = Arc::new(AtomicBool::new(false));
        // Those that a journal knew were not launched here.
        self.parts.resize_with(index as usize - 1, || None);
        self.parts.push(Some(Launched { context: context.clone(), begun: Arc::clone(&begun) }));
        let limit = self.limit.as_ref().and_then(Budget::time_limit);
        let mut request = self.request.for_context(context);
        if let Some(variation) = variation {
            request = request.with_options(variation.options(self.request.options()));
        }
        let terms = Terms { parallel: self.parallel.clone(), limit, begun };
        Some(replicate(self.inner.clone(), request, index, terms))
    }

    fn ended(&mut self, Ended { index, result, elapsed }: Ended) {
        let usage = self.part(index).map(|part| spent(part.context.meter(), &result)).unwrap_or_default();
        if let Some(error) = result.as_ref().err().filter(|error| out_of_money(error, self.request.context().meter())) {
            self.out_of_money = Some(error.clone());
            // First, so that nothing is started in its place.
            self.inbox.push_back(Input::OutOfMoney);
        }
        self.inbox.push_back(Input::Finished { index, result, usage, elapsed });
    }

    fn cancelled(&mut self, index: u32) {
        let usage = self.part(index).map(|part| part.context.meter().usage()).unwrap_or_default();
        self.inbox.push_back(Input::Cancelled { index, usage });
    }

    fn measure(&mut self, index: u32, against: &[u32]) -> Vec<Command> {
        let Some(bundler) = self.desk.bundler() else { return Vec::new() };
        let measurement = bundler.measurement(index, against);
        let work = measurement.work().saturating_add(bundler.look_work());
        if let Some(scorer) = &self.scorer {
            let context = self.request.context().clone();
            self.measuring = Some((index, Box::pin(scored(measurement, Arc::clone(scorer), context, is_much(work)))));
            return Vec::new();
        }
        self.ask(work, move |bundler| bundler.on(Input::Measured { index, row: measurement.run() }))
    }

    fn emit(&mut self, notice: Notice) {
        let context = match notice {
            Notice::ReplicateDone { index } => {
                self.part(index).filter(|part| part.has_begun()).map(|part| part.context.clone())
            }
            Notice::PartialSummary | Notice::Provisional { .. } | Notice::Settled => {
                Some(self.request.context().clone())
            }
        };
        let Some(context) = context.filter(|context| context.events().is_listening()) else { return };
        let work = match notice {
            Notice::PartialSummary | Notice::Settled => self.desk.bundler().map_or(0, |bundler| bundler.summary_work()),
            Notice::ReplicateDone { .. } | Notice::Provisional { .. } => LITTLE,
        };
        self.ask(work, move |bundler| {
            if let Some(event) = bundler.event(notice) {
                context.emit(|| event);
            }
            Vec::new()
        });
    }

    fn part(&self, index: u32) -> Option<&Launched> {
        self.parts.get(index.checked_sub(1)? as usize)?.as_ref()
    }

    async fn finish(mut self) -> Result<Output, Error> {
        let work = self.desk.bundler().map_or(0, |bundler| bundler.summary_work());
        let Some(bundler) = self.desk.take() else { return Err(Error::new(ErrorKind::Cancelled)) };
        let finished = if is_much(work) { run_aside(|| bundler.finish()).await? } else { bundler.finish() };
        let context = self.request.context();
        let mut bundle = finished.map_err(|error| {
            let out_of_time = context.deadline().filter(|_| self.out_of_time);
            let why = out_of_time.map(|deadline| deadline.error(Instant::now())).or(self.out_of_money);
            why.map_or(error.clone(), |why| why.with_attempts(error.attempts().to_vec()).with_source(error))
        })?;
        bundle.meta.total_elapsed = self.started.elapsed();
        if let Some(policy) = self.policy {
            bundle = decided(bundle, policy, context.request_id()).await?;
        }
        let (usage, model) = (bundle.usage_total.clone(), bundle.meta.model.clone());
        let content = Content::typed(BundleContent::new(bundle));
        context.emit(|| Event::BundleReady { bundle: content.clone() });
        let output = Output::new(content).with_usage(usage);
        Ok(match model {
            Some(model) => output.with_model(model),
            None => output,
        })
    }
}

/// With the policy's decision, which is made beside the task when all labels are to be looked at.
async fn decided(mut bundle: Bundle, policy: SharedPolicy, run: &str) -> Result<Bundle, Error> {
    let now = wall_clock();
    if !is_much(policy.work(now)) {
        bundle.decision = Some(policy.decide(run, &bundle, now));
        return Ok(bundle);
    }
    let run = run.to_owned();
    run_aside(move || {
        bundle.decision = Some(policy.decide(&run, &bundle, now));
        bundle
    })
    .await
}

/// Keeps the whole bundle to its own budget and time.
fn confine(context: &mut CallContext, options: &BundleOptions) {
    let now = Instant::now();
    if let Some(timeout) = options.time_limit() {
        context.limit_deadline(Deadline::after(now, timeout));
    }
    if let Some(budget) = options.bundle_budget() {
        if let Some(time) = budget.time_limit() {
            context.limit_deadline(Deadline::of_budget(now, time));
        }
        context.set_meter(context.meter().child("bundle", budget.limits()));
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// What a scorer's comparison found.
async fn scored_row(measuring: &mut Option<(u32, Measuring)>) -> Result<Input, Error> {
    match measuring {
        Some((index, row)) => Ok(Input::Measured { index: *index, row: row.as_mut().await? }),
        None => std::future::pending().await,
    }
}
