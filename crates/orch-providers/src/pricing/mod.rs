//! What tokens cost: integer arithmetic, rounded up, the provider's own figure first.

mod book;
mod price;

pub use self::book::PriceBook;
pub use self::price::Price;
