use std::collections::BTreeMap;

use orch_core::{Counted, Usage};
use serde::Deserialize;

use crate::pricing::{Billing, ServiceTier};
use crate::wire::{Loose, Numeric, Perhaps, as_text};

type Tokens = Option<Counted<u64>>;

/// What the provider reports. Strange counters are absent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Report<'a> {
    input_tokens: Numeric,
    cache_creation_input_tokens: Numeric,
    /// Writes by how long they last.
    cache_creation: Perhaps<BTreeMap<String, Numeric>>,
    cache_read_input_tokens: Numeric,
    output_tokens: Numeric,
    output_tokens_details: Perhaps<Details>,
    #[serde(borrow)]
    speed: Option<Loose<'a>>,
    #[serde(borrow)]
    service_tier: Option<Loose<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    thinking_tokens: Numeric,
}

/// The counters of an answer as far as they are known. Each report is of the whole answer so far: the last counts, and
/// nothing is added up over reports.
#[derive(Debug, Default)]
pub(super) struct Counters {
    input: Tokens,
    cache_write: Tokens,
    cache_read: Tokens,
    output: Tokens,
    thinking: Tokens,
    billing: Billing,
}

impl Counters {
    /// Takes a report; a counter that it leaves out stays.
    pub(super) fn update(&mut self, report: &Report<'_>) {
        let later = |known: &mut Tokens, now: Option<u64>| *known = now.map(Counted::reported).or(*known);
        let by_lifetime = report.cache_creation.0.as_ref();
        let all = || by_lifetime?.values().filter_map(Numeric::count).reduce(u64::saturating_add);
        later(&mut self.input, report.input_tokens.count());
        later(&mut self.cache_write, report.cache_creation_input_tokens.count().or_else(all));
        later(&mut self.cache_read, report.cache_read_input_tokens.count());
        later(&mut self.output, report.output_tokens.count());
        let details = report.output_tokens_details.0.as_ref();
        later(&mut self.thinking, details.and_then(|details| details.thinking_tokens.count()));
        let fast = as_text(&report.speed).filter(|speed| *speed == "fast");
        if let Some(tier) = fast.or_else(|| as_text(&report.service_tier)) {
            self.billing = self.billing.with_tier(ServiceTier::of(tier));
        }
        if let Some(tokens) = by_lifetime.and_then(|writes| writes.get("ephemeral_1h_input_tokens")?.count()) {
            self.billing = self.billing.with_cache_write_1h(tokens);
        }
    }

    /// What decides the price beside the counters.
    pub(super) fn billing(&self) -> Billing {
        self.billing
    }

    /// What was used: on this wire the cached tokens stand beside `input_tokens`, not in them, and thinking is a part
    /// of the output.
    pub(super) fn usage(&self) -> Usage {
        let beside = [self.cache_write, self.cache_read].into_iter().flatten();
        let beside = beside.fold(0_u64, |sum, tokens| sum.saturating_add(tokens.value));
        Usage::new()
            .input(self.input.map(|tokens| Counted::reported(tokens.value.saturating_add(beside))))
            .cached_input(self.cache_read)
            .cache_write(self.cache_write)
            .output(self.output)
            .reasoning(self.thinking)
    }
}
