use std::time::Duration;

/// Exponential backoff with full jitter: before the n-th repeat, a uniform wait between zero and
/// `base * factor^n`, at most `cap`.
///
/// Full jitter spreads the callers that failed together over the whole interval.
/// Chance comes in as an argument, so that the same numbers give the same waits:
///
/// ```
/// use std::time::Duration;
/// use orch_reliability::Backoff;
///
/// let backoff = Backoff::default();
/// assert_eq!(backoff.ceiling(0), Duration::from_millis(500));
/// assert_eq!(backoff.ceiling(3), Duration::from_secs(4));
/// assert_eq!(backoff.ceiling(60), Duration::from_secs(30));
/// assert_eq!(backoff.wait(3, u64::MAX / 2), backoff.wait(3, u64::MAX / 2));
/// assert!(backoff.wait(3, u64::MAX / 2) <= Duration::from_secs(2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    base: Duration,
    factor: f64,
    cap: Duration,
}

/// From 500 ms, doubling, to 30 s.
impl Default for Backoff {
    fn default() -> Self {
        Self::new(Duration::from_millis(500), 2.0, Duration::from_secs(30))
    }
}

impl Backoff {
    /// A backoff that begins at `base`, grows by `factor` and never exceeds `cap`.
    #[must_use]
    pub const fn new(base: Duration, factor: f64, cap: Duration) -> Self {
        Self { base, factor, cap }
    }

    /// The longest wait before repeat `n`, counted from 0. Too large to compute is `cap`.
    #[must_use]
    pub fn ceiling(&self, n: u32) -> Duration {
        if self.base.is_zero() {
            return Duration::ZERO;
        }
        if n == 0 {
            return self.base.min(self.cap);
        }
        let grown = self.base.as_secs_f64() * self.factor.powf(f64::from(n));
        Duration::try_from_secs_f64(grown).map_or(self.cap, |grown| grown.min(self.cap))
    }

    /// The wait before repeat `n`, counted from 0, for a uniformly random `random`.
    #[must_use]
    pub fn wait(&self, n: u32, random: u64) -> Duration {
        fraction(self.ceiling(n), random)
    }
}

/// `whole * random / 2^64`: uniform below `whole` for a uniform `random`. Wholes above 584 years count as that.
pub(crate) fn fraction(whole: Duration, random: u64) -> Duration {
    let nanos = u64::try_from(whole.as_nanos()).unwrap_or(u64::MAX);
    let part = (u128::from(nanos) * u128::from(random)) >> 64;
    Duration::from_nanos(u64::try_from(part).expect("less than a u64 times a fraction below one"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_wait_is_below_its_ceiling_and_a_ceiling_below_the_cap(
            base in 0u64..100_000, factor in 1.0f64..10.0, cap in 0u64..1_000_000, n in 0u32..2_000, random: u64,
        ) {
            let backoff = Backoff::new(Duration::from_millis(base), factor, Duration::from_millis(cap));
            prop_assert!(backoff.wait(n, random) <= backoff.ceiling(n));
            prop_assert!(backoff.ceiling(n) <= Duration::from_millis(cap));
            prop_assert!(backoff.ceiling(n) <= backoff.ceiling(n + 1));
        }
    }

    #[test]
    fn jitter_is_full_and_uniform() {
        let backoff = Backoff::default();
        let mut chance = fastrand::Rng::with_seed(7);
        let waits: Vec<f64> = (0..4_000).map(|_| backoff.wait(2, chance.u64(..)).as_secs_f64()).collect();
        for quarter in 0..4 {
            let (low, high) = (f64::from(quarter) * 0.5, f64::from(quarter + 1) * 0.5);
            let share = waits.iter().filter(|wait| (low..high).contains(*wait)).count();
            assert!((900..1_100).contains(&share), "{share} of 4000 waits in {low}..{high}");
        }
    }

    #[test]
    fn growth_saturates_at_the_cap() {
        assert_eq!(Backoff::default().ceiling(u32::MAX), Duration::from_secs(30));
        let endless = Backoff::new(Duration::from_secs(1), f64::MAX, Duration::MAX);
        assert_eq!(endless.ceiling(9), Duration::MAX);
        assert_eq!(Backoff::new(Duration::ZERO, 2.0, Duration::MAX).ceiling(u32::MAX), Duration::ZERO);
        assert!(fraction(Duration::MAX, u64::MAX) > Duration::from_secs(500 * 365 * 24 * 3600));
    }
}
