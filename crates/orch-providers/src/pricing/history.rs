use super::Price;
use super::date::Day;

/// The prices of one model, each from a day on; oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct History(Vec<(Day, Price)>);

impl History {
    /// Sets the price from a day on; the last one set for a day wins.
    pub(super) fn set(&mut self, since: Day, price: Price) {
        match self.0.binary_search_by_key(&since, |(day, _)| *day) {
            Ok(known) => self.0[known].1 = price,
            Err(place) => self.0.insert(place, (since, price)),
        }
    }

    /// The price on a day; `None` before the first.
    pub(super) fn on(&self, day: Day) -> Option<&Price> {
        let begun = self.0.partition_point(|(since, _)| *since <= day);
        self.0[..begun].last().map(|(_, price)| price)
    }
}
