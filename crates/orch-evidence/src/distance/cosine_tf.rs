use super::counts::shared_counts;
use super::{Distance, Prepared};

/// One minus the cosine of how often each word occurs. It does not see the order of words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CosineTf;

impl Distance for CosineTf {
    fn name(&self) -> &'static str {
        "cosine_tf"
    }

    fn distance(&self, a: &Prepared, b: &Prepared) -> f64 {
        if a.same(b) {
            return 0.0;
        }
        let (mut dot, mut of_a, mut of_b) = (0_u64, 0_u64, 0_u64);
        for (in_a, in_b) in shared_counts(a.sorted(), b.sorted()) {
            dot += in_a * in_b;
            of_a += in_a * in_a;
            of_b += in_b * in_b;
        }
        if of_a == 0 || of_b == 0 {
            return if of_a == of_b { 0.0 } else { 1.0 };
        }
        // In one root, so that equal counts give exactly 1.
        let norm = (of_a as f64 * of_b as f64).sqrt();
        (1.0 - dot as f64 / norm).clamp(0.0, 1.0)
    }

    fn longest(&self) -> usize {
        usize::MAX
    }
}
