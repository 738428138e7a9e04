use futures_core::Stream;
use futures_util::StreamExt;
use orch_core::{Budget, Deadline, Error, Meter};
use tokio::time::Instant;

use super::Batch;
use super::stream::{Started, one};
use crate::{Client, Run};

/// Many runs that have not started: set how they are run, then [`start`](Self::start).
///
/// ```
/// use futures_util::{StreamExt, stream};
/// use orch_facade::{Budget, Client, Error, Output, Request, ToolSpec, tool_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ask = tool_fn(ToolSpec::pure("ask"), |_: Request| async { Ok::<_, Error>(Output::from("42")) });
/// let client = Client::builder().tool(ask).build()?;
///
/// let questions = ["what is it?", "why?", "how long?"];
/// let runs = stream::iter(questions.map(|question| client.run(question).tool("ask")));
/// let mut batch = client.run_all(runs).concurrency(2).budget(Budget::new().cost_usd(1.0)).key("questions-1").start()?;
/// while let Some(item) = batch.next().await {
///     println!("{}: {}", questions[item.index], item.result?.typed::<String>()?);
/// }
/// assert_eq!(batch.summary().succeeded, 3);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a batch does nothing until it is started and read"]
pub struct RunAll<S> {
    runs: S,
    concurrency: usize,
    ordered: bool,
    key: Option<String>,
    budget: Budget,
}

impl Client {
    /// Runs many requests as one job. Each [`Run`] keeps its own options; nothing starts before
    /// [`RunAll::start`], and `runs` is read no faster than they are worked off.
    pub fn run_all<S: Stream<Item = Run>>(&self, runs: S) -> RunAll<S> {
        RunAll { runs, concurrency: 8, ordered: false, key: None, budget: Budget::new() }
    }
}

impl<S> RunAll<S>
where
    S: Stream<Item = Run> + Send + 'static,
{
    /// Sets how many runs work at the same time; default 8, 0 counts as 1.
    pub fn concurrency(mut self, runs: usize) -> Self {
        self.concurrency = runs.max(1);
        self
    }

    /// Gives the results in the order of the runs, instead of as they end: one that is slow then holds up those behind it.
    pub fn ordered(mut self) -> Self {
        self.ordered = true;
        self
    }

    /// Gives every run without an idempotency key one of its own, `KEY/INDEX`: a batch that was killed, and is started again
    /// with the same key and the same runs in the same order, executes only what is missing, as long as the store of the
    /// client lasts and keeps its answers: an hour each, unless
    /// [`IdempotencyConfig::ttl`](orch_reliability::IdempotencyConfig::ttl) says otherwise. Give runs keys of their own when
    /// their order may change.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Sets what all runs may use together; each one's own budget and the client's hold as well. Once it is used up, the
    /// runs that remain fail with `BudgetExceeded` of the level `batch`, before anything is spent. Tools that estimate nothing
    /// may overrun it by the calls in flight. Its time counts for the whole batch, from its start on.
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// The batch; it works while it is read, in the task that reads it, and starts nothing more when it is dropped.
    ///
    /// # Errors
    /// `InvalidRequest` for a budget that cannot be kept.
    pub fn start(self) -> Result<Batch, Error> {
        self.budget.check()?;
        let account = Meter::unlimited().child("batch", self.budget.limits());
        let begun = Instant::now();
        let deadline = self.budget.time_limit().map(|time| Deadline::of_budget(begun, time));
        let started = Started::default();
        let (meter, counter, key) = (account.clone(), started.clone(), self.key);
        let runs = self.runs.enumerate().map(move |(index, run)| {
            counter.add();
            let key = key.as_deref().map(|key| format!("{key}/{index}"));
            one(index, run.in_batch(&meter, deadline, key))
        });
        let items = if self.ordered {
            runs.buffered(self.concurrency).boxed()
        } else {
            runs.buffer_unordered(self.concurrency).boxed()
        };
        Ok(Batch::new(items, account, started, begun))
    }
}
