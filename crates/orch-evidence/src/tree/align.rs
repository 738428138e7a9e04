//! Arrays whose order matters: the alignment with the least that is put in, left out or changed.

use super::compare::Mass;
use super::pairing::{Arrays, Pair, cost};

/// Where the best way into a cell of the table comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    Both,
    A,
    B,
}

/// Pairs whose places both rise.
pub(super) fn align(arrays: &Arrays<'_>) -> Vec<Pair> {
    let (a, b) = (arrays.a, arrays.b);
    // Equal items at both ends belong together whatever is between them.
    let start = a.iter().zip(b).take_while(|(a, b)| a.same(b)).count();
    let end = a[start..].iter().rev().zip(b[start..].iter().rev()).take_while(|(a, b)| a.same(b)).count();
    let same = |at, to| (at, to, arrays.between(at, to));
    let mut pairs: Vec<Pair> = (0..start).map(|at| same(at, at)).collect();
    let (rows, columns) = (a.len() - end - start, b.len() - end - start);
    pairs.extend(middle(arrays, start, rows, columns));
    pairs.extend((0..end).map(|at| same(a.len() - end + at, b.len() - end + at)));
    pairs
}

fn middle(arrays: &Arrays<'_>, start: usize, rows: usize, columns: usize) -> Vec<Pair> {
    if rows == 0 || columns == 0 {
        return Vec::new();
    }
    let puts: Vec<i128> = (0..columns).map(|to| cost(arrays.alone_in_b(start + to))).collect();
    let mut best: Vec<i128> = std::iter::once(0).chain(puts.iter().scan(0, |sum, put| Some(add(sum, *put)))).collect();
    let cells = (0..rows).flat_map(|row| (0..columns).map(move |column| (start + row, start + column)));
    let apart: Vec<Mass> = cells.map(|(at, to)| arrays.between(at, to)).collect();
    let mut from = vec![From::Both; rows * columns];
    for row in 0..rows {
        let left_out = cost(arrays.alone_in_a(start + row));
        let mut diagonal = best[0];
        best[0] += left_out;
        for column in 0..columns {
            let both = diagonal + cost(apart[row * columns + column]);
            let (up, left) = (best[column + 1] + left_out, best[column] + puts[column]);
            diagonal = best[column + 1];
            let least = both.min(up).min(left);
            best[column + 1] = least;
            from[row * columns + column] = match least {
                _ if least == both => From::Both,
                _ if least == up => From::A,
                _ => From::B,
            };
        }
    }
    let pairs = way_back(&from, rows, columns).into_iter();
    pairs.map(|(row, column)| (start + row, start + column, apart[row * columns + column])).collect()
}

fn add(sum: &mut i128, next: i128) -> i128 {
    *sum += next;
    *sum
}

fn way_back(from: &[From], rows: usize, columns: usize) -> Vec<(usize, usize)> {
    let (mut row, mut column) = (rows, columns);
    let mut pairs = Vec::new();
    while row > 0 && column > 0 {
        match from[(row - 1) * columns + column - 1] {
            From::Both => {
                (row, column) = (row - 1, column - 1);
                pairs.push((row, column));
            }
            From::A => row -= 1,
            From::B => column -= 1,
        }
    }
    pairs.reverse();
    pairs
}
