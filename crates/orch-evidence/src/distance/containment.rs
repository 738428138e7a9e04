use super::counts::shared_counts;
use super::{Distance, Prepared};

/// The part of the words of the shorter text (the one with fewer different words) that the longer one
/// lacks: 0 if it says all that the shorter one says, and maybe more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Containment;

impl Distance for Containment {
    fn name(&self) -> &'static str {
        "containment"
    }

    fn distance(&self, a: &Prepared, b: &Prepared) -> f64 {
        if a.same(b) {
            return 0.0;
        }
        let (mut shared, mut of_a, mut of_b) = (0_u64, 0_u64, 0_u64);
        for (in_a, in_b) in shared_counts(a.sorted(), b.sorted()) {
            shared += u64::from(in_a > 0 && in_b > 0);
            of_a += u64::from(in_a > 0);
            of_b += u64::from(in_b > 0);
        }
        match of_a.min(of_b) {
            // Nothing is not a part of everything: that would make an empty answer agree with all.
            0 => f64::from(u8::from(of_a != of_b)),
            fewer => 1.0 - shared as f64 / fewer as f64,
        }
    }

    fn longest(&self) -> usize {
        usize::MAX
    }
}
