use std::fmt;
use std::ops::{Add, AddAssign};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Estimate, Usage, Usd};

/// Which limit of a [`Budget`] is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BudgetKind {
    /// Input and output tokens.
    Tokens,
    /// Money.
    Cost,
    /// Time since the run began.
    Time,
}

impl fmt::Display for BudgetKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tokens => "tokens",
            Self::Cost => "cost",
            Self::Time => "time",
        })
    }
}

/// An amount of whatever a [`BudgetKind`] limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Amount {
    /// Tokens.
    Tokens(u64),
    /// Money.
    #[serde(rename = "cost_usd")]
    Cost(Usd),
    /// Time.
    #[serde(rename = "time_ms", with = "crate::serde_ms")]
    Time(Duration),
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tokens(n) => write!(f, "{n} tokens"),
            Self::Cost(usd) => write!(f, "{usd}"),
            Self::Time(time) => write!(f, "{time:?}"),
        }
    }
}

/// Tokens and money that were spent or set aside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spend {
    /// Input and output tokens.
    pub tokens: u64,
    /// Money.
    pub cost: Usd,
}

impl Spend {
    /// Nothing.
    pub const ZERO: Self = Self { tokens: 0, cost: Usd::ZERO };

    /// The difference, field by field; never below nothing.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self { tokens: self.tokens.saturating_sub(other.tokens), cost: self.cost.saturating_sub(other.cost) }
    }

    pub(crate) fn max(self, other: Self) -> Self {
        Self { tokens: self.tokens.max(other.tokens), cost: self.cost.max(other.cost) }
    }
}

impl Add for Spend {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { tokens: self.tokens.saturating_add(other.tokens), cost: self.cost + other.cost }
    }
}

impl AddAssign for Spend {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl From<&Usage> for Spend {
    fn from(usage: &Usage) -> Self {
        Self { tokens: usage.tokens(), cost: usage.cost.map(|cost| cost.value).unwrap_or_default() }
    }
}

impl From<&Estimate> for Spend {
    fn from(estimate: &Estimate) -> Self {
        Self { tokens: estimate.tokens().unwrap_or(0), cost: estimate.cost.unwrap_or_default() }
    }
}

/// Limits on tokens and money, each only if given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Limits {
    /// At most so many tokens.
    pub tokens: Option<u64>,
    /// At most so much money.
    pub cost: Option<Usd>,
}

impl Limits {
    /// No limit at all.
    pub const NONE: Self = Self { tokens: None, cost: None };

    /// The first limit that `spend` exceeds, with the limit and the amount.
    #[must_use]
    pub fn exceeded_by(&self, spend: Spend) -> Option<(BudgetKind, Amount, Amount)> {
        if let Some(limit) = self.tokens.filter(|limit| spend.tokens > *limit) {
            return Some((BudgetKind::Tokens, Amount::Tokens(limit), Amount::Tokens(spend.tokens)));
        }
        let limit = self.cost.filter(|limit| spend.cost > *limit)?;
        Some((BudgetKind::Cost, Amount::Cost(limit), Amount::Cost(spend.cost)))
    }

    pub(crate) fn smaller(a: Self, b: Self) -> Self {
        Self { tokens: smaller(a.tokens, b.tokens), cost: smaller(a.cost, b.cost) }
    }
}

fn smaller<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// The limits of one run: tokens, money and time. An absent limit does not limit.
///
/// ```
/// use orch_core::Budget;
/// use std::time::Duration;
///
/// let budget = Budget::new().tokens(2_000).cost_usd(0.10).time(Duration::from_secs(30));
/// assert!(budget.check().is_ok());
/// assert!(Budget::new().cost_usd(-1.0).check().is_err());
/// ```
///
/// In JSON: `{"tokens": 2000, "cost_usd": 0.1, "time_ms": 30000}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(into = "RawBudget", try_from = "RawBudget")]
#[must_use]
pub struct Budget {
    tokens: Option<u64>,
    cost_usd: Option<f64>,
    time: Option<Duration>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
struct RawBudget {
    /// At most so many input and output tokens, above 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tokens: Option<u64>,
    /// At most so many dollars, above 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cost_usd: Option<f64>,
    /// At most so many milliseconds, above 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time_ms: Option<u64>,
}

impl Budget {
    /// No limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// At most so many input and output tokens; 0 is refused by [`check`](Self::check).
    pub fn tokens(mut self, tokens: u64) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// At most so many dollars; zero, negative and non-finite amounts are refused by [`check`](Self::check).
    pub fn cost_usd(mut self, dollars: f64) -> Self {
        self.cost_usd = Some(dollars);
        self
    }

    /// At most so long; 0 is refused by [`check`](Self::check). The run's deadline becomes the nearer of the two.
    pub fn time(mut self, time: Duration) -> Self {
        self.time = Some(time);
        self
    }

    /// The time limit.
    #[must_use]
    pub fn time_limit(&self) -> Option<Duration> {
        self.time
    }

    /// The limits on tokens and money.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits { tokens: self.tokens, cost: self.cost_usd.and_then(Usd::from_dollars) }
    }

    /// Whether nothing is limited.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        *self == Self::default()
    }

    /// This budget and `default`, field by field: the smaller wins.
    pub fn combine(self, default: &Self) -> Self {
        let cost_usd = match (self.cost_usd, default.cost_usd) {
            (Some(a), Some(b)) => Some(if b < a { b } else { a }),
            (a, b) => a.or(b),
        };
        Self { tokens: smaller(self.tokens, default.tokens), cost_usd, time: smaller(self.time, default.time) }
    }

    /// Whether every limit can be kept.
    ///
    /// # Errors
    /// `InvalidRequest` that points at the field which is zero, negative, not finite or too large.
    pub fn check(&self) -> Result<(), Error> {
        if self.tokens == Some(0) {
            return Err(Error::invalid("/budget/tokens", "0 tokens: a budget must be above zero"));
        }
        if let Some(dollars) = self.cost_usd
            && Usd::from_dollars(dollars).is_none_or(|usd| usd == Usd::ZERO)
        {
            let reason = format!("{dollars} dollars: a budget must be a finite amount above zero");
            return Err(Error::invalid("/budget/cost_usd", reason));
        }
        if self.time == Some(Duration::ZERO) {
            return Err(Error::invalid("/budget/time_ms", "0 ms: a budget must be above zero"));
        }
        Ok(())
    }
}

impl From<Budget> for RawBudget {
    fn from(budget: Budget) -> Self {
        let time_ms = budget.time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        Self { tokens: budget.tokens, cost_usd: budget.cost_usd, time_ms }
    }
}

impl TryFrom<RawBudget> for Budget {
    type Error = Error;
    fn try_from(raw: RawBudget) -> Result<Self, Error> {
        let time = raw.time_ms.map(Duration::from_millis);
        let budget = Self { tokens: raw.tokens, cost_usd: raw.cost_usd, time };
        budget.check().map(|()| budget)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_negative_and_non_finite_limits_are_refused_by_name() {
        let bad = [
            (Budget::new().tokens(0), "/budget/tokens"),
            (Budget::new().cost_usd(0.0), "/budget/cost_usd"),
            (Budget::new().cost_usd(-0.5), "/budget/cost_usd"),
            (Budget::new().cost_usd(f64::NAN), "/budget/cost_usd"),
            (Budget::new().time(Duration::ZERO), "/budget/time_ms"),
        ];
        for (budget, pointer) in bad {
            let error = budget.check().unwrap_err().to_string();
            assert!(error.contains(pointer), "{error}");
        }
    }

    #[test]
    fn the_smaller_limit_wins_field_by_field() {
        let run = Budget::new().tokens(100).cost_usd(2.0);
        let combined = run.combine(&Budget::new().tokens(500).cost_usd(1.0).time(Duration::from_secs(1)));
        assert_eq!(combined, Budget::new().tokens(100).cost_usd(1.0).time(Duration::from_secs(1)));
    }

    #[test]
    fn json_uses_the_documented_names_and_refuses_others() {
        let budget: Budget = serde_json::from_str(r#"{"tokens": 1000, "cost_usd": 0.1, "time_ms": 30000}"#).unwrap();
        assert_eq!(budget, Budget::new().tokens(1000).cost_usd(0.1).time(Duration::from_secs(30)));
        assert!(serde_json::from_str::<Budget>(r#"{"token": 1}"#).is_err());
        assert!(serde_json::from_str::<Budget>(r#"{"tokens": 0}"#).is_err());
    }
}
