//! What tokens cost: integer arithmetic, rounded up, the provider's own figure first.

mod billing;
mod book;
#[cfg(feature = "prices")]
mod bundled;
mod date;
#[cfg(feature = "genai-prices")]
mod genai;
mod history;
#[cfg(feature = "_http")]
mod list;
mod price;
mod rates;

pub use self::billing::{Billing, ServiceTier};
pub use self::book::PriceBook;
#[cfg(feature = "_http")]
pub(crate) use self::list::{PriceList, Prices};
pub use self::price::Price;
