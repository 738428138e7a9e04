//! The distances of all pairs, as far as they are known.

/// A symmetric matrix with zeros on its diagonal: only the upper triangle is kept.
#[derive(Clone, Debug)]
pub(crate) struct Matrix {
    n: usize,
    cells: Vec<Option<f64>>,
}

impl Matrix {
    pub(crate) fn new(n: usize) -> Self {
        Self { n, cells: vec![None; n * n.saturating_sub(1) / 2] }
    }

    pub(crate) fn set(&mut self, a: usize, b: usize, distance: f64) {
        let cell = self.cell(a, b);
        self.cells[cell] = Some(distance);
    }

    /// The distance of a pair; 1 while it is not known.
    pub(crate) fn between(&self, a: usize, b: usize) -> f64 {
        if a == b { 0.0 } else { self.cells[self.cell(a, b)].unwrap_or(1.0) }
    }

    /// The rows and columns of these members.
    pub(crate) fn full(&self, members: &[usize]) -> Vec<Vec<f64>> {
        members.iter().map(|a| members.iter().map(|b| self.between(*a, *b)).collect()).collect()
    }

    /// The largest distance of any two of them; 0 of fewer than two.
    pub(crate) fn diameter(&self, members: &[usize]) -> f64 {
        pairs(members).map(|(a, b)| self.between(a, b)).fold(0.0, f64::max)
    }

    /// The member with the least sum of distances to the others; of equals the first.
    pub(crate) fn medoid(&self, members: &[usize]) -> usize {
        let sum = |a: usize| members.iter().map(|b| self.between(a, *b)).sum::<f64>();
        let (medoid, _) = members.iter().fold((members[0], f64::INFINITY), |best, a| {
            let sum = sum(*a);
            if sum < best.1 { (*a, sum) } else { best }
        });
        medoid
    }

    fn cell(&self, a: usize, b: usize) -> usize {
        let (a, b) = (a.min(b), a.max(b));
        debug_assert!(a < b && b < self.n, "a pair of different members");
        a * (2 * self.n - a - 1) / 2 + (b - a - 1)
    }
}

/// Every pair of these members, in their order.
pub(crate) fn pairs(members: &[usize]) -> impl Iterator<Item = (usize, usize)> + '_ {
    members.iter().enumerate().flat_map(|(at, a)| members[at + 1..].iter().map(|b| (*a, *b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_has_a_cell_of_its_own_from_both_sides() {
        let mut matrix = Matrix::new(7);
        let all: Vec<usize> = (0..7).collect();
        for (a, b) in pairs(&all) {
            matrix.set(b, a, (a * 10 + b) as f64);
        }
        for a in 0..7 {
            for b in 0..7 {
                let expected = if a == b { 0.0 } else { (a.min(b) * 10 + a.max(b)) as f64 };
                assert_eq!(matrix.between(a, b), expected);
            }
        }
        assert_eq!(pairs(&all).count(), 21);
    }

    #[test]
    fn the_medoid_is_the_nearest_to_all_and_of_equals_the_first() {
        let mut matrix = Matrix::new(3);
        for (a, b, distance) in [(0, 1, 0.4), (0, 2, 0.9), (1, 2, 0.5)] {
            matrix.set(a, b, distance);
        }
        assert_eq!(matrix.medoid(&[0, 1, 2]), 1);
        assert_eq!(matrix.medoid(&[0, 2]), 0);
        assert_eq!(matrix.diameter(&[0, 1, 2]), 0.9);
        assert_eq!(matrix.diameter(&[2]), 0.0);
    }

    #[test]
    fn a_single_member_makes_a_matrix_of_one_zero() {
        assert_eq!(Matrix::new(1).full(&[0]), vec![vec![0.0]]);
    }
}
