use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::Usage;

/// What one attempt has delivered so far, while it runs. Clones share it.
///
/// Written by whatever receives the answer (through
/// [`CallContext::deliver`](crate::CallContext::deliver)), read by the layers outside:
/// timeouts look at the last sign of life, retry and fallback at whether
/// anything was delivered, the meter at the usage of a call that was dropped.
#[derive(Clone, Debug)]
pub struct Progress(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    started: Instant,
    /// Whether anything below was ever written.
    touched: AtomicBool,
    /// Whether an attempt has made it its own.
    taken: AtomicBool,
    /// Nanoseconds since `started`, plus one; zero means never.
    first: AtomicU64,
    last: AtomicU64,
    committed: AtomicBool,
    streamed: AtomicBool,
    usage: Mutex<Known>,
}

/// What is known of the usage.
enum Known {
    Value(Usage),
    /// Who knows it, when it is asked for.
    Teller(Arc<dyn Fn() -> Usage + Send + Sync>),
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(usage) => usage.fmt(f),
            Self::Teller(tell) => tell().fmt(f),
        }
    }
}

impl Inner {
    fn starting(now: Instant) -> Self {
        Self {
            started: now,
            touched: AtomicBool::new(false),
            taken: AtomicBool::new(false),
            first: AtomicU64::new(0),
            last: AtomicU64::new(0),
            committed: AtomicBool::new(false),
            streamed: AtomicBool::new(false),
            usage: Mutex::new(Known::Value(Usage::new())),
        }
    }
}

impl Progress {
    /// Nothing has arrived yet.
    #[must_use]
    pub fn starting(now: Instant) -> Self {
        Self(Arc::new(Inner::starting(now)))
    }

    /// Nothing has arrived yet of what begins now; clones keep what they know.
    pub(crate) fn restart(&mut self, now: Instant) {
        let fresh = Inner::starting(now);
        match Arc::get_mut(&mut self.0) {
            Some(ours) => *ours = fresh,
            None => self.0 = Arc::new(fresh),
        }
    }

    /// Notes that the answer is expected in chunks, so that a first one which does not come is missed.
    pub fn expect_chunks(&self) {
        self.touch();
        self.0.streamed.store(true, Ordering::Release);
    }

    /// Notes a sign of life: any chunk, a ping included.
    pub fn heartbeat(&self, now: Instant) {
        let nanos = self.mark(now);
        self.0.last.fetch_max(nanos, Ordering::Relaxed);
    }

    /// Notes a chunk that belongs to the answer.
    pub fn chunk(&self, now: Instant) {
        let nanos = self.mark(now);
        self.0.last.fetch_max(nanos, Ordering::Relaxed);
        // Only the first one stays.
        let _ = self.0.first.compare_exchange(0, nanos, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Notes that text or a tool call was delivered: from here on a repeat would say it twice.
    pub fn commit(&self) {
        self.touch();
        self.0.committed.store(true, Ordering::Release);
    }

    /// Replaces what is known of the usage.
    pub fn set_usage(&self, usage: Usage) {
        self.know(Known::Value(usage));
    }

    /// Replaces what is known of the usage by what `tell` says whenever somebody asks: an answer that comes in many
    /// pieces need not count after each. It is kept for as long as the progress is.
    pub fn tell_usage(&self, tell: Arc<dyn Fn() -> Usage + Send + Sync>) {
        self.know(Known::Teller(tell));
    }

    fn know(&self, known: Known) {
        self.touch();
        *self.0.usage.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }

    /// Whether nothing was noted yet.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        !self.0.touched.load(Ordering::Acquire)
    }

    /// Makes it an attempt's own; `false` when something was noted already, or another attempt has taken it. Two calls
    /// with clones of one context would otherwise take each other's chunks for their own.
    #[must_use]
    pub fn take(&self) -> bool {
        self.is_untouched() && !self.0.taken.swap(true, Ordering::Relaxed)
    }

    /// Whether the answer is expected in chunks. One that comes in a single piece has no first chunk to wait for.
    #[must_use]
    pub fn expects_chunks(&self) -> bool {
        self.0.streamed.load(Ordering::Acquire)
    }

    /// When the attempt began.
    #[must_use]
    pub fn started(&self) -> Instant {
        self.0.started
    }

    /// When the first chunk of the answer arrived; pings do not count.
    #[must_use]
    pub fn first_at(&self) -> Option<Instant> {
        self.moment(self.0.first.load(Ordering::Relaxed))
    }

    /// The last sign of life, pings included.
    #[must_use]
    pub fn last_at(&self) -> Option<Instant> {
        self.moment(self.0.last.load(Ordering::Relaxed))
    }

    /// Whether text or a tool call was delivered.
    #[must_use]
    pub fn committed(&self) -> bool {
        self.0.committed.load(Ordering::Acquire)
    }

    /// What is known of the usage.
    #[must_use]
    pub fn usage(&self) -> Usage {
        if self.is_untouched() {
            return Usage::new();
        }
        let tell = match &*self.0.usage.lock().unwrap_or_else(PoisonError::into_inner) {
            Known::Value(usage) => return usage.clone(),
            Known::Teller(tell) => Arc::clone(tell),
        };
        tell()
    }

    fn touch(&self) {
        self.0.touched.store(true, Ordering::Release);
    }

    fn mark(&self, now: Instant) -> u64 {
        self.touch();
        let nanos = now.saturating_duration_since(self.0.started).as_nanos();
        u64::try_from(nanos).unwrap_or(u64::MAX - 1) + 1
    }

    fn moment(&self, mark: u64) -> Option<Instant> {
        (mark > 0).then(|| self.0.started + Duration::from_nanos(mark - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Counted;

    #[tokio::test(start_paused = true)]
    async fn a_ping_is_a_sign_of_life_but_not_the_first_chunk() {
        let start = Instant::now();
        let progress = Progress::starting(start);
        assert_eq!((progress.first_at(), progress.last_at()), (None, None));
        progress.heartbeat(start + Duration::from_secs(1));
        assert_eq!((progress.first_at(), progress.last_at()), (None, Some(start + Duration::from_secs(1))));
        progress.chunk(start + Duration::from_secs(2));
        progress.chunk(start + Duration::from_secs(3));
        assert_eq!(progress.first_at(), Some(start + Duration::from_secs(2)));
        assert_eq!(progress.last_at(), Some(start + Duration::from_secs(3)));
        assert!(!progress.committed());
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_is_noted_touches_it() {
        let now = Instant::now();
        let notes: [fn(&Progress, Instant); 6] = [
            |progress, _| progress.expect_chunks(),
            |progress, now| progress.heartbeat(now),
            |progress, now| progress.chunk(now),
            |progress, _| progress.commit(),
            |progress, _| progress.set_usage(Usage::new()),
            |progress, _| progress.tell_usage(Arc::new(Usage::new)),
        ];
        for note in notes {
            let progress = Progress::starting(now);
            assert!(progress.is_untouched());
            note(&progress, now);
            assert!(!progress.is_untouched());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_usage_is_that_of_the_last_who_set_it_and_may_be_counted_when_it_is_asked_for() {
        let progress = Progress::starting(Instant::now());
        let pieces = Arc::new(AtomicU64::new(1));
        let counted = Arc::clone(&pieces);
        let tell = move || Usage::new().output(Counted::reported(counted.load(Ordering::Relaxed)));
        progress.tell_usage(Arc::new(tell));
        assert_eq!(progress.usage().tokens(), 1);
        pieces.store(2, Ordering::Relaxed);
        assert_eq!(progress.usage().tokens(), 2);
        assert!(format!("{progress:?}").contains("value: 2"));
        progress.set_usage(Usage::new());
        assert!(progress.usage().is_unknown());
    }

    #[tokio::test(start_paused = true)]
    async fn one_attempt_takes_it_and_none_does_once_it_is_touched() {
        let progress = Progress::starting(Instant::now());
        assert!(progress.take());
        assert!(progress.is_untouched());
        assert!(!progress.clone().take());
        let touched = Progress::starting(Instant::now());
        touched.commit();
        assert!(!touched.take());
    }

    #[tokio::test(start_paused = true)]
    async fn chunks_are_expected_only_of_an_answer_that_was_announced_as_a_stream() {
        let progress = Progress::starting(Instant::now());
        assert!(!progress.expects_chunks());
        progress.clone().expect_chunks();
        assert!(progress.expects_chunks());
    }
}
