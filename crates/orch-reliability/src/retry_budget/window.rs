/// How many steps of time a window remembers.
pub(super) const STEPS: u32 = 10;

/// Sums over the last ten steps of time. What is older is forgotten, withdrawals included.
#[derive(Debug, Default)]
pub(super) struct Window {
    sums: [i64; STEPS as usize],
    /// The newest step.
    newest: u64,
}

impl Window {
    pub(super) fn balance(&mut self, step: u64) -> i64 {
        self.advance(step);
        self.sums.iter().fold(0, |sum, step| sum.saturating_add(*step))
    }

    /// Adds to a step, unless that is forgotten already.
    pub(super) fn add(&mut self, step: u64, amount: i64) {
        self.advance(step);
        if self.newest - step < u64::from(STEPS) {
            let sum = self.sum(step);
            *sum = sum.saturating_add(amount);
        }
    }

    fn advance(&mut self, step: u64) {
        let passed = step.saturating_sub(self.newest).min(u64::from(STEPS));
        self.newest = self.newest.max(step);
        for forgotten in 0..passed {
            *self.sum(self.newest - forgotten) = 0;
        }
    }

    fn sum(&mut self, step: u64) -> &mut i64 {
        let slot = usize::try_from(step % u64::from(STEPS)).expect("below ten");
        &mut self.sums[slot]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a list of everything that ever happened.
        #[test]
        fn the_window_is_the_sum_of_what_is_not_forgotten(events in prop::collection::vec((0u64..40, -9i64..9), 0..60)) {
            let mut window = Window::default();
            let mut model: Vec<(u64, i64)> = Vec::new();
            let mut newest = 0;
            for (step, amount) in events {
                newest = newest.max(step);
                window.add(step, amount);
                if newest - step < u64::from(STEPS) {
                    model.push((step, amount));
                }
                let expected: i64 = model.iter().filter(|(at, _)| newest - at < u64::from(STEPS)).map(|(_, amount)| amount).sum();
                prop_assert_eq!(window.balance(newest), expected);
            }
        }
    }
}
