//! Arrays whose order does not matter: who is paired with whom.

use super::compare::Mass;
use super::pairing::{Arrays, Pair, cost};

/// The pairs with the least disagreement (the Hungarian method with potentials, Kuhn 1955 and Munkres 1957, in cubic
/// time). Every item of the shorter array gets a partner.
pub(super) fn best(arrays: &Arrays<'_>) -> Vec<Pair> {
    let turned = arrays.a.len() > arrays.b.len();
    let (rows, columns) = if turned { (arrays.b.len(), arrays.a.len()) } else { (arrays.a.len(), arrays.b.len()) };
    let places = |row, column| if turned { (column, row) } else { (row, column) };
    let cells = (0..rows).flat_map(|row| (0..columns).map(move |column| places(row, column)));
    let (cells, saved): (Vec<Pair>, Vec<i128>) = cells.map(|(at, to)| measured(arrays, at, to)).unzip();
    let partners = least(rows, columns, |row, column| saved[row * columns + column]);
    let mut pairs: Vec<Pair> =
        partners.into_iter().enumerate().map(|(row, column)| cells[row * columns + column]).collect();
    pairs.sort_unstable_by_key(|(at, to, _)| (*at, *to));
    pairs
}

/// A pair, and what it costs less what its two items would cost alone.
fn measured(arrays: &Arrays<'_>, at: usize, to: usize) -> (Pair, i128) {
    let apart: Mass = arrays.between(at, to);
    ((at, to, apart), cost(apart) - cost(arrays.alone_in_a(at)) - cost(arrays.alone_in_b(to)))
}

/// The partner of each row, with the least sum. There are at least as many columns as rows.
fn least(rows: usize, columns: usize, cost: impl Fn(usize, usize) -> i128) -> Vec<usize> {
    // Column 0 stands for the row that is being placed; rows are counted from 1, and 0 is none.
    let (mut of_row, mut of_column) = (vec![0_i128; rows + 1], vec![0_i128; columns + 1]);
    let mut owner = vec![0_usize; columns + 1];
    for row in 1..=rows {
        owner[0] = row;
        let mut slack = vec![i128::MAX; columns + 1];
        let mut came_from = vec![0_usize; columns + 1];
        let mut seen = vec![false; columns + 1];
        let mut at = 0;
        while owner[at] != 0 {
            seen[at] = true;
            let current = owner[at];
            let (mut next, mut step) = (0, i128::MAX);
            for column in (1..=columns).filter(|column| !seen[*column]) {
                let reduced = cost(current - 1, column - 1) - of_row[current] - of_column[column];
                if reduced < slack[column] {
                    (slack[column], came_from[column]) = (reduced, at);
                }
                if slack[column] < step {
                    (next, step) = (column, slack[column]);
                }
            }
            for column in 0..=columns {
                if seen[column] {
                    of_row[owner[column]] += step;
                    of_column[column] -= step;
                } else if slack[column] < i128::MAX {
                    slack[column] -= step;
                }
            }
            at = next;
        }
        while at != 0 {
            owner[at] = owner[came_from[at]];
            at = came_from[at];
        }
    }
    let mut partners = vec![0; rows];
    for column in (1..=columns).filter(|column| owner[*column] != 0) {
        partners[owner[column] - 1] = column - 1;
    }
    partners
}

/// The best pair first, then the best of what is left. Equal items come first of all.
pub(super) fn greedy(arrays: &Arrays<'_>) -> Vec<Pair> {
    let all = (0..arrays.a.len()).flat_map(|at| (0..arrays.b.len()).map(move |to| (at, to)));
    let mut all: Vec<(Pair, i128)> = all.map(|(at, to)| measured(arrays, at, to)).collect();
    all.sort_unstable_by_key(|((at, to, _), saved)| (*saved, *at.min(to), *at.max(to), *at));
    let mut free = (vec![true; arrays.a.len()], vec![true; arrays.b.len()]);
    let mut pairs = Vec::new();
    for ((at, to, apart), _) in all {
        if free.0[at] && free.1[to] {
            (free.0[at], free.1[to]) = (false, false);
            pairs.push((at, to, apart));
        }
    }
    pairs.sort_unstable_by_key(|(at, to, _)| (*at, *to));
    pairs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The least sum over all ways to give every row a column of its own.
    fn naive(rows: &[Vec<i128>], used: &mut Vec<bool>) -> i128 {
        let Some((first, rest)) = rows.split_first() else { return 0 };
        let mut best = i128::MAX;
        for column in 0..first.len() {
            if !used[column] {
                used[column] = true;
                best = best.min(first[column] + naive(rest, used));
                used[column] = false;
            }
        }
        best
    }

    proptest! {
        #[test]
        fn no_other_assignment_costs_less(rows in 1_usize..5, more in 0_usize..3, cells in prop::collection::vec(-20_i128..20, 42)) {
            let columns = rows + more;
            let table: Vec<Vec<i128>> = (0..rows).map(|row| cells[row * columns..][..columns].to_vec()).collect();
            let partners = least(rows, columns, |row, column| table[row][column]);
            let mut distinct = partners.clone();
            distinct.sort_unstable();
            distinct.dedup();
            prop_assert_eq!(distinct.len(), rows);
            let sum: i128 = partners.iter().enumerate().map(|(row, column)| table[row][*column]).sum();
            prop_assert_eq!(sum, naive(&table, &mut vec![false; columns]));
        }
    }
}
