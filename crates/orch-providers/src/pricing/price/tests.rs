use proptest::prelude::*;

use super::*;

fn usage(input: u64, output: u64) -> Usage {
    Usage::new().input(Counted::reported(input)).output(Counted::reported(output))
}

fn nanos(price: &Price, usage: &Usage) -> u64 {
    price.cost(usage).unwrap().value.nanos()
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
    assert_eq!(nanos(&price, &used), 100 * 1_000 + 900 * 100);
    // A provider that reports more cached than input tokens must not make the cost wrap.
    used.cached_input_tokens = Some(Counted::reported(5_000));
    assert_eq!(nanos(&price, &used), 1_000 * 100);
}

#[test]
fn tokens_that_stay_in_the_cache_for_an_hour_cost_their_own_rate() {
    let price = Price::per_million(3.0, 0.0).unwrap().cache_write(3.75).unwrap().cache_write_1h(6.0).unwrap();
    let mut used = usage(1_000, 0);
    used.cache_write_tokens = Some(Counted::reported(800));
    assert_eq!(nanos(&price, &used), 200 * 3_000 + 800 * 3_750);
    let billed = |hour| price.cost_of(&used, Billing::standard().with_cache_write_1h(hour)).unwrap().value.nanos();
    assert_eq!(billed(300), 200 * 3_000 + 500 * 3_750 + 300 * 6_000);
    assert_eq!(billed(u64::MAX), 200 * 3_000 + 800 * 6_000);
}

#[test]
fn all_tokens_of_a_call_above_the_threshold_cost_the_higher_rates() {
    let long = Price::per_million(2.0, 20.0).unwrap();
    let longer = Price::per_million(4.0, 40.0).unwrap();
    let price = Price::per_million(1.0, 10.0).unwrap().above(500, &longer).above(200, &long);
    assert_eq!(nanos(&price, &usage(200, 1)), 200 * 1_000 + 10_000);
    assert_eq!(nanos(&price, &usage(201, 1)), 201 * 2_000 + 20_000);
    assert_eq!(nanos(&price, &usage(501, 1)), 501 * 4_000 + 40_000);
    // Tokens from the cache count for the size of the input.
    let mut cached = usage(201, 0);
    cached.cached_input_tokens = Some(Counted::reported(200));
    assert_eq!(nanos(&price, &cached), 201 * 2_000);
}

#[test]
fn a_tier_has_rates_and_steps_of_its_own() {
    let batch = Price::per_million(0.5, 5.0).unwrap().above(200, &Price::per_million(0.75, 7.5).unwrap());
    let price = Price::per_million(1.0, 10.0).unwrap().in_tier(ServiceTier::Batch, &batch);
    let cost = |input, tier| price.cost_of(&usage(input, 0), Billing::standard().with_tier(tier)).unwrap();
    assert_eq!(cost(200, ServiceTier::Batch), Counted::estimated(Usd::from_nanos(200 * 500)));
    assert_eq!(cost(201, ServiceTier::Batch), Counted::estimated(Usd::from_nanos(201 * 750)));
    assert_eq!(cost(201, ServiceTier::Standard), Counted::estimated(Usd::from_nanos(201 * 1_000)));
    let replaced = price.clone().in_tier(ServiceTier::Standard, &Price::per_million(9.0, 0.0).unwrap());
    assert_eq!(nanos(&replaced, &usage(1, 0)), 9_000);
}

#[test]
fn new_rates_of_a_tier_replace_its_steps_too() {
    let flat = |usd| Price::per_million(usd, 0.0).unwrap();
    let stepped = flat(1.0).above(200, &flat(2.0));
    for tier in [ServiceTier::Standard, ServiceTier::Batch] {
        let price = stepped.clone().in_tier(tier, &stepped).in_tier(tier, &flat(0.5));
        let cost = |tier| price.cost_of(&usage(201, 0), Billing::standard().with_tier(tier)).unwrap().value.nanos();
        assert_eq!(cost(tier), 201 * 500, "{tier:?}");
        let others = if tier == ServiceTier::Batch { 2_000 } else { 500 };
        assert_eq!(cost(ServiceTier::Standard), 201 * others, "{tier:?}");
    }
    assert!(stepped.in_tier(ServiceTier::Standard, &Price::free()).is_free());
}

#[test]
fn a_tier_without_rates_costs_the_usual_ones_and_at_least_them_if_it_may_be_dearer() {
    let price = Price::per_million(1.0, 10.0).unwrap();
    let source = |tier| price.cost_of(&usage(1, 1), Billing::standard().with_tier(tier)).unwrap().source;
    for tier in [ServiceTier::Standard, ServiceTier::Batch, ServiceTier::Flex] {
        assert_eq!(source(tier), Source::Estimated, "{tier:?}");
    }
    for tier in [ServiceTier::Priority, ServiceTier::Fast, ServiceTier::Unknown] {
        assert_eq!(source(tier), Source::LowerBound, "{tier:?}");
    }
}

#[test]
fn a_price_per_call_comes_on_top() {
    let price = Price::per_million(1.0, 1.0).unwrap().per_call(0.005).unwrap();
    assert_eq!(nanos(&price, &usage(1, 1)), 5_000_000 + 2_000);
    assert!(!Price::free().per_call(0.005).unwrap().is_free());
}

#[test]
fn an_absent_counter_makes_the_cost_a_lower_bound_and_no_counter_makes_it_unknown() {
    let price = Price::per_million(1.0, 1.0).unwrap();
    let input_only = Usage::new().input(Counted::reported(5));
    assert_eq!(price.cost(&input_only).unwrap().source, Source::LowerBound);
    assert_eq!(price.cost(&Usage::new()), None);
    assert_eq!(Price::free().cost(&Usage::new()), Some(Counted::estimated(Usd::ZERO)));
    // What costs nothing need not be counted: the output of an embedding.
    let embedding = Price::per_million(1.0, 0.0).unwrap();
    assert_eq!(embedding.cost(&input_only), Some(Counted::estimated(Usd::from_nanos(5_000))));
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
    assert!(Price::free().per_call(f64::INFINITY).is_err());
}

fn price() -> impl Strategy<Value = Price> {
    let one = || {
        (0.0..100.0, 0.0..100.0, 0.0..100.0, 0.0..100.0).prop_map(|(input, output, cached, write)| {
            Price::per_million(input, output).unwrap().cached_input(cached).unwrap().cache_write(write).unwrap()
        })
    };
    let steps = prop::collection::vec((1..1_000_u64, one()), 0..3);
    let tiers =
        prop::collection::vec((prop::sample::select(vec![ServiceTier::Batch, ServiceTier::Priority]), one()), 0..2);
    (one(), steps, tiers).prop_map(|(base, steps, tiers)| {
        let price = steps.iter().fold(base, |price, (above, step)| price.above(*above, step));
        tiers.iter().fold(price, |price, (tier, own)| price.in_tier(*tier, own))
    })
}

proptest! {
    /// What is set aside before a call covers whatever the call can turn out to cost, in its tier or in the usual one.
    #[test]
    fn no_call_within_an_estimate_costs_more_than_it(
        price in price(),
        (most_input, most_output) in (0..2_000_u64, 0..2_000_u64),
        parts in any::<[f64; 5]>(),
        tier in prop::sample::select(vec![ServiceTier::Standard, ServiceTier::Batch, ServiceTier::Priority]),
        fell_back in any::<bool>(),
    ) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most the whole")]
        let part = |of: u64, part: f64| (of as f64 * (part.abs() % 1.0)) as u64;
        let [input, output, cached, written, hour] = parts.map(|part| if part.is_finite() { part } else { 0.5 });
        let mut used = usage(part(most_input, input), part(most_output, output));
        used.cached_input_tokens = Some(Counted::reported(part(most_input, cached)));
        used.cache_write_tokens = Some(Counted::reported(part(most_input, written)));
        let billing = Billing::standard()
            .with_tier(if fell_back { ServiceTier::Standard } else { tier })
            .with_cache_write_1h(part(most_input, hour));
        let most = price.most(Some(most_input), Some(most_output), tier).unwrap();
        prop_assert!(price.cost_of(&used, billing).unwrap().value <= most);
    }
}
