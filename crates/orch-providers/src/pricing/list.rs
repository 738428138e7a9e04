use orch_core::Error;

use super::{Price, PriceBook};

/// What the builder of a wire was told of prices.
#[derive(Clone, Debug, Default)]
pub(crate) enum Prices {
    /// Nothing: the vendor's own prices at the vendor's own host, else unknown.
    #[default]
    Vendor,
    /// What each model costs.
    Book(PriceBook),
    /// What some models cost; the others as if nothing was said.
    Some(PriceBook),
    /// What the model costs, in dollars per million input and output tokens.
    PerMillion(f64, f64),
    /// Nothing costs anything.
    Free,
}

impl Prices {
    /// The prices of a server at `host`, whose model is `model`.
    ///
    /// # Errors
    /// `InvalidRequest` when a price is negative, not finite or absurdly large.
    pub(crate) fn resolve(self, host: &str, model: &str) -> Result<PriceList, Error> {
        Ok(match self {
            Self::Vendor => PriceList::Book(vendor(host)),
            Self::Book(book) => PriceList::Book(book),
            Self::Some(book) => PriceList::Book(book.over_source_of(vendor(host))),
            Self::PerMillion(input, output) => PriceList::Book(PriceBook::new().price(model, input, output)?),
            Self::Free => PriceList::Free,
        })
    }
}

#[cfg(feature = "prices")]
fn vendor(host: &str) -> PriceBook {
    PriceBook::bundled_at(host).unwrap_or_default()
}

#[cfg(not(feature = "prices"))]
fn vendor(_host: &str) -> PriceBook {
    PriceBook::new()
}

/// What the models of a server cost.
#[derive(Clone, Debug)]
pub(crate) enum PriceList {
    /// Each by its name.
    Book(PriceBook),
    /// Nothing.
    Free,
}

impl PriceList {
    /// The price of a model; `None` is unknown.
    pub(crate) fn find(&self, model: &str) -> Option<Price> {
        match self {
            Self::Book(book) => book.find(model),
            Self::Free => Some(Price::free()),
        }
    }
}

#[cfg(all(test, feature = "openai", feature = "tls"))]
mod tests {
    use crate::{OpenAi, Price, PriceBook};

    fn openai() -> crate::OpenAiBuilder {
        OpenAi::builder().api_key("k").model("gpt-4o")
    }

    #[cfg(feature = "prices")]
    #[test]
    fn the_vendors_own_host_has_the_vendors_prices() {
        let model = openai().build().unwrap();
        for name in ["gpt-4o", "gpt-4o-2024-08-06", "gpt-4.1"] {
            assert_eq!(model.price(name), PriceBook::bundled().find(name), "{name}");
            assert!(model.price(name).is_some(), "{name}");
        }
        assert_eq!(model.price("our-tuned-model"), None);
    }

    #[test]
    fn any_other_host_has_no_prices_but_those_that_were_given() {
        for url in ["https://gateway.example.com/v1", "https://api.openai.com.example.com/v1", "http://localhost:1/v1"]
        {
            assert_eq!(openai().base_url(url).build().unwrap().price("gpt-4o"), None, "{url}");
            assert_eq!(openai().base_url(url).free().build().unwrap().price("any"), Some(Price::free()), "{url}");
        }
    }

    #[test]
    fn prices_that_were_given_are_the_only_ones() {
        let own = Price::per_million(1.0, 2.0).unwrap();
        let priced = openai().price(1.0, 2.0).build().unwrap();
        let booked = openai().prices(PriceBook::new().with("gpt-4o", own.clone())).build().unwrap();
        for model in [priced, booked] {
            assert_eq!((model.price("gpt-4o"), model.price("gpt-4.1")), (Some(own.clone()), None));
        }
        assert_eq!(openai().prices(PriceBook::new()).build().unwrap().price("gpt-4o"), None);
    }

    #[cfg(feature = "prices")]
    #[test]
    fn prices_of_some_models_leave_the_others_as_they_are() {
        let own = Price::per_million(1.0, 2.0).unwrap();
        let some = || openai().prices_of_some(PriceBook::new().with("gpt-4o", own.clone()));
        let at_vendor = some().build().unwrap();
        assert_eq!(at_vendor.price("gpt-4o"), Some(own.clone()));
        assert_eq!(at_vendor.price("gpt-4.1"), PriceBook::bundled().find("gpt-4.1"));
        let elsewhere = some().base_url("http://localhost:1/v1").build().unwrap();
        assert_eq!((elsewhere.price("gpt-4o"), elsewhere.price("gpt-4.1")), (Some(own), None));
    }
}
