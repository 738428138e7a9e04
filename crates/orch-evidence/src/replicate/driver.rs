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
use tokio::time::{Instant, sleep_until};
use tower::Service;

use super::budget;
use super::one::{Ended, Terms, out_of_money, replicate, spent};
use crate::bundle::BundleContent;
use crate::bundler::{Bundler, Command, Input, Measurement, Notice, Row};
use crate::decision::SharedPolicy;
use crate::options::{BundleOptions, Delivery};
use crate::scorer::{AsyncPairScorer, run_aside, scored};

/// A comparison that is not done in this task, or waits for a scorer.
type Measuring = Pin<Box<dyn Future<Output = Result<Row, Error>> + Send>>;

/// How much work of a measurement (see [`Measurement::work`]) is done in the caller's task: about a tenth of
/// a millisecond with the default distance, which is what moving it to another thread costs with all it
/// brings. Longer ones go to a blocking thread.
const INLINE_WORK: u64 = 20_000_000;

pub(super) struct Driver<S> {
    inner: S,
    request: Request,
    bundler: Bundler,
    limit: Option<Budget>,
    delivery: Delivery,
    /// Permits of the run; not taken inside another replicate, which has one already.
    parallel: Option<Arc<Semaphore>>,
    /// The replicates that were launched.
    parts: Vec<Launched>,
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
            bundler,
            limit: options.replicate_budget().cloned(),
            delivery: options.delivered(),
            parallel,
            parts: Vec::new(),
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

    pub(super) fn with_scorer(mut self, scorer: Option<Arc<dyn AsyncPairScorer>>) -> Self {
        if let Some(scorer) = &scorer {
            self.bundler = self.bundler.with_scorer(scorer.name());
        }
        self.scorer = scorer;
        self
    }

    pub(super) async fn drive(mut self) -> Result<Output, Error> {
        let mut running = FuturesUnordered::new();
        let mut todo = VecDeque::from(self.bundler.start());
        let cancellation = self.request.context().cancellation().clone();
        let deadline = self.request.context().deadline();
        let mut finished = false;
        loop {
            while let Some(command) = todo.pop_front() {
                match command {
                    Command::Launch { index, seed } => running.push(self.launch(index, seed)),
                    Command::Measure { index, against } => todo.extend(self.measure(index, &against)),
                    Command::Cancel { index } => {
                        // A bundler cancels all that run, or none.
                        running.clear();
                        todo.extend(self.cancelled(index));
                    }
                    Command::Emit(notice) => self.emit(notice),
                    Command::Finish => finished = true,
                }
            }
            if finished || (running.is_empty() && self.measuring.is_none()) {
                break;
            }
            tokio::select! {
                biased;
                () = cancellation.cancelled() => return Err(Error::new(ErrorKind::Cancelled)),
                () = until(deadline.map(|deadline| deadline.instant())), if !self.out_of_time => {
                    self.out_of_time = true;
                    todo.extend(self.bundler.on(Input::OutOfTime));
                }
                Some(ended) = running.next() => todo.extend(self.ended(ended)),
                row = measured(&mut self.measuring), if self.measuring.is_some() => todo.extend(self.measured(row?)),
            }
        }
        drop(running);
        self.finish()
    }

    fn launch(&mut self, index: u32, seed: u64) -> impl Future<Output = Ended> + Send + use<S> {
        let cap = self.limit.as_ref().map_or(Limits::NONE, Budget::limits);
        let mut context = self.request.context().capped_child(Part::Replicate(index, seed), cap);
        // The answer is told by the bundle; at most the first replicate's pieces are told as they come.
        if index != 1 || self.delivery != Delivery::Leader {
            context.mute();
        }
        let begun = Arc::new(AtomicBool::new(false));
        self.parts.push(Launched { context: context.clone(), begun: Arc::clone(&begun) });
        let limit = self.limit.as_ref().and_then(Budget::time_limit);
        let mut request = self.request.for_context(context);
        if let Some(variation) = self.bundler.variation(index) {
            request = request.with_options(variation.options(self.request.options()));
        }
        replicate(self.inner.clone(), request, index, Terms { parallel: self.parallel.clone(), limit, begun })
    }

    fn ended(&mut self, Ended { index, result, elapsed }: Ended) -> Vec<Command> {
        let usage = self.part(index).map(|part| spent(part.context.meter(), &result)).unwrap_or_default();
        let mut commands = Vec::new();
        if let Some(error) = result.as_ref().err().filter(|error| out_of_money(error, index)) {
            self.out_of_money = Some(error.clone());
            // First, so that nothing is started in its place.
            commands.extend(self.bundler.on(Input::OutOfMoney));
        }
        commands.extend(self.bundler.on(Input::Finished { index, result, usage, elapsed }));
        commands
    }

    fn cancelled(&mut self, index: u32) -> Vec<Command> {
        let usage = self.part(index).map(|part| part.context.meter().usage()).unwrap_or_default();
        self.bundler.on(Input::Cancelled { index, usage })
    }

    fn measure(&mut self, index: u32, against: &[u32]) -> Vec<Command> {
        let work = self.bundler.measurement(index, against);
        let aside = work.work() > INLINE_WORK && tokio::runtime::Handle::try_current().is_ok();
        let measuring: Measuring = match &self.scorer {
            Some(scorer) => Box::pin(scored(work, Arc::clone(scorer), self.request.context().clone(), aside)),
            None if aside => Box::pin(run_aside(|| Measurement::run(work))),
            None => return self.bundler.on(Input::Measured { index, row: work.run() }),
        };
        self.measuring = Some((index, measuring));
        Vec::new()
    }

    fn measured(&mut self, row: Row) -> Vec<Command> {
        let Some((index, _)) = self.measuring.take() else { return Vec::new() };
        self.bundler.on(Input::Measured { index, row })
    }

    fn emit(&self, notice: Notice) {
        let context = match notice {
            Notice::ReplicateDone { index } => {
                self.part(index).filter(|part| part.has_begun()).map(|part| &part.context)
            }
            Notice::PartialSummary | Notice::Provisional { .. } | Notice::Settled => Some(self.request.context()),
        };
        if let Some(context) = context.filter(|context| context.events().is_listening())
            && let Some(event) = self.bundler.event(notice)
        {
            context.emit(|| event);
        }
    }

    fn part(&self, index: u32) -> Option<&Launched> {
        self.parts.get(index.checked_sub(1)? as usize)
    }

    fn finish(self) -> Result<Output, Error> {
        let context = self.request.context();
        let mut bundle = self.bundler.finish().map_err(|error| {
            let out_of_time = context.deadline().filter(|_| self.out_of_time);
            let why = out_of_time.map(|deadline| deadline.error(Instant::now())).or(self.out_of_money);
            why.map_or(error.clone(), |why| why.with_attempts(error.attempts().to_vec()))
        })?;
        bundle.meta.total_elapsed = self.started.elapsed();
        bundle.decision = self.policy.map(|policy| policy.decide(context.request_id(), &bundle, wall_clock()));
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

async fn measured(measuring: &mut Option<(u32, Measuring)>) -> Result<Row, Error> {
    match measuring {
        Some((_, row)) => row.as_mut().await,
        None => std::future::pending().await,
    }
}
