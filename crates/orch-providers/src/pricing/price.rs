use orch_core::{Counted, Error, Source, Usage, Usd};

const PER: u128 = 1_000_000;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Price {
    input: Usd,
    cached_input: Usd,
    output: Usd,
}

impl Price {
    /// A price in dollars per million input and output tokens.
    ///
    /// # Errors
    /// `InvalidRequest` when one is negative, not finite or absurdly large.
    pub fn per_million(input_usd: f64, output_usd: f64) -> Result<Self, Error> {
        let input = dollars("/input", input_usd)?;
        Ok(Self { input, cached_input: input, output: dollars("/output", output_usd)? })
    }

    /// Nothing costs anything: a local server, the embedded answerer.
    pub const fn free() -> Self {
        Self { input: Usd::ZERO, cached_input: Usd::ZERO, output: Usd::ZERO }
    }

    /// Sets the price in dollars per million input tokens that came from the provider's cache; default: that of
    /// other input tokens.
    ///
    /// # Errors
    /// `InvalidRequest` when it is negative, not finite or absurdly large.
    pub fn cached_input(mut self, usd: f64) -> Result<Self, Error> {
        self.cached_input = dollars("/cached_input", usd)?;
        Ok(self)
    }

    /// Whether nothing costs anything.
    #[must_use]
    pub fn is_free(&self) -> bool {
        *self == Self::free()
    }

    /// The cost of a usage, rounded up to a whole nano-dollar: estimated, or a lower bound when a counter is one or
    /// is absent. `None` when no token was counted and the price is not zero.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Option<Counted<Usd>> {
        if self.is_free() {
            return Some(Counted::estimated(Usd::ZERO));
        }
        let counters = [usage.input_tokens, usage.output_tokens];
        counters.iter().flatten().next()?;
        let bounded = counters.iter().any(|counter| counter.is_none_or(|counted| counted.source == Source::LowerBound));
        let [input, output] = counters.map(value);
        let cached = value(usage.cached_input_tokens).min(input);
        let cost = total([(input - cached, self.input), (cached, self.cached_input), (output, self.output)]);
        Some(if bounded { Counted::lower_bound(cost) } else { Counted::estimated(cost) })
    }

    /// The most that so many tokens can cost; `None` when the output is unknown and the price is not zero.
    #[must_use]
    pub(crate) fn most(&self, input: u64, output: Option<u64>) -> Option<Usd> {
        if self.is_free() {
            return Some(Usd::ZERO);
        }
        Some(total([(input, self.input.max(self.cached_input)), (output?, self.output)]))
    }
}

fn dollars(pointer: &str, usd: f64) -> Result<Usd, Error> {
    Usd::from_dollars(usd).ok_or_else(|| Error::invalid(pointer, format!("{usd} is not a price in dollars")))
}

fn value(counter: Option<Counted<u64>>) -> u64 {
    counter.map_or(0, |counted| counted.value)
}

/// Rounded up once, at the end; an amount beyond the type saturates.
fn total<const N: usize>(parts: [(u64, Usd); N]) -> Usd {
    let product = |(tokens, price): (u64, Usd)| u128::from(tokens) * u128::from(price.nanos());
    let nanos = parts.into_iter().map(product).fold(0, u128::saturating_add).div_ceil(PER);
    Usd::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(input: u64, output: u64) -> Usage {
        Usage::new().input(Counted::reported(input)).output(Counted::reported(output))
    }

    #[test]
    fn a_fraction_of_a_nano_dollar_rounds_up_once() {
        // 1 token at 100.4 nano-dollars each way: 200.8 together, 201 rounded once, 202 rounded twice.
        let price = Price::per_million(0.000_100_4, 0.000_100_4).unwrap();
        assert_eq!(price.cost(&usage(1, 1)), Some(Counted::estimated(Usd::from_nanos(1))));
        let price = Price::per_million(0.100_4, 0.100_4).unwrap();
        assert_eq!(price.cost(&usage(1, 1)), Some(Counted::estimated(Usd::from_nanos(201))));
    }

    #[test]
    fn cached_tokens_are_a_part_of_the_input_with_a_price_of_their_own() {
        let price = Price::per_million(1.0, 0.0).unwrap().cached_input(0.1).unwrap();
        let mut used = usage(1_000, 0);
        used.cached_input_tokens = Some(Counted::reported(900));
        assert_eq!(price.cost(&used).unwrap().value, Usd::from_nanos(100 * 1_000 + 900 * 100));
        // A provider that reports more cached than input tokens must not make the cost wrap.
        used.cached_input_tokens = Some(Counted::reported(5_000));
        assert_eq!(price.cost(&used).unwrap().value, Usd::from_nanos(1_000 * 100));
    }

    #[test]
    fn an_absent_counter_makes_the_cost_a_lower_bound_and_no_counter_makes_it_unknown() {
        let price = Price::per_million(1.0, 1.0).unwrap();
        let input_only = Usage::new().input(Counted::reported(5));
        assert_eq!(price.cost(&input_only).unwrap().source, Source::LowerBound);
        assert_eq!(price.cost(&Usage::new()), None);
        assert_eq!(Price::free().cost(&Usage::new()), Some(Counted::estimated(Usd::ZERO)));
    }

    #[test]
    fn huge_amounts_saturate() {
        let price = Price::per_million(1e9, 1e9).unwrap();
        assert_eq!(price.cost(&usage(u64::MAX, u64::MAX)).unwrap().value, Usd::from_nanos(u64::MAX));
    }

    #[test]
    fn what_is_no_price_is_refused_by_name() {
        let error = Price::per_million(1.0, f64::NAN).unwrap_err().to_string();
        assert!(error.contains("/output") && error.contains("NaN"), "{error}");
        assert!(Price::per_million(-1.0, 1.0).is_err());
    }
}
