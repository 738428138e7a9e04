use orch_core::Error;
use orch_providers::{Price, PriceBook};

use super::Assembly;
use crate::config::pointer::child;
use crate::config::sections::PriceSection;

impl Assembly<'_> {
    /// The prices that are written, to be laid over those that are known anyway.
    pub(super) fn prices(&mut self) -> PriceBook {
        let mut book = PriceBook::new();
        for (model, section) in &self.sections.prices {
            let pointer = child("/prices", model);
            match price(section) {
                Ok(price) => book = book.with(model, price),
                Err(error) if self.is_whole(&pointer) => self.refused(&pointer, &error),
                Err(_) => {}
            }
        }
        book
    }
}

fn price(section: &PriceSection) -> Result<Price, Error> {
    let PriceSection { input, output, cached_input, cache_write, cache_write_1h, per_call, free } = section;
    if *free {
        let all = [input, output, cached_input, cache_write, cache_write_1h, per_call];
        let none = all.iter().all(|price| price.is_none());
        return if none {
            Ok(Price::free())
        } else {
            Err(Error::invalid("/free", "what is free has no price beside it"))
        };
    }
    let (Some(input), Some(output)) = (input, output) else {
        return Err(Error::invalid(
            "",
            "expected `input` and `output`, in dollars per million tokens, or `free = true`",
        ));
    };
    let mut price = Price::per_million(*input, *output)?;
    if let Some(usd) = cached_input {
        price = price.cached_input(*usd)?;
    }
    if let Some(usd) = cache_write {
        price = price.cache_write(*usd)?;
    }
    if let Some(usd) = cache_write_1h {
        price = price.cache_write_1h(*usd)?;
    }
    match per_call {
        Some(usd) => price.per_call(*usd),
        None => Ok(price),
    }
}
