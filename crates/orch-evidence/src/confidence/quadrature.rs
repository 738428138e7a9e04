//! Gauss-Legendre quadrature.

use std::sync::LazyLock;

const NODES: u32 = 96;

/// Nodes and weights on -1 to 1.
static RULE: LazyLock<Vec<(f64, f64)>> = LazyLock::new(|| (1..=NODES).map(node).collect());

/// The integral of `f` from `low` to `high`; exact for polynomials of a degree below 192.
pub(super) fn integrate(low: f64, high: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (middle, half) = (f64::midpoint(low, high), (high - low) / 2.0);
    half * RULE.iter().map(|(x, weight)| weight * f(middle + half * x)).sum::<f64>()
}

/// The i-th root of the Legendre polynomial by Newton's method, and its weight.
fn node(i: u32) -> (f64, f64) {
    let n = f64::from(NODES);
    let mut x = (std::f64::consts::PI * (f64::from(i) - 0.25) / (n + 0.5)).cos();
    let mut slope = 1.0;
    for _ in 0..100 {
        let (value, before) = legendre(x);
        slope = n * (x * value - before) / (x * x - 1.0);
        let step = value / slope;
        x -= step;
        if step.abs() < 1e-16 {
            break;
        }
    }
    (x, 2.0 / ((1.0 - x * x) * slope * slope))
}

/// The Legendre polynomials of degree `NODES` and one less.
fn legendre(x: f64) -> (f64, f64) {
    (1..NODES).map(f64::from).fold((x, 1.0), |(p, before), k| (((2.0 * k + 1.0) * x * p - k * before) / (k + 1.0), p))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_and_smooth_functions_are_integrated_to_rounding() {
        assert!((integrate(0.0, 2.0, |x| 5.0 * x.powi(4)) - 32.0).abs() < 1e-11);
        assert!((integrate(-1.0, 1.0, |_| 1.0) - 2.0).abs() < 1e-13);
        assert!((integrate(0.0, std::f64::consts::PI, f64::sin) - 2.0).abs() < 1e-12);
        assert!((integrate(-8.0, 8.0, |x| (-x * x).exp()) - std::f64::consts::PI.sqrt()).abs() < 1e-12);
    }
}
