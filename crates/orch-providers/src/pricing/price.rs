use std::sync::Arc;

use orch_core::{Counted, Error, Source, Usage, Usd};

use super::rates::{Rates, Tokens, dollars};
use super::{Billing, ServiceTier};

/// What a model's tokens cost, per million.
///
/// ```
/// use orch_core::{Counted, Usage, Usd};
/// use orch_providers::Price;
///
/// # fn main() -> Result<(), orch_core::Error> {
/// let price = Price::per_million(1.25, 10.0)?;
/// let usage = Usage::new().input(Counted::reported(1_000)).output(Counted::reported(200));
/// assert_eq!(price.cost(&usage), Some(Counted::estimated(Usd::from_nanos(3_250_000))));
/// # Ok(())
/// # }
/// ```
///
/// A price may change with the size of the input and with the tier in which a call is served:
///
/// ```
/// use orch_providers::{Price, ServiceTier};
///
/// # fn main() -> Result<(), orch_core::Error> {
/// let price = Price::per_million(3.0, 15.0)?
///     .cached_input(0.3)?
///     .cache_write(3.75)?
///     .cache_write_1h(6.0)?
///     .above(200_000, &Price::per_million(6.0, 22.5)?.cached_input(0.6)?)
///     .in_tier(ServiceTier::Batch, &Price::per_million(1.5, 7.5)?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Price {
    rates: Rates,
    call: Usd,
    /// Where other rates apply; not empty.
    others: Option<Arc<[Other]>>,
}

/// Rates for calls with more input tokens than `above`, in one tier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Other {
    pub(super) tier: ServiceTier,
    pub(super) above: u64,
    pub(super) rates: Rates,
}

impl Price {
    /// A price in dollars per million input and output tokens.
    ///
    /// # Errors
    /// `InvalidRequest` when one is negative, not finite or absurdly large.
    pub fn per_million(input_usd: f64, output_usd: f64) -> Result<Self, Error> {
        Ok(Self::of(Rates::of(dollars("/input", input_usd)?, dollars("/output", output_usd)?)))
    }

    /// Nothing costs anything: a local server, the embedded answerer.
    pub const fn free() -> Self {
        Self::of(Rates::ZERO)
    }

    pub(super) const fn of(rates: Rates) -> Self {
        Self { rates, call: Usd::ZERO, others: None }
    }

    /// Sets the price in dollars per million input tokens that came from the provider's cache; default: that of
    /// other input tokens.
    ///
    /// # Errors
    /// `InvalidRequest` when it is negative, not finite or absurdly large.
    pub fn cached_input(mut self, usd: f64) -> Result<Self, Error> {
        self.rates.cached_input = dollars("/cached_input", usd)?;
        Ok(self)
    }

    /// Sets the price in dollars per million input tokens that were written to the provider's cache, for however
    /// long; default: that of other input tokens.
    ///
    /// # Errors
    /// `InvalidRequest` when it is negative, not finite or absurdly large.
    pub fn cache_write(mut self, usd: f64) -> Result<Self, Error> {
        self.rates.cache_write = dollars("/cache_write", usd)?;
        self.rates.cache_write_1h = self.rates.cache_write;
        Ok(self)
    }

    /// Sets the price in dollars per million input tokens that were written to the provider's cache for an hour;
    /// default: that of [`cache_write`](Self::cache_write), which must be set before.
    ///
    /// # Errors
    /// `InvalidRequest` when it is negative, not finite or absurdly large.
    pub fn cache_write_1h(mut self, usd: f64) -> Result<Self, Error> {
        self.rates.cache_write_1h = dollars("/cache_write_1h", usd)?;
        Ok(self)
    }

    /// Sets what each call costs beside its tokens, in dollars; default 0.
    ///
    /// # Errors
    /// `InvalidRequest` when it is negative, not finite or absurdly large.
    pub fn per_call(mut self, usd: f64) -> Result<Self, Error> {
        self.call = dollars("/per_call", usd)?;
        Ok(self)
    }

    /// Makes calls with more than so many input tokens, those from the cache included, cost the rates of `price`
    /// for **all** their tokens. The largest number that a call exceeds counts.
    pub fn above(self, input_tokens: u64, price: &Self) -> Self {
        let other = Other { tier: ServiceTier::Standard, above: input_tokens, rates: price.rates };
        self.with_others([other])
    }

    /// Makes calls that are served in a tier cost the rates of `price`, with its own steps by the size of the input.
    ///
    /// In a tier without rates a call costs the usual ones; where the tier may be dearer, that is a lower bound.
    /// What the tier cost before, its steps included, no longer counts; rates for [`ServiceTier::Standard`] replace the
    /// price's own.
    pub fn in_tier(mut self, tier: ServiceTier, price: &Self) -> Self {
        self.others = Some(self.others().iter().filter(|other| other.tier != tier).cloned().collect());
        if tier == ServiceTier::Standard {
            self.rates = price.rates;
        }
        let own = (tier != ServiceTier::Standard).then_some(Other { tier, above: 0, rates: price.rates });
        let steps = price.others().iter().filter(|other| other.tier == ServiceTier::Standard);
        self.with_others(own.into_iter().chain(steps.map(|step| Other { tier, ..step.clone() })))
    }

    pub(super) fn with_others(mut self, more: impl IntoIterator<Item = Other>) -> Self {
        let mut others = self.others().to_vec();
        for other in more {
            others.retain(|known| (known.tier, known.above) != (other.tier, other.above));
            others.push(other);
        }
        others.sort_unstable_by_key(|other| (other.tier, other.above));
        self.others = (!others.is_empty()).then(|| others.into());
        self
    }

    fn others(&self) -> &[Other] {
        self.others.as_deref().unwrap_or_default()
    }

    /// Whether nothing costs anything, in any tier.
    #[must_use]
    pub fn is_free(&self) -> bool {
        let nothing = |rates: &Rates| *rates == Rates::ZERO;
        self.call == Usd::ZERO && nothing(&self.rates) && self.others().iter().all(|other| nothing(&other.rates))
    }

    /// The cost of a usage in the usual tier, rounded up to a whole nano-dollar; see [`cost_of`](Self::cost_of).
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Option<Counted<Usd>> {
        self.cost_of(usage, Billing::standard())
    }

    /// The cost of a usage as it is billed, rounded up to a whole nano-dollar: estimated, or a lower bound when a
    /// counter that costs something is one or is absent, or when the tier has no rates and may be dearer. `None` when
    /// no token was counted and the price is not zero.
    #[must_use]
    pub fn cost_of(&self, usage: &Usage, billing: Billing) -> Option<Counted<Usd>> {
        if self.is_free() {
            return Some(Counted::estimated(Usd::ZERO));
        }
        let counters = [usage.input_tokens, usage.output_tokens];
        counters.iter().flatten().next()?;
        let tokens = tokens(usage, billing);
        let (rates, exact) = self.rates(billing.tier, value(usage.input_tokens));
        let unsure = |(counter, rate): (Option<Counted<u64>>, Usd)| {
            rate > Usd::ZERO && counter.is_none_or(|counted| counted.source == Source::LowerBound)
        };
        let bounded = !exact || counters.into_iter().zip([rates.dearest_input(), rates.output]).any(unsure);
        let cost = rates.cost(&tokens) + self.call;
        Some(if bounded { Counted::lower_bound(cost) } else { Counted::estimated(cost) })
    }

    /// The rates of a call, and whether they are the tier's own or at least as much.
    fn rates(&self, tier: ServiceTier, input: u64) -> (Rates, bool) {
        if let Some(rates) = self.rates_in(tier, input) {
            return (rates, true);
        }
        let usual = self.rates_in(ServiceTier::Standard, input).unwrap_or(self.rates);
        (usual, tier.costs_no_more_than_standard())
    }

    fn rates_in(&self, tier: ServiceTier, input: u64) -> Option<Rates> {
        let fits = |other: &&Other| other.tier == tier && (other.above == 0 || input > other.above);
        self.others().iter().filter(fits).max_by_key(|other| other.above).map(|other| other.rates)
    }

    /// The most that so many tokens can cost in a tier, or in the usual one if the provider falls back on it; `None`
    /// when a counter that costs something is unknown.
    #[must_use]
    pub(crate) fn most(&self, input: Option<u64>, output: Option<u64>, tier: ServiceTier) -> Option<Usd> {
        let may_apply = |other: &&Other| {
            let asked = other.tier == tier || other.tier == ServiceTier::Standard;
            asked && (other.above == 0 || input.is_none_or(|input| input > other.above))
        };
        let mut most = Rates::of(self.rates.dearest_input(), self.rates.output);
        for other in self.others().iter().filter(may_apply) {
            most.input = most.input.max(other.rates.dearest_input());
            most.output = most.output.max(other.rates.output);
        }
        let tokens = |rate: Usd, tokens: Option<u64>| if rate == Usd::ZERO { Some(0) } else { tokens };
        let (input, output) = (tokens(most.input, input)?, tokens(most.output, output)?);
        Some(most.cost(&Tokens { input, output, ..Tokens::default() }) + self.call)
    }
}

/// Cached and written tokens are parts of the input. A provider that reports more parts than input must not make the
/// cost wrap.
fn tokens(usage: &Usage, billing: Billing) -> Tokens {
    let input = value(usage.input_tokens);
    let cached_input = value(usage.cached_input_tokens).min(input);
    let written = value(usage.cache_write_tokens).min(input - cached_input);
    let cache_write_1h = billing.cache_write_1h_tokens.min(written);
    Tokens {
        input: input - cached_input - written,
        cached_input,
        cache_write: written - cache_write_1h,
        cache_write_1h,
        output: value(usage.output_tokens),
    }
}

fn value(counter: Option<Counted<u64>>) -> u64 {
    counter.map_or(0, |counted| counted.value)
}

#[cfg(test)]
mod tests;
