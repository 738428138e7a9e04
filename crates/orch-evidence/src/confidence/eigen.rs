//! Eigenvalues of small symmetric matrices.

/// The eigenvalues of a symmetric matrix, given by its rows, in no particular order.
///
/// Householder's reflections bring it to three diagonals, and the implicit QR algorithm with Wilkinson's shift
/// (Golub and Van Loan, Matrix Computations, 8.3) takes those apart: about `4/3 n^3` multiplications in all.
pub(super) fn eigenvalues(mut rows: Vec<Vec<f64>>) -> Vec<f64> {
    let mut beside = tridiagonal(&mut rows);
    let mut diagonal: Vec<f64> = rows.iter().enumerate().map(|(at, row)| row[at]).collect();
    take_apart(&mut diagonal, &mut beside);
    diagonal
}

/// Makes the matrix tridiagonal; returns the entries beside the diagonal.
fn tridiagonal(rows: &mut [Vec<f64>]) -> Vec<f64> {
    let n = rows.len();
    let mut beside = vec![0.0; n.saturating_sub(1)];
    for k in 0..n.saturating_sub(1) {
        let mut v: Vec<f64> = rows[k + 1..].iter().map(|row| row[k]).collect();
        let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        // Away from the first entry, so that nothing cancels.
        beside[k] = if v[0] > 0.0 { -length } else { length };
        v[0] -= beside[k];
        let square: f64 = v.iter().map(|x| x * x).sum();
        if square > 0.0 {
            reflect(&mut rows[k + 1..], k + 1, &v, square);
        }
    }
    beside
}

/// Both sides of the block that begins at column `from` reflected along `v`, whose square is given.
fn reflect(block: &mut [Vec<f64>], from: usize, v: &[f64], square: f64) {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let p: Vec<f64> = block.iter().map(|row| 2.0 * dot(&row[from..], v) / square).collect();
    let half = dot(v, &p) / square;
    let q: Vec<f64> = p.iter().zip(v).map(|(p, v)| p - half * v).collect();
    for (i, row) in block.iter_mut().enumerate() {
        for (j, cell) in row[from..].iter_mut().enumerate() {
            *cell -= v[i] * q[j] + q[i] * v[j];
        }
    }
}

/// Drives the entries beside the diagonal to zero, from the end; returns in how many steps.
fn take_apart(diagonal: &mut [f64], beside: &mut [f64]) -> usize {
    // Rounding leaves errors of this size in any case, so smaller entries say nothing.
    let largest = diagonal.iter().chain(&*beside).fold(0.0, |largest: f64, entry| largest.max(entry.abs()));
    let negligible = |entry: f64| entry.abs() <= f64::EPSILON * largest;
    // The limit only keeps numbers that are none from looping.
    let most = 30 * diagonal.len();
    let (mut steps, mut last) = (0, diagonal.len().saturating_sub(1));
    while last > 0 && steps < most {
        if negligible(beside[last - 1]) {
            last -= 1;
            continue;
        }
        let first = (0..last).rev().find(|at| negligible(beside[*at])).map_or(0, |at| at + 1);
        step(diagonal, beside, first, last);
        steps += 1;
    }
    steps
}

/// One step of the implicit QR algorithm on a part that does not fall into pieces.
fn step(diagonal: &mut [f64], beside: &mut [f64], first: usize, last: usize) {
    let half = f64::midpoint(diagonal[last - 1], -diagonal[last]);
    let b = beside[last - 1];
    let shift = diagonal[last] - b * b / (half + half.hypot(b).copysign(half));
    let (mut x, mut z) = (diagonal[first] - shift, beside[first]);
    for k in first..last {
        let r = x.hypot(z);
        let (c, s) = if r > 0.0 { (x / r, z / r) } else { (1.0, 0.0) };
        if k > first {
            beside[k - 1] = r;
        }
        let (a, b, g) = (diagonal[k], beside[k], diagonal[k + 1]);
        diagonal[k] = c * c * a + 2.0 * c * s * b + s * s * g;
        diagonal[k + 1] = s * s * a - 2.0 * c * s * b + c * c * g;
        beside[k] = c * s * (g - a) + (c * c - s * s) * b;
        if k + 1 < last {
            x = beside[k];
            z = s * beside[k + 1];
            beside[k + 1] *= c;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(mut values: Vec<f64>) -> Vec<f64> {
        values.sort_by(f64::total_cmp);
        values
    }

    /// The sum over all cells of the n-th power of a matrix's diagonal: the sum of the eigenvalues' n-th powers.
    fn trace_of_power(rows: &[Vec<f64>], power: u32) -> f64 {
        let n = rows.len();
        let mut product: Vec<Vec<f64>> =
            (0..n).map(|a| (0..n).map(|b| f64::from(u8::from(a == b))).collect()).collect();
        for _ in 0..power {
            product = product
                .iter()
                .map(|left| (0..n).map(|b| (0..n).map(|c| left[c] * rows[c][b]).sum()).collect())
                .collect();
        }
        (0..n).map(|at| product[at][at]).sum()
    }

    #[test]
    fn small_matrices_have_the_eigenvalues_of_the_textbook() {
        assert_eq!(eigenvalues(vec![]), Vec::<f64>::new());
        assert_eq!(eigenvalues(vec![vec![3.0]]), [3.0]);
        let two = sorted(eigenvalues(vec![vec![2.0, 1.0], vec![1.0, 2.0]]));
        assert!((two[0] - 1.0).abs() < 1e-14 && (two[1] - 3.0).abs() < 1e-14, "{two:?}");
        let ones = sorted(eigenvalues(vec![vec![1.0; 8]; 8]));
        assert!((ones[7] - 8.0).abs() < 1e-13 && ones[..7].iter().all(|value| value.abs() < 1e-13), "{ones:?}");
    }

    #[test]
    fn the_second_difference_has_the_squares_of_sines() {
        let n = 32_usize;
        let cell = |a: usize, b: usize| match a.abs_diff(b) {
            0 => 2.0,
            1 => -1.0,
            _ => 0.0,
        };
        let found = sorted(eigenvalues((0..n).map(|a| (0..n).map(|b| cell(a, b)).collect()).collect()));
        for (at, value) in found.iter().enumerate() {
            let angle = std::f64::consts::PI * (at + 1) as f64 / (2 * (n + 1)) as f64;
            assert!((value - 4.0 * angle.sin().powi(2)).abs() < 1e-13, "{at}: {value}");
        }
    }

    #[test]
    fn an_eigenvalue_takes_three_steps_at_most_singular_ones_included() {
        let n = 32_usize;
        let jaccard =
            |a: usize, b: usize| if a == b { 1.0 } else { ((a.min(b) * 31 + a.max(b) * 17) % 10) as f64 / 12.0 };
        let some: Vec<Vec<f64>> = (0..n).map(|a| (0..n).map(|b| jaccard(a, b)).collect()).collect();
        for mut rows in [some, vec![vec![1.0; n]; n], vec![vec![0.0; n]; n]] {
            let mut beside = tridiagonal(&mut rows);
            let mut diagonal: Vec<f64> = (0..n).map(|at| rows[at][at]).collect();
            assert!(take_apart(&mut diagonal, &mut beside) <= 3 * n);
        }
    }

    proptest! {
        #[test]
        fn sums_of_powers_of_the_eigenvalues_are_traces(n in 1_usize..12, cells in prop::collection::vec(-1.0..1.0_f64, 144)) {
            let rows: Vec<Vec<f64>> =
                (0..n).map(|a| (0..n).map(|b| cells[a.max(b) * 12 + a.min(b)]).collect()).collect();
            let found = eigenvalues(rows.clone());
            for power in 1..5 {
                let sum: f64 = found.iter().map(|value| value.powi(i32::try_from(power).unwrap())).sum();
                let trace = trace_of_power(&rows, power);
                prop_assert!((sum - trace).abs() < 1e-9 * (1.0 + trace.abs()), "{power}: {sum} and {trace}");
            }
        }
    }
}
