use orch_core::{Error, Usd};

const PER: u128 = 1_000_000;

/// What a million tokens of each kind cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rates {
    pub(super) input: Usd,
    pub(super) cached_input: Usd,
    pub(super) cache_write: Usd,
    pub(super) cache_write_1h: Usd,
    pub(super) output: Usd,
}

/// How many tokens of each kind were used; no token counts twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) input: u64,
    pub(super) cached_input: u64,
    pub(super) cache_write: u64,
    pub(super) cache_write_1h: u64,
    pub(super) output: u64,
}

impl Rates {
    pub(super) const ZERO: Self = Self::of(Usd::ZERO, Usd::ZERO);

    /// The cache costs what other input costs.
    pub(super) const fn of(input: Usd, output: Usd) -> Self {
        Self { input, cached_input: input, cache_write: input, cache_write_1h: input, output }
    }

    /// The cost of all tokens, rounded up once, to a whole nano-dollar; an amount beyond the type saturates.
    pub(super) fn cost(&self, tokens: &Tokens) -> Usd {
        let parts = [
            (tokens.input, self.input),
            (tokens.cached_input, self.cached_input),
            (tokens.cache_write, self.cache_write),
            (tokens.cache_write_1h, self.cache_write_1h),
            (tokens.output, self.output),
        ];
        let product = |(tokens, rate): (u64, Usd)| u128::from(tokens) * u128::from(rate.nanos());
        let nanos = parts.into_iter().map(product).fold(0, u128::saturating_add).div_ceil(PER);
        Usd::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The dearest kind of input.
    pub(super) fn dearest_input(&self) -> Usd {
        self.input.max(self.cached_input).max(self.cache_write).max(self.cache_write_1h)
    }
}

/// A number of dollars that somebody wrote down, found at `pointer`.
pub(super) fn dollars(pointer: &str, usd: f64) -> Result<Usd, Error> {
    let reason = || format!("{usd} is not a price in dollars: it must be finite and not negative");
    Usd::from_dollars(usd).ok_or_else(|| Error::invalid(pointer, reason()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rates() -> impl Strategy<Value = Rates> {
        any::<[u64; 5]>().prop_map(|rates| {
            let [input, cached_input, cache_write, cache_write_1h, output] = rates.map(Usd::from_nanos);
            Rates { input, cached_input, cache_write, cache_write_1h, output }
        })
    }

    fn tokens() -> impl Strategy<Value = Tokens> {
        any::<[u64; 5]>().prop_map(|[input, cached_input, cache_write, cache_write_1h, output]| Tokens {
            input,
            cached_input,
            cache_write,
            cache_write_1h,
            output,
        })
    }

    /// The sum kept in two halves that cannot overflow: whole nano-dollars and millionths of one.
    fn naive(rates: &Rates, tokens: &Tokens) -> u64 {
        let pairs = [
            (rates.input, tokens.input),
            (rates.cached_input, tokens.cached_input),
            (rates.cache_write, tokens.cache_write),
            (rates.cache_write_1h, tokens.cache_write_1h),
            (rates.output, tokens.output),
        ];
        let (mut whole, mut parts) = (0_u128, 0_u128);
        for (rate, tokens) in pairs {
            let product = u128::from(rate.nanos()) * u128::from(tokens);
            whole += product / 1_000_000;
            parts += product % 1_000_000;
        }
        whole += parts / 1_000_000 + u128::from(parts % 1_000_000 > 0);
        u64::try_from(whole).unwrap_or(u64::MAX)
    }

    proptest! {
        #[test]
        fn the_cost_is_that_of_naive_arithmetic(rates in rates(), tokens in tokens()) {
            prop_assert_eq!(rates.cost(&tokens).nanos(), naive(&rates, &tokens));
        }

        #[test]
        fn more_tokens_never_cost_less_and_rounding_adds_less_than_a_nano_dollar(
            input in 0..1_u64 << 40,
            output in 0..1_u64 << 40,
            input_rate in 0..1_u64 << 40,
            output_rate in 0..1_u64 << 40,
        ) {
            let rates = Rates::of(Usd::from_nanos(input_rate), Usd::from_nanos(output_rate));
            let tokens = Tokens { input, output, ..Tokens::default() };
            let exact = u128::from(input) * u128::from(input_rate) + u128::from(output) * u128::from(output_rate);
            let cost = rates.cost(&tokens).nanos();
            if let Ok(cost) = u64::try_from(exact.div_ceil(PER)) {
                prop_assert_eq!(rates.cost(&tokens).nanos(), cost);
                prop_assert!(u128::from(cost) * PER >= exact && u128::from(cost) * PER < exact + PER);
            }
            let more = Tokens { output: output + 1, ..tokens };
            prop_assert!(rates.cost(&more).nanos() >= cost);
        }
    }
}
