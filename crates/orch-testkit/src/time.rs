//! Paused time and polling by hand.
//!
//! Made for `#[tokio::test(start_paused = true)]`: there a wait that nothing
//! else can shorten takes no real time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tokio::sync::Notify;

/// How often [`settle`] lets the other tasks run.
const ROUNDS: usize = 64;

/// How many polls a [`sweep`] makes before it says that a future never completes.
const MAX_POLLS: usize = 10_000;

/// Paused time that a future is given to be woken in.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Lets spawned tasks run until they wait for something; time does not move.
pub async fn settle() {
    for _ in 0..ROUNDS {
        tokio::task::yield_now().await;
    }
}

/// Moves paused time by `duration` and lets spawned tasks react.
///
/// # Panics
/// When time is not paused.
pub async fn advance(duration: Duration) {
    // A task that was just spawned has not set its timers yet.
    settle().await;
    tokio::time::advance(duration).await;
    settle().await;
}

/// A future that is polled by hand, with a count of its wakes.
#[derive(Debug)]
pub struct Stepper<F> {
    future: Pin<Box<F>>,
    wakes: Arc<Wakes>,
}

#[derive(Debug, Default)]
struct Wakes {
    count: AtomicUsize,
    changed: Notify,
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.count.fetch_add(1, Ordering::SeqCst);
        self.changed.notify_one();
    }
}

impl<F: Future> Stepper<F> {
    /// A stepper that has not polled yet.
    pub fn new(future: F) -> Self {
        Self { future: Box::pin(future), wakes: Arc::default() }
    }

    /// Polls once.
    ///
    /// # Panics
    /// As the future does, which may be when it has completed before.
    pub fn poll(&mut self) -> Poll<F::Output> {
        let waker = Waker::from(Arc::clone(&self.wakes));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    /// How often the future was woken since it was made.
    #[must_use]
    pub fn wakes(&self) -> usize {
        self.wakes.count.load(Ordering::SeqCst)
    }

    /// Drives it to its end, as an `await` would.
    pub async fn finish(mut self) -> F::Output {
        self.future.as_mut().await
    }

    /// Waits until the future has been woken more than `wakes` times; `false` when an hour passes without it.
    pub fn woken_after(&self, wakes: usize) -> impl Future<Output = bool> + use<F> {
        // Without a borrow of the future, which need not be `Sync`.
        let woken = Arc::clone(&self.wakes).woken_after(wakes);
        async move { tokio::time::timeout(PATIENCE, woken).await.is_ok() }
    }
}

impl Wakes {
    async fn woken_after(self: Arc<Self>, wakes: usize) {
        while self.count.load(Ordering::SeqCst) <= wakes {
            self.changed.notified().await;
        }
    }
}

/// Polls `future` at most `polls` times, each after it was woken, then drops it: what it answered, if it got that far.
///
/// # Panics
/// When the future is pending and nothing wakes it within an hour.
pub async fn poll_n_then_drop<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut stepper = Stepper::new(future);
    let mut wakes = 0;
    for poll in 0..polls {
        // Not after the last poll: what was started there must not get time to end by itself.
        assert!(poll == 0 || stepper.woken_after(wakes).await, "a pending future was not woken within an hour");
        wakes = stepper.wakes();
        if let Poll::Ready(output) = stepper.poll() {
            return Some(output);
        }
    }
    None
}

/// Cancels a future at every point where it waits: for k = 0, 1, 2, ... makes it, polls it k times, drops it,
/// lets other tasks settle and calls `check(k)`. Ends with the first future that completes, whose polls it returns.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use std::sync::Arc;
/// use orch_testkit::time::sweep;
///
/// let permits = Arc::new(tokio::sync::Semaphore::new(1));
/// let work = || {
///     let permits = Arc::clone(&permits);
///     async move {
///         let _permit = permits.acquire().await;
///         tokio::task::yield_now().await;
///     }
/// };
/// let polls = sweep(work, |_| assert_eq!(permits.available_permits(), 1)).await;
/// assert_eq!(polls, 2);
/// # }
/// ```
///
/// # Panics
/// When `check` does, when a pending future is not woken within an hour, or when none completes within 10,000 polls.
pub async fn sweep<F: Future>(mut make: impl FnMut() -> F, mut check: impl FnMut(usize)) -> usize {
    for polls in 0..MAX_POLLS {
        let completed = poll_n_then_drop(make(), polls).await.is_some();
        settle().await;
        check(polls);
        if completed {
            return polls;
        }
    }
    panic!("the future did not complete within {MAX_POLLS} polls")
}

/// Polls `stepper` until it waits without being woken, and counts the polls that gave nothing; stops at `limit`.
///
/// Time does not move meanwhile. A future that waits honestly needs one or two; one that wakes itself reaches the limit.
///
/// # Panics
/// When the future completes: then it was not idle.
pub async fn wakes_while_idle<F: Future>(stepper: &mut Stepper<F>, limit: usize) -> usize {
    for wakes_seen in 0..limit {
        let before = stepper.wakes();
        assert!(stepper.poll().is_pending(), "the future completed while it was expected to wait");
        settle().await;
        if stepper.wakes() == before {
            return wakes_seen;
        }
    }
    limit
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn};

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn advance_fires_the_timers_of_spawned_tasks() {
        let task = tokio::spawn(tokio::time::sleep(Duration::from_secs(5)));
        advance(Duration::from_secs(4)).await;
        assert!(!task.is_finished());
        advance(Duration::from_secs(1)).await;
        assert!(task.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn settling_does_not_move_time() {
        let start = Instant::now();
        let _timer = tokio::spawn(tokio::time::sleep(Duration::from_millis(1)));
        settle().await;
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_sweep_drops_at_every_wait_and_ends_with_the_completed_future() {
        let work = || async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            tokio::task::yield_now().await;
        };
        let mut seen = Vec::new();
        assert_eq!(sweep(work, |k| seen.push(k)).await, 3);
        assert_eq!(seen, [0, 1, 2, 3]);
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "not woken within an hour")]
    async fn a_future_that_loses_its_waker_fails_a_sweep() {
        sweep(|| poll_fn(|_| Poll::<()>::Pending), |_| ()).await;
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_future_that_wakes_itself_wakes_while_idle() {
        assert_eq!(wakes_while_idle(&mut Stepper::new(pending::<()>()), 10).await, 0);
        let busy = poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        assert_eq!(wakes_while_idle(&mut Stepper::new(busy), 10).await, 10);
    }
}
