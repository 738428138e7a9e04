use std::time::Duration;

use tokio::time::Instant;

/// Into how many buckets a window is cut.
const BUCKETS: usize = 10;

/// What calls came to during the last while: ten time buckets, so that memory and cost are constant.
///
/// A bucket leaves as a whole, so what is counted is at most one window old and at least nine tenths of one.
#[derive(Clone, Debug)]
pub(super) struct Window {
    scale: Scale,
    buckets: [Bucket; BUCKETS],
    /// The newest bucket with anything but prompt successes; 0 is none.
    troubled: u64,
}

/// How time is cut into buckets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    began: Instant,
    /// The length of a bucket in nanoseconds.
    bucket: u64,
}

/// The counters of one bucket.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    number: u64,
    counts: Counts,
}

/// Counters of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Calls whose outcome says something about the target.
    pub(super) calls: u32,
    /// Those that failed.
    pub(super) failures: u32,
    /// Those that were slow.
    pub(super) slow: u32,
    /// Failures since the last success.
    pub(super) consecutive: u32,
}

/// What one call adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sample {
    /// It succeeded: a run of failures has ended.
    Success,
    /// It failed.
    Failure,
    /// It failed because the target asked to slow down: the run of failures neither grows nor ends.
    Throttled,
    /// It was given up: nobody knows how it would have ended.
    GivenUp,
}

impl Scale {
    /// The scale of windows of this length.
    pub(super) fn new(began: Instant, length: Duration) -> Self {
        // A bucket of no length would make every moment a bucket of its own.
        let bucket = u64::try_from(length.as_nanos() / BUCKETS as u128).unwrap_or(u64::MAX).max(1);
        Self { began, bucket }
    }

    /// Buckets are numbered from 1; 0 marks one that was never used.
    pub(super) fn number(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.began).as_nanos();
        let elapsed = u64::try_from(elapsed).unwrap_or(u64::MAX) / self.bucket;
        elapsed.saturating_add(1)
    }
}

impl Window {
    pub(super) fn new(scale: Scale) -> Self {
        Self { scale, buckets: Default::default(), troubled: 0 }
    }

    pub(super) fn scale(&self) -> Scale {
        self.scale
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.scale);
    }

    /// Counts a call, unless it is reported so late that its bucket has made room for a newer one. Says whether the window
    /// holds anything but prompt successes: if not, no rule can be broken, and nothing has to be summed up.
    pub(super) fn record(&mut self, sample: Sample, slow: bool, now: Instant) -> bool {
        let number = self.scale.number(now);
        if slow || sample != Sample::Success {
            self.troubled = self.troubled.max(number);
        }
        let calm = self.is_calm(number);
        if !calm && sample == Sample::Success {
            self.end_run();
        }
        if let Some(counts) = self.bucket(number) {
            let failed = matches!(sample, Sample::Failure | Sample::Throttled);
            counts.calls = counts.calls.saturating_add(1);
            counts.failures = counts.failures.saturating_add(u32::from(failed));
            counts.consecutive = counts.consecutive.saturating_add(u32::from(sample == Sample::Failure));
            counts.slow = counts.slow.saturating_add(u32::from(slow));
        }
        !calm
    }

    /// Counts prompt successes of a bucket after the fact.
    pub(super) fn add_successes(&mut self, successes: u32, number: u64) {
        if successes > 0 {
            self.end_run();
            if let Some(counts) = self.bucket(number) {
                counts.calls = counts.calls.saturating_add(successes);
            }
        }
    }

    /// Whether there is nothing but prompt successes in the window that ends with this bucket.
    pub(super) fn is_calm(&self, number: u64) -> bool {
        self.troubled == 0 || has_left(self.troubled, number)
    }

    pub(super) fn counts(&self, now: Instant) -> Counts {
        let newest = self.scale.number(now);
        let live = self.buckets.iter().filter(|bucket| !has_left(bucket.number, newest));
        live.fold(Counts::default(), |sum, Bucket { counts, .. }| Counts {
            calls: sum.calls.saturating_add(counts.calls),
            failures: sum.failures.saturating_add(counts.failures),
            slow: sum.slow.saturating_add(counts.slow),
            consecutive: sum.consecutive.saturating_add(counts.consecutive),
        })
    }

    fn end_run(&mut self) {
        for bucket in &mut self.buckets {
            bucket.counts.consecutive = 0;
        }
    }

    /// The counters of a bucket; `None` when a newer one has taken its place.
    fn bucket(&mut self, number: u64) -> Option<&mut Counts> {
        let slot = usize::try_from(number % BUCKETS as u64).expect("below ten");
        let bucket = &mut self.buckets[slot];
        if bucket.number < number {
            *bucket = Bucket { number, counts: Counts::default() };
        }
        (bucket.number == number).then_some(&mut bucket.counts)
    }
}

/// Whether a bucket is too old for the window that ends with `newest`.
fn has_left(number: u64, newest: u64) -> bool {
    newest.saturating_sub(number) >= BUCKETS as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Keeps every sample and counts them anew each time.
    struct Naive {
        began: Instant,
        length: Duration,
        samples: Vec<(Instant, Sample, bool)>,
    }

    impl Naive {
        fn counts(&self, now: Instant) -> Counts {
            let bucket = |at: Instant| (at - self.began).as_nanos() / (self.length / 10).as_nanos();
            let live = |at: Instant| bucket(at) + 10 > bucket(now);
            let window: Vec<_> = self.samples.iter().filter(|(at, ..)| live(*at)).collect();
            let since_success = self.samples.iter().rev().take_while(|(_, sample, _)| *sample != Sample::Success);
            let count = |test: &dyn Fn(&Sample, bool) -> bool| {
                u32::try_from(window.iter().filter(|(_, sample, slow)| test(sample, *slow)).count()).unwrap()
            };
            let run = since_success.filter(|(at, sample, _)| live(*at) && *sample == Sample::Failure).count();
            Counts {
                calls: count(&|_, _| true),
                failures: count(&|sample, _| matches!(sample, Sample::Failure | Sample::Throttled)),
                slow: count(&|_, slow| slow),
                consecutive: u32::try_from(run).unwrap(),
            }
        }
    }

    fn sample() -> impl Strategy<Value = Sample> {
        prop_oneof![Just(Sample::Success), Just(Sample::Failure), Just(Sample::Throttled), Just(Sample::GivenUp)]
    }

    proptest! {
        #[test]
        fn counts_what_a_list_of_all_samples_counts(trace in prop::collection::vec((0_u64..9_000, sample(), any::<bool>()), 0..80)) {
            let length = Duration::from_secs(60);
            let mut now = Instant::now();
            let mut window = Window::new(Scale::new(now, length));
            let mut naive = Naive { began: now, length, samples: Vec::new() };
            for (pause, sample, slow) in trace {
                now += Duration::from_millis(pause);
                let troubled = window.record(sample, slow, now);
                naive.samples.push((now, sample, slow));
                let counts = naive.counts(now);
                prop_assert_eq!(window.counts(now), counts);
                prop_assert!(troubled || (counts.failures, counts.slow, counts.consecutive) == (0, 0, 0));
                let later = now + Duration::from_secs(20);
                prop_assert_eq!(window.counts(later), naive.counts(later));
            }
        }
    }

    #[test]
    fn a_window_of_prompt_successes_is_calm_and_is_so_again_when_trouble_has_left_it() {
        let start = Instant::now();
        let mut window = Window::new(Scale::new(start, Duration::from_secs(60)));
        assert!(!window.record(Sample::Success, false, start));
        assert!(window.record(Sample::Success, true, start + Duration::from_secs(1)));
        assert!(window.record(Sample::Success, false, start + Duration::from_secs(59)));
        assert!(!window.record(Sample::Success, false, start + Duration::from_secs(60)));
    }

    #[test]
    fn a_report_that_comes_a_window_late_takes_nothing_from_the_newer_ones() {
        let start = Instant::now();
        let mut window = Window::new(Scale::new(start, Duration::from_secs(60)));
        let late = start + Duration::from_secs(1);
        let now = late + Duration::from_secs(60);
        for _ in 0..3 {
            window.record(Sample::Failure, false, now);
        }
        let before = window.counts(now);
        assert_eq!((before.calls, before.failures, before.consecutive), (3, 3, 3));
        window.record(Sample::Failure, true, late);
        assert_eq!(window.counts(now), before);
        window.add_successes(5, window.scale().number(late));
        assert_eq!(window.counts(now), Counts { consecutive: 0, ..before }, "a success ends the run all the same");
    }

    #[test]
    fn no_successes_end_no_run_of_failures() {
        let start = Instant::now();
        let mut window = Window::new(Scale::new(start, Duration::from_secs(60)));
        window.record(Sample::Failure, false, start);
        window.add_successes(0, window.scale().number(start));
        assert_eq!(window.counts(start).consecutive, 1);
    }

    #[test]
    fn at_the_end_of_time_buckets_are_still_counted() {
        let start = Instant::now();
        let mut window = Window::new(Scale::new(start, Duration::from_nanos(1)));
        let late = start + Duration::from_secs(700 * 366 * 24 * 3600);
        assert_eq!(window.scale().number(late), u64::MAX);
        window.record(Sample::Failure, false, late);
        assert_eq!(window.counts(late).failures, 1);
    }

    #[test]
    fn nothing_older_than_the_window_is_counted() {
        let start = Instant::now();
        let mut window = Window::new(Scale::new(start, Duration::from_secs(60)));
        window.record(Sample::Failure, false, start);
        assert_eq!(window.counts(start + Duration::from_secs(53)).failures, 1);
        assert_eq!(window.counts(start + Duration::from_secs(60)), Counts::default());
    }
}
