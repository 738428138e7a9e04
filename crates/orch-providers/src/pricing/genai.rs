//! The prices of the crate `genai-prices`, which computes in `f64`: asked for a few round numbers of tokens, its rates
//! become ours, exactly, and our arithmetic does the rest.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use genai_prices::{PriceRequest, Usage, UsageKey};
use orch_core::{Error, Usd};

use super::ServiceTier;
use super::book::{Below, PriceBook};
use super::price::{Other, Price};
use super::rates::Rates;

/// No input is longer than this.
const LONGEST: u64 = 1 << 24;
/// How many prices are remembered.
const REMEMBERED: usize = 1_024;
const SECONDS_PER_HOUR: u64 = 3_600;

/// The names of tiers over there.
const TIERS: [(ServiceTier, Option<(&str, &str)>); 5] = [
    (ServiceTier::Standard, None),
    (ServiceTier::Batch, Some(("processing", "batch"))),
    (ServiceTier::Flex, Some(("service_tier", "flex"))),
    (ServiceTier::Priority, Some(("service_tier", "priority"))),
    (ServiceTier::Fast, Some(("service_tier", "fast"))),
];

impl PriceBook {
    /// The prices that the crate `genai-prices` knows of one vendor, by that crate's name of it, such as `openai` or
    /// `x-ai`. Models are found by that crate's rules, which take more names than ours and may take a wrong one.
    ///
    /// The first search reads the crate's data, which takes tens of milliseconds. A price is looked up anew each hour.
    ///
    /// # Errors
    /// `InvalidRequest` at `/vendor` when the crate knows no such vendor.
    pub fn genai_prices(vendor: impl Into<Arc<str>>) -> Result<Self, Error> {
        let vendor = vendor.into();
        let known = genai_prices::Calculator::bundled().providers().any(|provider| provider.id() == &*vendor);
        if !known {
            return Err(Error::invalid("/vendor", format!("genai-prices knows no vendor `{vendor}`")));
        }
        Ok(Self::over(Below::GenaiPrices(Arc::new(Genai { vendor, remembered: Mutex::default() }))))
    }
}

/// A vendor over there, with what was found.
pub(super) struct Genai {
    vendor: Arc<str>,
    /// By the model's name and the hour.
    remembered: Mutex<HashMap<(String, u64), Option<Price>>>,
}

impl Genai {
    pub(super) fn find(&self, model: &str, unix: Duration) -> Option<Price> {
        let key = (model.to_owned(), unix.as_secs() / SECONDS_PER_HOUR);
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.entry(key).or_insert_with(|| Asked { vendor: &self.vendor, model, unix }.price()).clone()
    }
}

impl PartialEq for Genai {
    fn eq(&self, other: &Self) -> bool {
        self.vendor == other.vendor
    }
}

impl Eq for Genai {}

impl fmt::Debug for Genai {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Genai").field(&self.vendor).finish()
    }
}

struct Asked<'a> {
    vendor: &'a str,
    model: &'a str,
    unix: Duration,
}

impl Asked<'_> {
    fn price(&self) -> Option<Price> {
        let usual = self.steps(ServiceTier::Standard, None)?;
        let first = usual.first()?.rates;
        // A model that is paid by something else than tokens would look free.
        if first.dearest_input() == Usd::ZERO && first.output == Usd::ZERO {
            return None;
        }
        let rates = |steps: &[Other]| steps.iter().map(|step| (step.above, step.rates)).collect::<Vec<_>>();
        let tiers = TIERS[1..].iter().filter_map(|(tier, context)| self.steps(*tier, *context));
        let own = tiers.filter(|steps| rates(steps) != rates(&usual)).flatten();
        Some(Price::of(first).with_others(usual[1..].iter().cloned().chain(own)))
    }

    /// The rates of a tier by the size of the input, the smallest first.
    fn steps(&self, tier: ServiceTier, context: Option<(&str, &str)>) -> Option<Vec<Other>> {
        let mut steps = vec![Other { tier, above: 0, rates: self.rates(1, context)? }];
        let last = self.rates(LONGEST, context)?;
        while let Some(step) = steps.last().filter(|step| step.rates != last) {
            let (mut same, mut other) = (step.above + 1, LONGEST);
            while other - same > 1 {
                let middle = same.midpoint(other);
                if self.rates(middle, context)? == step.rates { same = middle } else { other = middle }
            }
            steps.push(Other { tier, above: same, rates: self.rates(other, context)? });
        }
        Some(steps)
    }

    /// The rates for an input of this size.
    fn rates(&self, size: u64, context: Option<(&str, &str)>) -> Option<Rates> {
        let tokens = size as f64;
        let cost = |kinds: &[UsageKey]| {
            let all = [&[UsageKey::INPUT_TOKENS], kinds].concat();
            self.cost(&all.into_iter().map(|kind| (kind, tokens)).collect(), context)
        };
        let input = cost(&[])?;
        let rate = |dollars: f64| Usd::from_dollars(dollars / tokens * 1e6);
        Some(Rates {
            input: rate(input)?,
            cached_input: rate(cost(&[UsageKey::CACHE_READ_TOKENS])?)?,
            cache_write: rate(cost(&[UsageKey::CACHE_WRITE_TOKENS])?)?,
            cache_write_1h: rate(cost(&[UsageKey::CACHE_WRITE_TOKENS, UsageKey::CACHE_WRITE_1H_TOKENS])?)?,
            output: rate(cost(&[UsageKey::OUTPUT_TOKENS])? - input)?,
        })
    }

    fn cost(&self, usage: &Usage, context: Option<(&str, &str)>) -> Option<f64> {
        let request = PriceRequest::new(self.model, usage).with_provider_id(self.vendor);
        let request = request.with_timestamp(UNIX_EPOCH.checked_add(self.unix)?);
        let request = match context {
            Some((key, value)) => request.with_price_context(key, value),
            None => request,
        };
        genai_prices::calculate(&request).ok().map(|price| price.total_price)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20.
    const THEN: Duration = Duration::from_secs(1_795_132_800);

    #[test]
    fn its_rates_become_ours_with_their_tiers() {
        let book = PriceBook::genai_prices("anthropic").unwrap();
        let batch = Price::per_million(1.5, 7.5).unwrap().cached_input(0.15).unwrap();
        let batch = batch.cache_write(1.875).unwrap().cache_write_1h(3.0).unwrap();
        let long_batch = Price::per_million(3.0, 11.25).unwrap().cached_input(0.3).unwrap();
        let batch = batch.above(200_000, &long_batch.cache_write(3.75).unwrap().cache_write_1h(6.0).unwrap());
        let long = Price::per_million(6.0, 22.5).unwrap().cached_input(0.6).unwrap();
        let long = long.cache_write(7.5).unwrap().cache_write_1h(12.0).unwrap();
        let price = Price::per_million(3.0, 15.0).unwrap().cached_input(0.3).unwrap();
        let price = price.cache_write(3.75).unwrap().cache_write_1h(6.0).unwrap().above(200_000, &long);
        assert_eq!(book.find_at("claude-sonnet-4-5", THEN), Some(price.in_tier(ServiceTier::Batch, &batch)));
    }

    #[test]
    fn what_is_not_paid_by_tokens_or_not_known_has_no_price() {
        let book = PriceBook::genai_prices("openai").unwrap();
        assert_eq!(book.find_at("whisper-1", THEN), None);
        assert_eq!(book.find_at("no-such-model", THEN), None);
        let error = PriceBook::genai_prices("nobody").unwrap_err().to_string();
        assert!(error.contains("`/vendor`") && error.contains("`nobody`"), "{error}");
    }

    #[cfg(feature = "prices")]
    #[test]
    fn it_agrees_with_the_bundled_prices() {
        let (theirs, ours) = (PriceBook::genai_prices("openai").unwrap(), PriceBook::bundled());
        for model in ["gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-5", "gpt-5.5", "o3", "text-embedding-3-small"] {
            assert_eq!(theirs.find_at(model, THEN), ours.find_at(model, THEN), "{model}");
        }
    }
}
