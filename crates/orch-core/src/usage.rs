use std::ops::{Add, AddAssign};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Usd;

/// Where a counter's value comes from, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The provider said so.
    Reported,
    /// Computed here: counted words, a price book.
    Estimated,
    /// At least this much: the call ended before its usage was known.
    LowerBound,
}

/// A value and where it comes from. Absent counters are `None`, which is not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Counted<T> {
    /// The value.
    pub value: T,
    /// Where it comes from; a sum is only as good as its weakest part.
    pub source: Source,
}

impl<T> Counted<T> {
    /// The provider's own figure.
    pub const fn reported(value: T) -> Self {
        Self { value, source: Source::Reported }
    }

    /// A figure computed here.
    pub const fn estimated(value: T) -> Self {
        Self { value, source: Source::Estimated }
    }

    /// What was seen before the call ended early.
    pub const fn lower_bound(value: T) -> Self {
        Self { value, source: Source::LowerBound }
    }
}

/// What a call used. Every counter may be absent; absent is not zero.
///
/// ```
/// use orch_core::{Counted, Usage};
///
/// let usage = Usage::new().input(Counted::reported(12)).output(Counted::estimated(5));
/// assert_eq!((usage.tokens(), usage.cost), (17, None));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct Usage {
    /// All input tokens, those read from and written to a cache included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<Counted<u64>>,
    /// The part of `input_tokens` that came from the provider's cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_input_tokens: Option<Counted<u64>>,
    /// The part of `input_tokens` that was written to the provider's cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_tokens: Option<Counted<u64>>,
    /// All output tokens, reasoning included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<Counted<u64>>,
    /// The part of `output_tokens` spent on reasoning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_tokens: Option<Counted<u64>>,
    /// Money.
    #[serde(rename = "cost_usd", skip_serializing_if = "Option::is_none")]
    pub cost: Option<Counted<Usd>>,
}

impl Usage {
    /// Nothing known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the input tokens, those read from and written to a cache included; `None` is unknown.
    #[must_use]
    pub fn input(mut self, tokens: impl Into<Option<Counted<u64>>>) -> Self {
        self.input_tokens = tokens.into();
        self
    }

    /// Sets the part of the input that came from the provider's cache; `None` is unknown.
    #[must_use]
    pub fn cached_input(mut self, tokens: impl Into<Option<Counted<u64>>>) -> Self {
        self.cached_input_tokens = tokens.into();
        self
    }

    /// Sets the part of the input that was written to the provider's cache; `None` is unknown.
    #[must_use]
    pub fn cache_write(mut self, tokens: impl Into<Option<Counted<u64>>>) -> Self {
        self.cache_write_tokens = tokens.into();
        self
    }

    /// Sets the output tokens, reasoning included; `None` is unknown.
    #[must_use]
    pub fn output(mut self, tokens: impl Into<Option<Counted<u64>>>) -> Self {
        self.output_tokens = tokens.into();
        self
    }

    /// Sets the part of the output spent on reasoning; `None` is unknown.
    #[must_use]
    pub fn reasoning(mut self, tokens: impl Into<Option<Counted<u64>>>) -> Self {
        self.reasoning_tokens = tokens.into();
        self
    }

    /// Sets the cost; `None` is unknown.
    #[must_use]
    pub fn cost(mut self, cost: impl Into<Option<Counted<Usd>>>) -> Self {
        self.cost = cost.into();
        self
    }

    /// Input and output tokens, as far as known.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        value(self.input_tokens).saturating_add(value(self.output_tokens))
    }

    /// The cost as far as known, as dollars for people.
    #[must_use]
    pub fn cost_usd(&self) -> f64 {
        value(self.cost).as_dollars()
    }

    /// Whether no counter is known.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

fn value<T: Default>(counter: Option<Counted<T>>) -> T {
    counter.map(|counted| counted.value).unwrap_or_default()
}

fn sum<T: Add<Output = T>>(
    a: Option<Counted<T>>,
    b: Option<Counted<T>>,
    add: impl Fn(T, T) -> T,
) -> Option<Counted<T>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(Counted { value: add(a.value, b.value), source: a.source.max(b.source) }),
        (a, None) => a,
        (None, b) => b,
    }
}

impl AddAssign<&Usage> for Usage {
    fn add_assign(&mut self, other: &Usage) {
        self.input_tokens = sum(self.input_tokens, other.input_tokens, u64::saturating_add);
        self.cached_input_tokens = sum(self.cached_input_tokens, other.cached_input_tokens, u64::saturating_add);
        self.cache_write_tokens = sum(self.cache_write_tokens, other.cache_write_tokens, u64::saturating_add);
        self.output_tokens = sum(self.output_tokens, other.output_tokens, u64::saturating_add);
        self.reasoning_tokens = sum(self.reasoning_tokens, other.reasoning_tokens, u64::saturating_add);
        self.cost = sum(self.cost, other.cost, Usd::add);
    }
}

/// What a call is expected to use, each part only as far as the tool can tell.
///
/// An absent part is unknown, not zero: nothing is reserved for it, and a
/// planner does not skip a tool because of it.
///
/// ```
/// use orch_core::Estimate;
///
/// let estimate = Estimate::unknown().input(100).output(20);
/// assert_eq!((estimate.tokens(), estimate.cost), (Some(120), None));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Estimate {
    /// Input tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Output tokens, at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Money, at most.
    #[serde(rename = "cost_usd", skip_serializing_if = "Option::is_none")]
    pub cost: Option<Usd>,
    /// How long it takes.
    #[serde(rename = "duration_ms", with = "crate::serde_ms::option", skip_serializing_if = "Option::is_none")]
    pub duration: Option<Duration>,
}

impl Estimate {
    /// Nothing is known in advance.
    #[must_use]
    pub const fn unknown() -> Self {
        Self { input_tokens: None, output_tokens: None, cost: None, duration: None }
    }

    /// Sets the input tokens; `None` is unknown.
    #[must_use]
    pub fn input(mut self, tokens: impl Into<Option<u64>>) -> Self {
        self.input_tokens = tokens.into();
        self
    }

    /// Sets the most output tokens; `None` is unknown.
    #[must_use]
    pub fn output(mut self, tokens: impl Into<Option<u64>>) -> Self {
        self.output_tokens = tokens.into();
        self
    }

    /// Sets the most that it costs; `None` is unknown.
    #[must_use]
    pub fn cost(mut self, cost: impl Into<Option<Usd>>) -> Self {
        self.cost = cost.into();
        self
    }

    /// Sets how long it takes; `None` is unknown.
    #[must_use]
    pub fn duration(mut self, duration: impl Into<Option<Duration>>) -> Self {
        self.duration = duration.into();
        self
    }

    /// Input and output tokens; `None` when neither is known.
    #[must_use]
    pub fn tokens(&self) -> Option<u64> {
        match (self.input_tokens, self.output_tokens) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
        }
    }

    /// The estimate for `k` calls like this one at the same time: tokens and cost times `k`, the same duration.
    #[must_use]
    pub fn times(&self, k: u32) -> Self {
        let k = u64::from(k);
        Self {
            input_tokens: self.input_tokens.map(|n| n.saturating_mul(k)),
            output_tokens: self.output_tokens.map(|n| n.saturating_mul(k)),
            cost: self.cost.map(|c| Usd::from_nanos(c.nanos().saturating_mul(k))),
            duration: self.duration,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_is_not_zero_and_a_sum_is_as_good_as_its_weakest_part() {
        let mut total = Usage::new().input(Counted::reported(5));
        total += &Usage::new().input(Counted::estimated(2)).output(Counted::reported(0));
        assert_eq!(total.input_tokens, Some(Counted::estimated(7)));
        assert_eq!(total.output_tokens, Some(Counted::reported(0)));
        assert_eq!(total.cost, None);
    }

    #[test]
    fn an_estimate_times_k_keeps_unknown_parts_unknown() {
        let estimate = Estimate::unknown().input(10).times(3);
        assert_eq!(estimate.tokens(), Some(30));
        assert_eq!(estimate.cost, None);
    }
}
