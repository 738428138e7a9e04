//! The gamma function and its incomplete integral.

/// The natural logarithm of the gamma function for `x > 0` (Lanczos' approximation with g = 7 and 9
/// coefficients; about 15 digits).
pub(crate) fn ln_gamma(x: f64) -> f64 {
    const G: f64 = 7.0;
    const FIRST: f64 = 0.999_999_999_999_809_9;
    const REST: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let sum = REST.iter().zip(1_u32..).fold(FIRST, |sum, (c, i)| sum + c / (x + f64::from(i)));
    let t = x + G + 0.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// The chance that a Gamma(`shape`, 1) variable is at most `x`: the regularised lower incomplete gamma function.
///
/// By its power series left of the mode and by Lentz' continued fraction of the rest right of it.
pub(crate) fn gamma_cdf(shape: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    gamma_cdf_with(shape, x, (shape * x.ln() - x - ln_gamma(shape)).exp())
}

/// The same where `x^shape e^-x / Gamma(shape)`, the `scale`, is known.
pub(super) fn gamma_cdf_with(shape: f64, x: f64, scale: f64) -> f64 {
    let value = if x < shape + 1.0 { scale * lower_series(shape, x) } else { 1.0 - scale * upper_fraction(shape, x) };
    value.clamp(0.0, 1.0)
}

/// More than it takes until nothing changes: near the mode that is some square roots of the shape.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a square root is neither large nor below 0"
)]
fn steps(shape: f64) -> u32 {
    500 + (10.0 * shape.sqrt()) as u32
}

fn lower_series(shape: f64, x: f64) -> f64 {
    let mut term = 1.0 / shape;
    let mut sum = term;
    for i in 1..steps(shape) {
        term *= x / (shape + f64::from(i));
        sum += term;
        if term < sum * f64::EPSILON {
            break;
        }
    }
    sum
}

fn upper_fraction(shape: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let mut b = x + 1.0 - shape;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut value = d;
    for i in 1..steps(shape) {
        let i = f64::from(i);
        let a = -i * (i - shape);
        b += 2.0;
        d = nonzero(a * d + b, TINY).recip();
        c = nonzero(b + a / c, TINY);
        let factor = d * c;
        value *= factor;
        if (factor - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    value
}

fn nonzero(x: f64, tiny: f64) -> f64 {
    if x.abs() < tiny { tiny } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gamma_of_whole_numbers_is_the_factorial() {
        let mut factorial = 1.0_f64;
        for n in 1_u32..60 {
            assert!((ln_gamma(f64::from(n)) - factorial.ln()).abs() < 1e-12 * factorial.ln().max(1.0), "{n}");
            factorial *= f64::from(n);
        }
        assert!((ln_gamma(0.5) - std::f64::consts::PI.sqrt().ln()).abs() < 1e-13);
    }

    #[test]
    fn the_integral_of_a_whole_shape_is_a_poisson_tail() {
        for shape in [1_u32, 2, 5, 20, 65] {
            for x in [0.01, 0.7, 3.0, 19.5, 64.0, 120.0] {
                let mut term = f64::exp(-x);
                let mut below = 0.0;
                for i in 0..shape {
                    below += term;
                    term *= x / f64::from(i + 1);
                }
                assert!((gamma_cdf(f64::from(shape), x) - (1.0 - below)).abs() < 1e-12, "{shape} {x}");
            }
        }
    }

    #[test]
    fn nothing_lies_below_zero_and_everything_below_a_large_number() {
        assert_eq!(gamma_cdf(0.5, 0.0), 0.0);
        assert!((gamma_cdf(0.5, 200.0) - 1.0).abs() < 1e-15);
    }
}
