use std::time::Duration;

use orch_core::{Counted, Usage};

use super::*;
use crate::pricing::Billing;

fn openai() -> PriceBook {
    PriceBook::bundled_at("api.openai.com").unwrap()
}

fn anthropic() -> PriceBook {
    PriceBook::bundled_at("api.anthropic.com").unwrap()
}

/// 2026-11-20.
const THEN: Duration = Duration::from_secs(1_795_132_800);

fn nanos_of(price: &Price, input: u64, output: u64, tier: ServiceTier) -> u64 {
    let usage = Usage::new().input(Counted::reported(input)).output(Counted::reported(output));
    price.cost_of(&usage, Billing::standard().with_tier(tier)).unwrap().value.nanos()
}

#[test]
fn over_two_hundred_models_have_dated_prices_and_every_line_is_read() {
    let book = Bundled::read(include_str!("../default.csv")).unwrap();
    let models: BTreeSet<*const History> =
        book.vendors.iter().flat_map(|vendor| vendor.models.values()).map(|named| Arc::as_ptr(&named.prices)).collect();
    assert!(models.len() >= 200, "{} models", models.len());
    assert_eq!(book.vendors.len(), 8);
    assert!(Day::parse(PriceBook::bundled_on()) >= Day::parse("2026-11-20"));
    for (vendor, name, named) in book.vendors.iter().flat_map(|v| v.models.iter().map(move |(n, m)| (v.name, n, m))) {
        assert!(named.prices.on(Day::at(THEN)).is_some(), "{vendor} {name} has no price of {THEN:?}");
    }
}

#[test]
fn a_model_and_its_snapshots_cost_what_the_vendor_says() {
    let rates = [("gpt-4o", 2_500, 10_000), ("gpt-4o-2024-08-06", 2_500, 10_000), ("gpt-4o-2024-05-13", 5_000, 15_000)];
    for (model, input, output) in rates {
        let price = openai().find_at(model, THEN).unwrap();
        assert_eq!(nanos_of(&price, 1, 0, ServiceTier::Standard), input, "{model}");
        assert_eq!(nanos_of(&price, 0, 1, ServiceTier::Standard), output, "{model}");
    }
    let price = anthropic().find_at("claude-haiku-4-5-20251001", THEN).unwrap();
    assert_eq!(nanos_of(&price, 1, 1, ServiceTier::Standard), 6_000);
}

#[test]
fn tiers_by_size_and_by_urgency_are_in_the_data() {
    let price = openai().find_at("gpt-5.5", THEN).unwrap();
    let cost = |input, tier| nanos_of(&price, input, 0, tier);
    assert_eq!(cost(272_000, ServiceTier::Standard), 272_000 * 5_000);
    assert_eq!(cost(272_001, ServiceTier::Standard), 272_001 * 10_000);
    assert_eq!(cost(1_000, ServiceTier::Batch), 1_000 * 2_500);
    assert_eq!(cost(1_000, ServiceTier::Priority), 1_000 * 12_500);
}

#[test]
fn the_cache_has_rates_for_reading_and_for_writing_by_how_long_it_lasts() {
    let price = anthropic().find_at("claude-sonnet-4-5", THEN).unwrap();
    let usage = Usage::new()
        .input(Counted::reported(1_000))
        .cached_input(Counted::reported(100))
        .cache_write(Counted::reported(30))
        .output(Counted::reported(0));
    let cost = price.cost_of(&usage, Billing::standard().with_cache_write_1h(10)).unwrap();
    assert_eq!(cost.value.nanos(), 870 * 3_000 + 100 * 300 + 20 * 3_750 + 10 * 6_000);
}

#[test]
fn a_price_is_that_of_its_day() {
    let book = anthropic();
    let on = |seconds| book.find_at("claude-opus-4-6", Duration::from_secs(seconds)).unwrap();
    // Until 2026-03-13 long inputs cost more.
    assert_eq!(nanos_of(&on(1_773_359_999), 300_000, 0, ServiceTier::Standard), 3_000_000_000);
    assert_eq!(nanos_of(&on(1_773_360_000), 300_000, 0, ServiceTier::Standard), 1_500_000_000);
}

#[test]
fn a_name_that_only_resembles_a_known_one_has_no_price() {
    for model in ["gpt-4o-2", "gpt-4o-2099-01-01", "GPT-4o", "gpt", "", "claude-haiku-4-5"] {
        assert_eq!(openai().find(model), None, "{model}");
    }
    for model in
        ["claude-haiku-4-5-2025100", "claude-haiku-4-5-latest-20251001", "claude-haiku-4-5-2025-1001", "é-20251001"]
    {
        assert_eq!(anthropic().find(model), None, "{model}");
    }
    assert!(anthropic().find("claude-haiku-4-5@20251001").is_some());
}

#[test]
fn only_a_vendors_own_host_has_bundled_prices() {
    for host in ["api.openai.com.example.com", "eu.api.openai.com", "openai.com", "127.0.0.1", "localhost", ""] {
        assert_eq!(PriceBook::bundled_at(host), None, "{host}");
    }
    let everything = PriceBook::bundled();
    assert_eq!(everything.find_at("gpt-4o", THEN), openai().find_at("gpt-4o", THEN));
    assert!(everything.find("claude-haiku-4-5").is_some());
}

#[test]
fn a_price_of_ones_own_comes_first() {
    let own = Price::per_million(1.0, 1.0).unwrap();
    let book = openai().with("gpt-4o", own.clone());
    assert_eq!(book.find("gpt-4o"), Some(own));
    assert!(book.find("gpt-4o-mini").is_some());
}

#[test]
fn what_cannot_be_read_is_an_error_and_no_wrong_price() {
    let lines = [
        "m,,2026-11-20,,,1,,,,2",
        "vendor v h\nm,,2026-11-20,,,1,,,2",
        "vendor v h\nm,,,,,1,,,,2",
        "vendor v h\nm,,2026-11-31,,,1,,,,2",
        "vendor v h\nm,,2026-11-20,express,,1,,,,2",
        "vendor v h\nm,,2026-11-20,,,-1,,,,2",
        "vendor v h\nm,,2026-11-20,,,,,,,2",
        "vendor v h\nm,,2026-11-20,,,1.0000000001,,,,2",
        "vendor v h\nm m,,2026-11-20,,,1,,,,2",
    ];
    for text in lines {
        assert!(Bundled::read(text).is_err(), "{text}");
    }
    assert_eq!(nanos("0.075"), Some(Usd::from_nanos(75_000_000)));
    assert_eq!(nanos("12"), Some(Usd::from_nanos(12_000_000_000)));
    assert_eq!(nanos("18446744074"), None);
}
