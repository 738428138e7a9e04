use std::collections::HashMap;
use std::sync::Arc;

use orch_core::Error;

use super::Price;

/// The prices of models, by their exact names.
///
/// A name that is not in the book has no price, even if it begins like one that is: a wrong price is worse than
/// none. Cloning shares the book.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct PriceBook {
    prices: Arc<HashMap<String, Price>>,
}

impl PriceBook {
    /// An empty book.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the price of a model, in dollars per million input and output tokens.
    ///
    /// # Errors
    /// `InvalidRequest` when one is negative, not finite or absurdly large.
    pub fn price(self, model: impl Into<String>, input_usd: f64, output_usd: f64) -> Result<Self, Error> {
        Ok(self.with(model, Price::per_million(input_usd, output_usd)?))
    }

    /// Declares a model free.
    pub fn free(self, model: impl Into<String>) -> Self {
        self.with(model, Price::free())
    }

    /// Sets the price of a model.
    pub fn with(mut self, model: impl Into<String>, price: Price) -> Self {
        Arc::make_mut(&mut self.prices).insert(model.into(), price);
        self
    }

    /// The price of the model of exactly this name.
    #[must_use = "a model without a price is refused under a cost budget"]
    pub fn find(&self, model: &str) -> Option<Price> {
        self.prices.get(model).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_name_has_a_price_and_the_last_entry_wins() {
        let book = PriceBook::new().price("gpt-5", 2.0, 20.0).unwrap().price("gpt-5", 1.0, 10.0).unwrap().free("llama");
        assert_eq!(book.find("gpt-5"), Some(Price::per_million(1.0, 10.0).unwrap()));
        assert_eq!(book.find("llama"), Some(Price::free()));
        assert_eq!(book.find("gpt-5-pro"), None);
    }
}
