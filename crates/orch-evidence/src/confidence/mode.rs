use super::gamma::{gamma_cdf, gamma_cdf_with, ln_gamma};
use super::quadrature::integrate;

/// The chance that the most frequent answer is also the most probable one, given how often each answer came.
///
/// `counts` are the sizes of the clusters; the probabilities of the answers have the prior
/// Dirichlet(`prior`, ..). When all replicates agree, one answer that nobody gave competes.
/// `None` for fewer than two replicates: one alone says nothing about others; and when `prior` is not a
/// finite number above 0.
///
/// Of two answers it is an exact finite sum (see the incomplete beta function's recurrence). Of more,
/// the probabilities are normalised independent Gamma variables, and the chance that the first is the
/// largest is a one-dimensional integral: of its density times the chances that each other one is below.
///
/// ```
/// use orch_evidence::confidence::{PRIOR, mode_posterior};
///
/// assert_eq!(mode_posterior(&[1], PRIOR), None);
/// assert_eq!(mode_posterior(&[2, 2], PRIOR), Some(0.5));
/// assert!(mode_posterior(&[5, 1, 1], PRIOR).unwrap() > 0.9);
/// ```
#[must_use]
pub fn mode_posterior(counts: &[u32], prior: f64) -> Option<f64> {
    let counts = sorted(counts, prior)?;
    Some(match counts.as_slice() {
        [all] => leads(*all, 0, prior),
        [first, others @ ..] => chance_to_lead(*first, others, prior),
        [] => return None,
    })
}

/// [`mode_posterior`] when, besides the answers that were given, one that nobody gave competes.
///
/// Better than without where many different answers are possible, and few replicates were run.
///
/// ```
/// use orch_evidence::confidence::{PRIOR, mode_posterior, mode_posterior_with_unseen};
///
/// assert!(mode_posterior_with_unseen(&[2, 1], PRIOR) < mode_posterior(&[2, 1], PRIOR));
/// assert_eq!(mode_posterior_with_unseen(&[3], PRIOR), mode_posterior(&[3], PRIOR));
/// ```
#[must_use]
pub fn mode_posterior_with_unseen(counts: &[u32], prior: f64) -> Option<f64> {
    let mut counts = sorted(counts, prior)?;
    counts.push(0);
    Some(chance_to_lead(counts[0], &counts[1..], prior))
}

/// The counts above 0, the largest first; `None` of fewer than two replicates and for a prior that makes no sense.
fn sorted(counts: &[u32], prior: f64) -> Option<Vec<u32>> {
    let mut counts: Vec<u32> = counts.iter().copied().filter(|count| *count > 0).collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    (counts.iter().copied().map(u64::from).sum::<u64>() >= 2 && prior.is_finite() && prior > 0.0).then_some(counts)
}

/// The chance that the first is more probable than all others, of which there is at least one.
pub(crate) fn chance_to_lead(first: u32, others: &[u32], prior: f64) -> f64 {
    match others {
        [other] => leads(first, *other, prior),
        _ => largest(first, others, prior),
    }
}

/// The chance that the first of two is the more probable: `P(p > 1/2)` for `p ~ Beta(first + prior, second + prior)`.
///
/// With `b = second + prior` the chance is 1/2 at `p ~ Beta(b, b)`. Each step from `a` to `a + 1` adds
/// `(1/2)^(a+b) / (a B(a, b))`, and each such term is the last one times `(a + b) / (2 (a + 1))`.
/// With a prior of 1 it is `P(Binomial(first + second + 1, 1/2) <= first)`.
pub(crate) fn leads(first: u32, second: u32, prior: f64) -> f64 {
    if first < second {
        return 1.0 - leads(second, first, prior);
    }
    let b = f64::from(second) + prior;
    let mut a = b;
    let mut term = (ln_gamma(2.0 * b) - 2.0 * ln_gamma(b) - 2.0 * b * std::f64::consts::LN_2).exp() / b;
    let mut chance = 0.5;
    for _ in second..first {
        let before = chance;
        chance += term;
        if chance == before {
            // Terms only become smaller.
            break;
        }
        term *= (a + b) / (2.0 * (a + 1.0));
        a += 1.0;
    }
    chance.min(1.0)
}

/// The chance that a Gamma(`first + prior`) variable is larger than one with each of the other counts.
fn largest(first: u32, others: &[u32], prior: f64) -> f64 {
    let shape = f64::from(first) + prior;
    let norm = ln_gamma(shape);
    let rivals = Rivals::new(others, prior);
    // x = t^2: near zero the density behaves like x^(shape-1), which is smooth in t for half-integer shapes. In t it is
    // nearly normal with a deviation of a half around its mode, and steeper than exp(-2 d^2) on the left and exp(-d^2) on
    // the right, which is below 1e-14 beyond these ends.
    let mode = (shape - 0.5).max(0.0).sqrt();
    let chance = integrate((mode - 4.1).max(0.0), mode + 5.8, |t| {
        let (x, ln_x) = (t * t, 2.0 * t.ln());
        let density = ((shape - 1.0) * ln_x - x - norm).exp();
        density * rivals.all_below(x, ln_x) * 2.0 * t
    });
    chance.clamp(0.0, 1.0)
}

/// Gamma variables of shapes that are whole numbers apart.
struct Rivals {
    /// Shapes, the smallest first, and how many variables have each.
    groups: Vec<(f64, i32)>,
    /// The logarithm of the gamma function at the smallest shape plus 1.
    norm: f64,
}

impl Rivals {
    fn new(counts: &[u32], prior: f64) -> Self {
        let mut groups: Vec<(f64, i32)> = Vec::new();
        for count in counts.iter().rev() {
            let shape = f64::from(*count) + prior;
            match groups.last_mut() {
                Some((last, times)) if *last == shape => *times += 1,
                _ => groups.push((shape, 1)),
            }
        }
        let smallest = groups.first().map_or(1.0, |(shape, _)| *shape);
        Self { norm: ln_gamma(smallest + 1.0), groups }
    }

    /// The chance that all are at most `x`, whose logarithm is known. Only that of the smallest shape is found from the
    /// start; each next one is less by `x^a e^-x / Gamma(a + 1)`, so all are right to the rounding of numbers up to 1.
    ///
    /// Far out, where such a term of a small shape is no number any more, each is found by itself.
    fn all_below(&self, x: f64, ln_x: f64) -> f64 {
        /// `e^-x` is a number of full precision up to 708.
        const FAR: f64 = 600.0;
        if x > FAR {
            return self.groups.iter().map(|(shape, times)| gamma_cdf(*shape, x).powi(*times)).product();
        }
        let Some(((smallest, times), rest)) = self.groups.split_first() else { return 1.0 };
        let mut term = (smallest * ln_x - x - self.norm).exp();
        let mut below = gamma_cdf_with(*smallest, x, term * smallest);
        let mut all = below.powi(*times);
        let mut shape = *smallest;
        for (next, times) in rest {
            while shape < *next {
                below -= term;
                shape += 1.0;
                term *= x / shape;
            }
            all *= below.max(0.0).powi(*times);
        }
        all
    }
}
