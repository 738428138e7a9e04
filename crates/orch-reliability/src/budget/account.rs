use orch_core::{Budget, CallContext, Error, Event, Limits, Meter, Output};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::above::Held;
use super::layer::Mode;
use super::warning::{Standing, Warned};

/// The account of one run, between the run's own meter and what works on its behalf.
pub(super) struct Account {
    /// As the caller gave it: its meter may have limits of the run.
    context: CallContext,
    /// What the layers inside book on.
    meter: Meter,
    default: Budget,
    mode: Mode,
    warned: Warned,
    /// What is set aside for this run at the levels above it.
    held: Option<Held>,
}

impl Account {
    /// Opens the account, and makes `context` book on it. `None` when nothing is limited and nothing held.
    pub(super) fn open(default: &Budget, mode: Mode, held: Option<Held>, context: &mut CallContext) -> Option<Self> {
        if default.is_unlimited() && context.meter().limits() == Limits::NONE && held.is_none() {
            return None;
        }
        let outside = context.clone();
        let meter = match mode {
            Mode::Hard => context.meter().child("run", default.limits()),
            // Without limits, so that nothing inside refuses; booked on the run's own meter at the end.
            Mode::Soft => Meter::unlimited(),
        };
        context.set_meter(meter.clone());
        Some(Self { context: outside, meter, default: default.clone(), mode, warned: Warned::default(), held })
    }

    /// Warns of every budget that is mostly used, once.
    pub(super) fn warn(&mut self) {
        if !self.context.events().is_listening() {
            return;
        }
        let standing = self.standing();
        while let Some((budget, used)) = self.warned.next(&standing) {
            self.context.emit(|| Event::BudgetWarning { budget, used });
        }
    }

    fn standing(&self) -> Standing {
        let (default, run) = (self.default.limits(), self.context.meter());
        let limits = run.limits();
        let spent = match self.mode {
            // Bookings reach the run's meter at once.
            Mode::Hard => run.settled(),
            Mode::Soft => run.settled() + self.meter.settled(),
        };
        Standing {
            limits: Limits { tokens: least(default.tokens, limits.tokens), cost: least(default.cost, limits.cost) },
            time: self.default.time_limit(),
            spent,
            elapsed: Instant::now().saturating_duration_since(self.context.started()),
        }
    }

    /// The check after the run: an overrun is an error that carries the answer, since it was paid for.
    pub(super) fn settle(&mut self, result: Result<Output, Error>) -> Result<Output, Error> {
        if let Ok(output) = &result {
            self.book_unless_booked(output);
        }
        self.warn();
        match (self.mode, result) {
            (Mode::Hard, Ok(output)) => match self.meter.check() {
                Ok(()) => Ok(output),
                Err(overrun) => Err(overrun.with_finished(output)),
            },
            (_, result) => result,
        }
    }

    /// The run's deadline, if it is before `at`.
    pub(super) fn deadline_or(&self, at: Instant) -> Instant {
        self.context.deadline().map_or(at, |deadline| deadline.instant().min(at))
    }

    /// Tells the levels above what was spent, and says when they know.
    pub(super) fn close(&mut self) -> Option<JoinHandle<()>> {
        self.held.take()?.settle(self.meter.settled())
    }

    /// Tools book for themselves; a service without a meter of its own is booked by its answer.
    fn book_unless_booked(&self, output: &Output) {
        if !self.meter.has_bookings() && !output.replayed() && !output.usage().is_unknown() {
            self.meter.book(output.usage());
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if self.mode == Mode::Soft && self.meter.has_bookings() {
            self.context.meter().book(&self.meter.usage());
        }
        self.close();
    }
}

/// What the run may still spend: the least of its own limits and the default.
pub(super) fn limits(default: &Budget, context: &CallContext) -> Limits {
    let (default, run) = (default.limits(), context.meter().remaining());
    Limits { tokens: least(default.tokens, run.tokens), cost: least(default.cost, run.cost) }
}

fn least<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    [a, b].into_iter().flatten().min()
}
