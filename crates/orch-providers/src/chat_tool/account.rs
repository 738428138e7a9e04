use orch_core::{CallContext, Error, Estimate, Progress, Reservation, Usage};

use crate::chat::ChatResponse;

/// The account of one call of the model: its estimate is set aside, and what it used is booked once, however it ends.
pub(super) struct Account {
    reservation: Reservation,
    progress: Progress,
    open: bool,
}

impl Account {
    pub(super) fn open(context: &CallContext, estimate: &Estimate) -> Result<Self, Error> {
        let reservation = context.meter().reserve(estimate)?;
        // What earlier calls used is booked.
        context.progress().set_usage(Usage::new());
        Ok(Self { reservation, progress: context.progress().clone(), open: true })
    }

    /// Books what the call used, and says how much that was.
    pub(super) fn close(mut self, result: &Result<ChatResponse, Error>) -> Usage {
        self.open = false;
        let usage = match result {
            Ok(response) => response.usage.clone(),
            Err(error) => error.output().map_or_else(|| self.progress.usage(), |output| output.usage().clone()),
        };
        self.reservation.settle(&usage);
        usage
    }
}

/// A call that is dropped used what had arrived.
impl Drop for Account {
    fn drop(&mut self) {
        if self.open {
            self.reservation.settle(&self.progress.usage());
        }
    }
}
