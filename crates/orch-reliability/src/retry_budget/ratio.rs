use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::window::{STEPS, Window};
use super::{RetryBudget, Withdrawal};
use crate::ConfigError;
use crate::sync::{Mutex, MutexGuard, lock};

/// One repeat, in millionths.
const WHOLE: i64 = 1_000_000;

/// Repeats up to a share of the recent calls, and a few more so that quiet services may repeat too.
///
/// Counts in fixed point over a sliding window of `ttl`, in ten steps. Clones share the account.
///
/// ```
/// use orch_reliability::{RatioBudget, RetryBudget};
///
/// let budget = RatioBudget::builder().ratio(0.2).min_per_sec(0).build()?;
/// for _ in 0..5 {
///     budget.deposit();
/// }
/// let repeat = budget.withdraw(10).expect("a fifth of five calls is one repeat");
/// assert!(budget.withdraw(10).is_none());
/// drop(repeat); // it never started
/// assert!(budget.withdraw(10).is_some());
/// # Ok::<(), orch_reliability::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RatioBudget {
    account: Arc<Account>,
}

#[derive(Debug)]
struct Account {
    /// One call pays this much, in millionths of a repeat.
    deposit: i64,
    /// What the window holds before anything was paid in.
    reserve: i64,
    step: Duration,
    start: Instant,
    window: Mutex<Window>,
}

/// 0.2 repeats per call and 1 per second, over 10 s.
impl Default for RatioBudget {
    fn default() -> Self {
        Self::builder().build().expect("the defaults are valid")
    }
}

impl RatioBudget {
    /// Starts from the defaults.
    pub fn builder() -> RatioBudgetBuilder {
        RatioBudgetBuilder { ratio: 0.2, min_per_sec: 1, ttl: Duration::from_secs(10) }
    }

    /// Whole repeats that could be withdrawn now.
    #[must_use]
    pub fn available(&self) -> u64 {
        let step = self.account.step_at(Instant::now());
        let balance = self.account.reserve.saturating_add(self.account.window().balance(step));
        u64::try_from(balance / WHOLE).unwrap_or(0)
    }
}

impl RetryBudget for RatioBudget {
    fn deposit(&self) {
        let step = self.account.step_at(Instant::now());
        self.account.window().add(step, self.account.deposit);
    }

    fn withdraw(&self, cost: u32) -> Option<Withdrawal> {
        if cost == 0 {
            return Some(Withdrawal::free());
        }
        let step = self.account.step_at(Instant::now());
        let amount = i64::from(cost) * (WHOLE / 10);
        {
            let mut window = self.account.window();
            if self.account.reserve.saturating_add(window.balance(step)) < amount {
                return None;
            }
            window.add(step, -amount);
        }
        let account = Arc::clone(&self.account);
        Some(Withdrawal::new(move || account.window().add(step, amount)))
    }
}

impl Account {
    fn step_at(&self, now: Instant) -> u64 {
        let steps = now.saturating_duration_since(self.start).as_nanos() / self.step.as_nanos();
        u64::try_from(steps).unwrap_or(u64::MAX)
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        lock(&self.window)
    }
}

/// Settings of a [`RatioBudget`].
#[derive(Clone, Debug)]
#[must_use]
pub struct RatioBudgetBuilder {
    ratio: f64,
    min_per_sec: u32,
    ttl: Duration,
}

impl RatioBudgetBuilder {
    /// Repeats per call, 0 to 1000; default 0.2. Kept to six decimals. 0 leaves only the minimum.
    pub fn ratio(mut self, ratio: f64) -> Self {
        self.ratio = ratio;
        self
    }

    /// Repeats per second that are allowed whatever the number of calls; default 1. 0 leaves only the ratio.
    pub fn min_per_sec(mut self, repeats: u32) -> Self {
        self.min_per_sec = repeats;
        self
    }

    /// For how long a call counts, 1 s to 1 hour; default 10 s.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// The budget.
    ///
    /// # Errors
    /// When the ratio or the time is out of range.
    pub fn build(self) -> Result<RatioBudget, ConfigError> {
        if !(0.0..=1_000.0).contains(&self.ratio) {
            return Err(ConfigError::new("ratio", self.ratio, "it must lie in 0..=1000"));
        }
        if !(Duration::from_secs(1)..=Duration::from_secs(3600)).contains(&self.ttl) {
            return Err(ConfigError::new("ttl", format_args!("{:?}", self.ttl), "it must lie in 1s..=1h"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most 10^9")]
        let deposit = (self.ratio * 1e6).round() as i64;
        let millis = i64::try_from(self.ttl.as_millis()).unwrap_or(i64::MAX);
        let account = Account {
            deposit,
            reserve: i64::from(self.min_per_sec).saturating_mul(WHOLE / 1_000).saturating_mul(millis),
            step: self.ttl / STEPS,
            start: Instant::now(),
            window: Mutex::default(),
        };
        Ok(RatioBudget { account: Arc::new(account) })
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn without_reserve(ratio: f64) -> RatioBudget {
        RatioBudget::builder().ratio(ratio).min_per_sec(0).build().unwrap()
    }

    /// Withdraws until refused.
    fn drain(budget: &RatioBudget) -> u32 {
        let mut taken = 0;
        while let Some(repeat) = budget.withdraw(10) {
            repeat.commit();
            taken += 1;
        }
        taken
    }

    #[tokio::test(start_paused = true)]
    async fn the_ratio_is_exact() {
        for (ratio, expected) in (1..=9).map(|tenth| (f64::from(tenth) / 10.0, tenth * 100)) {
            let budget = without_reserve(ratio);
            (0..1_000).for_each(|_| budget.deposit());
            assert_eq!(drain(&budget), expected, "ratio {ratio}");
        }
        let budget = without_reserve(3.0);
        (0..1_000).for_each(|_| budget.deposit());
        assert_eq!(drain(&budget), 3_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_total_outage_costs_one_plus_ratio_plus_reserve() {
        let budget = RatioBudget::default();
        let mut load = 0;
        for call in 0..10_000 {
            budget.deposit();
            load += 1;
            for _ in 0..3 {
                let Some(repeat) = budget.withdraw(10) else { break };
                repeat.commit();
                load += 1;
            }
            if call % 100 == 0 {
                advance(Duration::from_millis(1)).await;
            }
        }
        assert!((12_000..=12_010).contains(&load), "{load}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_withdrawal_that_is_dropped_is_given_back() {
        let budget = without_reserve(1.0);
        budget.deposit();
        let repeat = budget.withdraw(10).unwrap();
        assert_eq!(budget.available(), 0);
        drop(repeat);
        assert_eq!(budget.available(), 1);
        budget.withdraw(10).unwrap().commit();
        assert_eq!(budget.available(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_repeat_costs_half_and_a_free_one_is_never_refused() {
        let budget = without_reserve(1.0);
        assert!(budget.withdraw(0).is_some());
        budget.deposit();
        budget.withdraw(5).unwrap().commit();
        budget.withdraw(5).unwrap().commit();
        assert!(budget.withdraw(5).is_none());
        assert!(budget.withdraw(0).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn calls_count_for_their_ttl_and_the_reserve_comes_back() {
        let budget = RatioBudget::builder().ratio(1.0).min_per_sec(1).ttl(Duration::from_secs(10)).build().unwrap();
        budget.deposit();
        assert_eq!(drain(&budget), 11);
        advance(Duration::from_secs(9)).await;
        assert_eq!(budget.available(), 0);
        advance(Duration::from_secs(1)).await;
        assert_eq!(budget.available(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refund_after_the_window_has_passed_creates_nothing() {
        let budget = without_reserve(1.0);
        budget.deposit();
        let repeat = budget.withdraw(10).unwrap();
        advance(Duration::from_secs(20)).await;
        drop(repeat);
        assert_eq!(budget.available(), 0);
    }

    #[test]
    fn settings_out_of_range_are_refused_by_name() {
        for (builder, field) in [
            (RatioBudget::builder().ratio(-0.1), "ratio"),
            (RatioBudget::builder().ratio(f64::NAN), "ratio"),
            (RatioBudget::builder().ratio(f64::INFINITY), "ratio"),
            (RatioBudget::builder().ttl(Duration::ZERO), "ttl"),
        ] {
            assert_eq!(builder.build().unwrap_err().field(), field);
        }
    }
}
