use super::counts::shared;
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
        let (a, b) = (a.distinct(), b.distinct());
        match a.len().min(b.len()) {
            // Nothing is not a part of everything: that would make an empty answer agree with all.
            0 => f64::from(u8::from(a.len() != b.len())),
            fewer => 1.0 - shared(a, b) as f64 / fewer as f64,
        }
    }

    fn longest(&self) -> usize {
        usize::MAX
    }
}
