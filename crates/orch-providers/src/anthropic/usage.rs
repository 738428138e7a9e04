use orch_core::{Counted, Usage};
use serde_json::Value;

use crate::pricing::{Billing, ServiceTier};
use crate::wire::{string, tokens};

type Tokens = Option<Counted<u64>>;

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
    pub(super) fn update(&mut self, usage: &Value) {
        let later = |known: &mut Tokens, now: Tokens| *known = now.or(*known);
        later(&mut self.input, tokens(usage, "/input_tokens"));
        later(&mut self.cache_write, tokens(usage, "/cache_creation_input_tokens").or_else(|| by_lifetime(usage)));
        later(&mut self.cache_read, tokens(usage, "/cache_read_input_tokens"));
        later(&mut self.output, tokens(usage, "/output_tokens"));
        later(&mut self.thinking, tokens(usage, "/output_tokens_details/thinking_tokens"));
        let fast = string(usage, "speed").filter(|speed| *speed == "fast");
        if let Some(tier) = fast.or_else(|| string(usage, "service_tier")) {
            self.billing = self.billing.with_tier(ServiceTier::of(tier));
        }
        if let Some(tokens) = tokens(usage, "/cache_creation/ephemeral_1h_input_tokens") {
            self.billing = self.billing.with_cache_write_1h(tokens.value);
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

fn by_lifetime(usage: &Value) -> Tokens {
    let written = usage.get("cache_creation")?.as_object()?.values().filter_map(Value::as_u64);
    written.reduce(u64::saturating_add).map(Counted::reported)
}
