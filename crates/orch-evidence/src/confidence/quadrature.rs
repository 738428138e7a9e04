//! Gauss-Legendre quadrature.

const NODES: usize = 64;

/// Nodes above 0 and their weights, on -1 to 1; the others are their mirror images. Found by the compiler.
static RULE: [(f64, f64); NODES / 2] = {
    let mut rule = [(0.0, 0.0); NODES / 2];
    let mut at = 0;
    while at < NODES / 2 {
        rule[at] = node(at);
        at += 1;
    }
    rule
};

/// The integral of `f` from `low` to `high`; exact for polynomials of a degree below 128.
pub(super) fn integrate(low: f64, high: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (middle, half) = (f64::midpoint(low, high), (high - low) / 2.0);
    half * RULE.iter().map(|(x, weight)| weight * (f(middle - half * x) + f(middle + half * x))).sum::<f64>()
}

/// The i-th largest root of the Legendre polynomial by Newton's method, and its weight.
const fn node(i: usize) -> (f64, f64) {
    let n = NODES as f64;
    let mut x = cosine(std::f64::consts::PI * (i as f64 + 0.75) / (n + 0.5));
    let mut slope = 1.0;
    let mut step = 0;
    // Each step doubles the digits, of which the first guess has three.
    while step < 6 {
        let (value, before) = legendre(x);
        slope = n * (x * value - before) / (x * x - 1.0);
        x -= value / slope;
        step += 1;
    }
    (x, 2.0 / ((1.0 - x * x) * slope * slope))
}

/// By its power series; for angles up to a right one.
const fn cosine(angle: f64) -> f64 {
    let (mut term, mut sum, mut k) = (1.0, 1.0, 1.0);
    while k < 20.0 {
        term *= -angle * angle / (k * (k + 1.0));
        sum += term;
        k += 2.0;
    }
    sum
}

/// The Legendre polynomials of degree `NODES` and one less.
const fn legendre(x: f64) -> (f64, f64) {
    let (mut p, mut before, mut k) = (x, 1.0, 1);
    while k < NODES {
        let degree = k as f64;
        (p, before) = (((2.0 * degree + 1.0) * x * p - degree * before) / (degree + 1.0), p);
        k += 1;
    }
    (p, before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_and_smooth_functions_are_integrated_to_rounding() {
        assert!((integrate(0.0, 2.0, |x| 5.0 * x.powi(4)) - 32.0).abs() < 1e-11);
        assert!((integrate(-1.0, 1.0, |x| x.powi(126)) - 2.0 / 127.0).abs() < 1e-14);
        assert!((integrate(-1.0, 1.0, |_| 1.0) - 2.0).abs() < 1e-13);
        assert!((integrate(0.0, std::f64::consts::PI, f64::sin) - 2.0).abs() < 1e-12);
        assert!((integrate(-8.0, 8.0, |x| (-x * x).exp()) - std::f64::consts::PI.sqrt()).abs() < 1e-12);
    }
}
