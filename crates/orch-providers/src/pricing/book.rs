use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use orch_core::{Error, wall_clock};

use super::Price;
use super::date::Day;
use super::history::History;

/// The prices of models, by their names.
///
/// A name that is not in the book has no price, even if it begins like one that is: a wrong price is worse than
/// none. What is set here comes first; below it may lie the prices of
/// [`bundled`](Self::bundled) or of [`genai_prices`](Self::genai_prices). Cloning shares the book.
///
/// ```
/// use orch_providers::PriceBook;
///
/// # fn main() -> Result<(), orch_core::Error> {
/// let book = PriceBook::new()
///     .price("our-tuned-model", 4.0, 12.0)?
///     .price_since("our-tuned-model", "2027-01-01", 3.0, 9.0)?
///     .free("llama-on-our-own-machine");
/// assert!(book.find("our-tuned-model").is_some());
/// assert!(book.find("our-tuned-model-2").is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct PriceBook {
    own: Arc<HashMap<String, History>>,
    below: Option<Below>,
}

/// Prices that come with a crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Below {
    /// Ours: of one vendor, or of all.
    #[cfg(feature = "prices")]
    Bundled(Option<&'static str>),
    /// Those of the crate `genai-prices`, of one vendor.
    #[cfg(feature = "genai-prices")]
    GenaiPrices(Arc<super::genai::Genai>),
}

impl PriceBook {
    /// An empty book.
    pub fn new() -> Self {
        Self::default()
    }

    #[cfg(any(feature = "prices", feature = "genai-prices"))]
    pub(super) fn over(below: Below) -> Self {
        Self { own: Arc::default(), below: Some(below) }
    }

    /// Sets the price of a model, in dollars per million input and output tokens.
    ///
    /// # Errors
    /// `InvalidRequest` when one is negative, not finite or absurdly large.
    pub fn price(self, model: impl Into<String>, input_usd: f64, output_usd: f64) -> Result<Self, Error> {
        Ok(self.with(model, Price::per_million(input_usd, output_usd)?))
    }

    /// Sets the price of a model from a day on (UTC), written as `2027-01-31`, in dollars per million input and output
    /// tokens.
    ///
    /// # Errors
    /// `InvalidRequest` when a price is negative, not finite or absurdly large, or the day is none.
    pub fn price_since(
        self,
        model: impl Into<String>,
        since: &str,
        input_usd: f64,
        output_usd: f64,
    ) -> Result<Self, Error> {
        self.with_since(model, since, Price::per_million(input_usd, output_usd)?)
    }

    /// Declares a model free.
    pub fn free(self, model: impl Into<String>) -> Self {
        self.with(model, Price::free())
    }

    /// Sets the price of a model.
    pub fn with(self, model: impl Into<String>, price: Price) -> Self {
        self.set(model, Day::default(), price)
    }

    /// Sets the price of a model from a day on (UTC), written as `2027-01-31`; before it the model has the price set
    /// for earlier days, or none.
    ///
    /// # Errors
    /// `InvalidRequest` when the day is none, or lies before 1970.
    pub fn with_since(self, model: impl Into<String>, since: &str, price: Price) -> Result<Self, Error> {
        let day = Day::parse(since).filter(|_| !since.is_empty());
        let day = day.ok_or_else(|| Error::invalid("/since", format!("`{since}` is not a day such as 2027-01-31")))?;
        Ok(self.set(model, day, price))
    }

    /// These prices over the source that lies below another book.
    #[cfg(feature = "_http")]
    pub(super) fn over_source_of(self, other: Self) -> Self {
        Self { own: self.own, below: self.below.or(other.below) }
    }

    fn set(mut self, model: impl Into<String>, since: Day, price: Price) -> Self {
        Arc::make_mut(&mut self.own).entry(model.into()).or_default().set(since, price);
        self
    }

    /// The price of a model today (UTC, by the machine's clock).
    ///
    /// The name must be that of the book, letter by letter. Below the prices that were set here, some names are known
    /// with any date after them; see [`bundled`](Self::bundled).
    #[must_use = "a model without a price is refused under a cost budget"]
    pub fn find(&self, model: &str) -> Option<Price> {
        self.find_at(model, wall_clock())
    }

    /// The price of a model at a moment, given as time since the Unix epoch: for bills of the past.
    #[must_use = "a model without a price is refused under a cost budget"]
    pub fn find_at(&self, model: &str, unix: Duration) -> Option<Price> {
        let own = self.own.get(model).and_then(|history| history.on(Day::at(unix)));
        own.cloned().or_else(|| self.below.as_ref()?.find(model, unix))
    }
}

impl Below {
    #[cfg_attr(not(any(feature = "prices", feature = "genai-prices")), expect(unused_variables, reason = "no source"))]
    fn find(&self, model: &str, unix: Duration) -> Option<Price> {
        match *self {
            #[cfg(feature = "prices")]
            Self::Bundled(vendor) => super::bundled::find(vendor, model, Day::at(unix)),
            #[cfg(feature = "genai-prices")]
            Self::GenaiPrices(ref prices) => prices.find(model, unix),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dear() -> Price {
        Price::per_million(2.0, 20.0).unwrap()
    }

    fn cheap() -> Price {
        Price::per_million(1.0, 10.0).unwrap()
    }

    #[test]
    fn only_the_exact_name_has_a_price_and_the_last_entry_wins() {
        let book = PriceBook::new().price("gpt-5", 2.0, 20.0).unwrap().price("gpt-5", 1.0, 10.0).unwrap().free("llama");
        assert_eq!(book.find("gpt-5"), Some(cheap()));
        assert_eq!(book.find("llama"), Some(Price::free()));
        for other in ["gpt-5-pro", "GPT-5", "gpt-5-2025-08-07", ""] {
            assert_eq!(book.find(other), None, "{other}");
        }
    }

    #[test]
    fn a_price_holds_from_its_day_on() {
        let day = |text| Duration::from_secs(86_400) * u32::try_from(Day::parse(text).unwrap().number()).unwrap();
        let book = PriceBook::new().with_since("m", "2026-03-01", dear()).unwrap();
        let book = book.with_since("m", "2026-11-20", cheap()).unwrap();
        let on = |moment| book.find_at("m", moment);
        assert_eq!(on(day("2026-02-28")), None);
        assert_eq!(on(day("2026-03-01")), Some(dear()));
        assert_eq!(on(day("2026-11-20") - Duration::from_nanos(1)), Some(dear()));
        assert_eq!(on(day("2026-11-20")), Some(cheap()));
        assert_eq!(on(Duration::MAX), Some(cheap()));
        let error = PriceBook::new().with_since("m", "2026-02-30", dear()).unwrap_err().to_string();
        assert!(error.contains("`/since`") && error.contains("2026-02-30"), "{error}");
        assert!(PriceBook::new().with_since("m", "", dear()).is_err());
    }
}
