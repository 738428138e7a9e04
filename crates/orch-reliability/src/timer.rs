use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

pin_project! {
    /// A timer that costs nothing until something really waits: it is made at the first poll.
    #[derive(Debug)]
    pub(crate) struct Timer {
        #[pin]
        sleep: Option<Sleep>,
    }
}

impl Timer {
    /// A timer that is not set.
    pub(crate) const fn unset() -> Self {
        Self { sleep: None }
    }

    /// Ready at `at`; earlier if `at` was earlier at a former poll, so that a moment which keeps moving away does not
    /// cost a change of the timer each time.
    pub(crate) fn poll_by(self: Pin<&mut Self>, cx: &mut Context<'_>, at: Instant) -> Poll<()> {
        let mut sleep = self.project().sleep;
        match sleep.as_mut().as_pin_mut() {
            None => sleep.set(Some(sleep_until(at))),
            Some(running) if running.is_elapsed() || running.deadline() > at => running.reset(at),
            Some(_) => {}
        }
        sleep.as_pin_mut().expect("set above").poll(cx)
    }
}
